#!/bin/sh
# Prints the pages that the programs know best: docs/generate.sh BUILD_DIR [OUT_DIR]
# make lint compares them with what is committed.
set -eu
build=$1
out=${2:-$(dirname "$0")}
# trien-inspect is no service: validation and signing start it.
services=$(ls "$build"/bin/trien-* | grep -v /trien-inspect$)
{
    echo '# Flow'
    echo
    echo 'Printed by the programs (`make docs`): what comes in, who may send it, what goes out.'
    for program in $services; do
        echo
        "$program" --flow
    done
} > "$out/flow.md"
{
    echo '# States'
    echo
    echo 'Printed by the programs (`make docs`): every allowed step and why.'
    for program in $services; do
        states=$("$program" --states)
        [ -z "$states" ] || printf '\n%s\n' "$states"
    done
} > "$out/states.md"
{
    echo '# Metrics'
    echo
    echo 'Printed by the programs (`make docs`, `trien-<service> --metrics`): what each tells Prometheus at `/metrics` of its'
    echo 'admin port, and operators over the bus (`trienctl status`). Labels that Prometheus adds: `job` is the service.'
    echo 'A gauge that nobody measures any more is not shown. Every process also has `process_cpu_seconds_total`,'
    echo '`process_open_fds`, `process_resident_memory_bytes`, `process_virtual_memory_bytes`, `process_threads` and'
    echo '`process_start_time_seconds`. What the alerts mean: [alarms.md](alarms.md).'
    echo
    echo '| name | kind | labels | meaning | of |'
    echo '|---|---|---|---|---|'
    for program in $services; do
        "$program" --metrics | sed "s/\$/$(basename "$program" | sed 's/^trien-//')/"
    done | LC_ALL=C sort | awk -F '|' -v services="$(echo "$services" | wc -l)" '
        function finish() {
            if (last)
                print last " " (n == services ? "all" : n == services - 1 && !signer ? "all but signer" : of) " |"
        }
        { row = "|" $2 "|" $3 "|" $4 "|" $5 "|" }
        row != last { finish(); last = row; of = ""; n = signer = 0 }
        { of = of (of ? ", " : "") $6; n++; signer += $6 == "signer" }
        END { finish() }'
} > "$out/metrics.md"
{
    echo '# Configuration'
    echo
    echo 'Printed by the programs (`make docs`): every key, its type, default and meaning.'
    for program in $services; do
        printf '\n## %s\n\n```\n' "$(basename "$program" | sed 's/^trien-//')"
        "$program" --help-config
        printf '```\n'
    done
} > "$out/config.md"
{
    echo '# Errors'
    echo
    echo 'From the registry `proto/error.proto` (`make docs`). 1xxx is tried again, 2xxx is refused, 3xxx stops the process.'
    echo
    echo '| number | code | English | Tiếng Việt |'
    echo '|---|---|---|---|'
    awk '/^ *\/\/ en: /{sub(/^ *\/\/ en: /,"");en=$0} /^ *\/\/ vi: /{sub(/^ *\/\/ vi: /,"");vi=$0}
         /^ *[A-Z][A-Z0-9_]* = [0-9]+;/{sub(/;/,"",$3); printf "| %s | `%s` | %s | %s |\n", $3, tolower($1), en, vi}' \
        "$(dirname "$0")/../proto/error.proto"
} > "$out/errors.md"
mkdir -p "$out/man"
"$build/bin/trienctl" --man > "$out/man/trienctl.1"
