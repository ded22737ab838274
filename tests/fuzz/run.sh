#!/bin/sh
# Runs fuzz targets for so many seconds each:  tests/fuzz/run.sh SECONDS [TARGET]
# Seeds come from tests/fuzz/corpus/<target>/ and what tests/fuzz/seeds.py makes (FUZZ_SEEDED: has made); what the fuzzer
# finds new stays under build/fuzz/found/<target>/, a crash under build/fuzz/crash/.
set -eu
cd "$(dirname "$0")/../.."
seconds=$1
only=${2:-}
failed=0
ran=0
[ -n "${FUZZ_SEEDED:-}" ] || "${PYTHON:-python3}" tests/fuzz/seeds.py build/fuzz/seeds
for target in build/fuzz/fuzz/*; do
    [ -x "$target" ] && [ -f "$target" ] || continue
    name=$(basename "$target")
    [ -z "$only" ] || [ "$only" = "$name" ] || continue
    found=build/fuzz/found/$name
    mkdir -p "$found" build/fuzz/crash build/fuzz/log
    set -- "$found"
    for seeds in "tests/fuzz/corpus/$name" "build/fuzz/seeds/$name"; do
        [ ! -d "$seeds" ] || set -- "$@" "$seeds"
    done
    if "$target" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 -verbosity=1 -seed="${FUZZ_SEED:-0}" \
        -artifact_prefix="build/fuzz/crash/$name-" "$@" > "build/fuzz/log/$name" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/log/$name")
        echo "fuzz $name: ok, ${runs:-0} inputs in ${seconds}s"
    else
        echo "fuzz $name: FAILED, see build/fuzz/log/$name"
        tail -n 25 "build/fuzz/log/$name"
        failed=$((failed + 1))
    fi
    ran=$((ran + 1))
done
[ "$ran" -gt 0 ] || { echo "no fuzz target named '$only'" >&2; exit 64; }
exit "$failed"
