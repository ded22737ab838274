#!/bin/sh
# PostgreSQL in its container: makes the cluster at the first start, then is it.
set -eu
umask 077
BIN=$(ls -d /usr/lib/postgresql/*/bin)
DATA=/trien/pg/data
if [ ! -s "$DATA/PG_VERSION" ]; then
    rm -rf "$DATA.new"
    "$BIN/initdb" -D "$DATA.new" -U trien_admin --pwfile=/run/secrets/admin_database -A scram-sha-256 \
        -E UTF8 --locale=C.UTF-8 --no-instructions
    mv "$DATA.new" "$DATA"
fi
exec "$BIN/postgres" -D "$DATA" -c config_file=/trien/compose/postgres/container.conf "$@"
