#!/bin/sh
# A private PostgreSQL for the C unit tests: `pg.sh start` prints its socket folder (for TRIEN_TEST_PG),
# `pg.sh stop` ends it and removes it. Never touches a server of the user's own: another folder, no TCP.
# TRIEN_PG_STATE names the file that remembers the folder; PG_FSYNC=on for measurements.
set -eu
state=${TRIEN_PG_STATE:-$(cd "$(dirname "$0")/../.." && pwd)/build/unit-pg}
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)

# PostgreSQL refuses to run as root: an unprivileged user does.
as_user() {
    if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"; else "$@"; fi
}

stop() {
    [ -f "$state" ] || return 0
    dir=$(cat "$state")
    as_user "$bin/pg_ctl" -D "$dir/data" -m immediate -s stop >/dev/null 2>&1 || true
    rm -rf "$dir" "$state"
}

start() {
    stop
    mkdir -p "$(dirname "$state")"
    dir=$(mktemp -d /tmp/trien-pg.XXXXXX)
    if [ "$(id -u)" = 0 ]; then chown postgres:postgres "$dir"; fi
    chmod 755 "$dir"
    echo "$dir" >"$state"
    cd "$dir"
    as_user "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >/dev/null
    as_user "$bin/pg_ctl" -D "$dir/data" -w -s -l "$dir/log" -o "-k $dir -c listen_addresses='' \
        -c fsync=${PG_FSYNC:-off} -c shared_buffers=128MB -c max_connections=200" start >/dev/null
    echo "$dir"
}

case "${1:-}" in
start) start ;;
stop) stop ;;
*) echo "usage: $0 start|stop" >&2; exit 64 ;;
esac
