#!/bin/sh
# The private PostgreSQL cluster of one installation (var/demo or a test laboratory):
#
#     compose/cluster.sh init DIR              make it, and the roles and databases of every service
#     compose/cluster.sh start|stop DIR        by its own data folder; nobody else's server is touched
#     compose/cluster.sh migrate DIR [SERVICE] sqitch: the frame's project, then the service's own
#     compose/cluster.sh listen DIR NAME NETWORK   from the next start on TCP as well: TLS for NAME (an
#                                              address or a host's name), SCRAM, from NETWORK alone
#     compose/cluster.sh archive DIR FOLDER    from the next start on every segment of the log is kept in FOLDER
#     compose/cluster.sh backup DIR FOLDER     a verified base backup, FOLDER/<time>; prints its path
#     compose/cluster.sh restore DIR BACKUP ARCHIVE [MOMENT]   of a stopped cluster: to the end of the archive, or to
#                                              MOMENT (a time with its zone, or a restore point's name);
#                                              the data replaced stay beside it
#     compose/cluster.sh prepare DIR NAME      passwords and certificate of a server that runs elsewhere as NAME
#     compose/cluster.sh databases DIR         roles, databases and migrations there (etc/cluster says where)
#     compose/cluster.sh psql DIR [ARGS...]    as the cluster's administrator
#     compose/cluster.sh remove DIR            stop it and remove the whole installation
#
# It listens on a Unix socket only until `listen` says otherwise. Called by root it runs as an
# unprivileged user. Every role has a password of its own in keys/db/ (SCRAM). Socket paths have 107
# bytes at most and the unprivileged user must be able to reach its data, so both may live elsewhere;
# etc/cluster says where.
set -eu
umask 077
PG_BIN=${PG_BIN:-$(ls -d /usr/lib/postgresql/15/bin /usr/lib/postgresql/*/bin 2>/dev/null | head -n 1)}
SHARE=$(cd "$(dirname "$0")/.." && pwd)
ADMIN=trien_admin

fail() { echo "cluster: $*" >&2; exit 1; }

# Every service that has migrations of its own.
services() { (cd "$SHARE/migrations" && for m in */sqitch.plan; do echo "${m%/sqitch.plan}"; done) | grep -v '^frame$'; }

# Runs a command as the owner of the cluster.
as_owner() {
    if [ "$(id -u)" = 0 ]; then (cd / && runuser -u "$OWNER" -- "$@"); else "$@"; fi
}

choose_owner() {
    if [ "$(id -u)" != 0 ]; then id -un
    elif id postgres > /dev/null 2>&1; then echo postgres
    else echo nobody; fi
}

# etc/cluster: three lines the other commands read.
place() {
    OWNER=$(choose_owner)
    name=trien-$(printf %s "$DIR" | sha256sum | cut -c1-10)
    SOCKET=/tmp/$name
    DATA=$DIR/pg
    [ "$(id -u)" != 0 ] || chmod a+x "$DIR"
    if ! as_owner test -x "$DIR/."; then
        DATA=/var/tmp/$name/pg
        mkdir -p "/var/tmp/$name"
        chmod 711 "/var/tmp/$name"
        ln -sfn "$DATA" "$DIR/pg"
    fi
    mkdir -p "$DIR/etc"
    printf 'OWNER=%s\nDATA=%s\nSOCKET=%s\n' "$OWNER" "$DATA" "$SOCKET" > "$DIR/etc/cluster"
}

known() {
    [ -r "$DIR/etc/cluster" ] || fail "$DIR has no cluster; run trienctl init"
    . "$DIR/etc/cluster"
    : "${PASSFILE:=$DIR/keys/db/passfile}" "${LOG:=$DIR/log}"
    export PGHOST="$SOCKET" PGPORT=5432 PGPASSFILE="$PASSFILE" PGOPTIONS="-c client_min_messages=warning"
}

running() { as_owner "$PG_BIN/pg_ctl" -D "$DATA" status > /dev/null 2>&1; }

admin() { psql -qXAt -v ON_ERROR_STOP=1 -U "$ADMIN" -d postgres "$@"; }

# A password file per role and one for psql and sqitch; made once, kept for ever.
password() {
    known=$(awk -F: -v role="$1" '$4 == role { print $5 }' "$PASSFILE" 2> /dev/null || true)
    [ -z "$known" ] || { echo "$known"; return 0; }
    file=$DIR/keys/db/$1.password
    [ -s "$file" ] || openssl rand -hex 24 > "$file"
    echo "*:*:*:$1:$(cat "$file")" >> "$PASSFILE"
    cat "$file"
}

make_data() {
    install -d -m 700 -o "$OWNER" "$DATA"
    pwfile=$(mktemp /tmp/trien-pw.XXXXXX)
    password "$ADMIN" > "$pwfile"
    chown "$OWNER" "$pwfile"
    as_owner "$PG_BIN/initdb" -D "$DATA" -U "$ADMIN" --pwfile="$pwfile" -A scram-sha-256 \
        -E UTF8 --locale=C.UTF-8 --no-instructions > "$DIR/log/initdb.log" 2>&1 ||
        { rm -f "$pwfile"; cat "$DIR/log/initdb.log" >&2; fail "initdb failed"; }
    rm -f "$pwfile"
    { cat "$SHARE/compose/postgres/postgresql.conf" && cat <<CONF; } | as_owner tee -a "$DATA/postgresql.conf" > /dev/null
listen_addresses = ''
unix_socket_directories = '$SOCKET'
include_if_exists = 'listen.conf'
include_if_exists = 'archive.conf'
CONF
    allow
}

# Who may come, and how: pg_hba.conf, with one network when it listens.
allow() {
    put pg_hba.conf <<HBA
local       all         all            scram-sha-256
local       replication $ADMIN    scram-sha-256
${1:+hostssl     all         all $1 scram-sha-256}
HBA
}

quiet() { "$@" > "$DIR/log/openssl.log" 2>&1 || { cat "$DIR/log/openssl.log" >&2; fail "$1 $2"; }; }

# The databases' own authority (keys/db/authority.pem is what services trust), and a certificate of it for NAME.
certify() {
    keys=$DIR/keys/db san=DNS:$1
    case $1 in *[!0-9.]*) ;; *) san=IP:$1 ;; esac
    [ -s "$keys/authority.pem" ] ||
        quiet openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
            -subj "/O=Triện/CN=Databases of this installation" -keyout "$keys/authority.key" -out "$keys/authority.pem"
    quiet openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
        -keyout "$keys/server.key" -out "$keys/server.csr"
    printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$san" > "$keys/server.ext"
    quiet openssl x509 -req -in "$keys/server.csr" -CA "$keys/authority.pem" -CAkey "$keys/authority.key" \
        -CAcreateserial -days 825 -sha256 -extfile "$keys/server.ext" -out "$keys/server.pem"
    rm "$keys/server.csr" "$keys/server.ext"
}

# Writes what comes in to a file of the cluster's.
put() { as_owner tee "$DATA/$1" > /dev/null; as_owner chmod 600 "$DATA/$1"; }

listen() {
    certify "$1"
    put server.pem < "$DIR/keys/db/server.pem"
    put server.key < "$DIR/keys/db/server.key"
    put listen.conf <<CONF
listen_addresses = '$1'
ssl = on
ssl_cert_file = 'server.pem'
ssl_key_file = 'server.key'
ssl_min_protocol_version = 'TLSv1.2'
CONF
    allow "$2"
}

# A segment appears in the archive whole or not at all, and is never replaced; the same one again, after a crash
# before PostgreSQL noted it, is in order.
archive() {
    install -d -m 700 -o "$OWNER" "$1"
    folder=$(cd "$1" && pwd)
    as_owner test -w "$folder" || fail "$OWNER cannot write $folder"
    put archive.conf <<CONF
archive_mode = on
archive_timeout = 60s
archive_command = 'if test -e $folder/%f; then cmp -s %p $folder/%f; else cp %p $folder/%f.new && sync $folder/%f.new && mv $folder/%f.new $folder/%f && sync $folder; fi'
CONF
}

backup() {
    folder=$1/$(date -u +%Y%m%dT%H%M%SZ)
    mkdir -p "$1"
    "$PG_BIN/pg_basebackup" -U "$ADMIN" -D "$folder" -X stream -c fast
    "$PG_BIN/pg_verifybackup" -q "$folder"
    echo "$folder"
}

# What recovery aims at, in PostgreSQL's words.
target() {
    case ${1:-} in
    '') echo "recovery_target_timeline = 'latest'" ;;
    [0-9]*) echo "recovery_target_time = '$1'" ;;
    *) echo "recovery_target_name = '$1'" ;;
    esac
}

# What the lost cluster had not archived yet is taken from its own log where that can be read.
restore() {
    backup=$(cd "$1" && pwd) archive=$(cd "$2" && pwd) before=$DATA.before-$(date -u +%Y%m%dT%H%M%SZ)
    [ -s "$backup/PG_VERSION" ] || fail "$backup is no base backup"
    ! running || fail "stop the cluster first"
    mv "$DATA" "$before"
    cp -a "$backup" "$DATA"
    cp -n "$before"/pg_wal/0* "$DATA/pg_wal/" 2> /dev/null || true
    [ "$(id -u)" != 0 ] || chown -R "$OWNER:" "$DATA"
    chmod 700 "$DATA"
    { echo "restore_command = 'cp $archive/%f %p'" && echo "recovery_target_action = 'promote'" && target "${3:-}"; } |
        as_owner tee -a "$DATA/postgresql.auto.conf" > /dev/null
    as_owner touch "$DATA/recovery.signal"
    start
    for try in $(seq 600); do
        [ "$(admin -c 'SELECT pg_is_in_recovery()')" = t ] || break
        sleep 0.1
    done
    for name in restore_command recovery_target_action recovery_target_timeline recovery_target_time recovery_target_name; do
        admin -c "ALTER SYSTEM RESET $name"
    done
    echo "restored to $(admin -c "SELECT 'timeline ' || timeline_id FROM pg_control_checkpoint()"); what was there lies in $before"
}

start() {
    running && return 0
    # The socket folder lies in /tmp and may have been cleaned away.
    install -d -m 755 -o "$OWNER" "$SOCKET"
    as_owner "$PG_BIN/pg_ctl" -D "$DATA" -s -w -t 60 -l "$DATA/server.log" start ||
        { tail -n 20 "$DATA/server.log" >&2; fail "PostgreSQL does not start"; }
}

stop() {
    running || return 0
    as_owner "$PG_BIN/pg_ctl" -D "$DATA" -s -w -m "${1:-fast}" stop
}

# Role of the migrations (owns everything) and role of the process (gets what migrations grant).
make_database() {
    role=trien_$1
    for name in "${role}_owner" "$role"; do
        [ -n "$(admin -c "SELECT 1 FROM pg_roles WHERE rolname = '$name'")" ] ||
            echo "CREATE ROLE $name LOGIN PASSWORD '$(password "$name")';"
    done | admin
    [ -n "$(admin -c "SELECT 1 FROM pg_database WHERE datname = '$role'")" ] && return 0
    admin <<SQL
CREATE DATABASE $role OWNER ${role}_owner TEMPLATE template0;
REVOKE ALL ON DATABASE $role FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE $role TO $role;
SQL
}

# One project after the other, the database's owner doing it.
migrate() {
    for project in frame "$1"; do
        (cd "$SHARE/migrations/$project" &&
            SQITCH_FULLNAME=Trien SQITCH_EMAIL=trien@localhost PGUSER="trien_$1_owner" \
            SQITCH_USER_CONFIG=/dev/null LC_ALL=C.UTF-8 \
            sqitch "${2:-deploy}" --set "role=trien_$1" "db:pg:trien_$1") \
            >> "$LOG/migrate-$1.log" 2>&1 ||
            { tail -n 20 "$LOG/migrate-$1.log" >&2; fail "migrations/$project on trien_$1"; }
    done
}

migrate_all() {
    [ $# -gt 0 ] || set -- $(services)
    jobs=
    for service in "$@"; do
        migrate "$service" & jobs="$jobs $!"
    done
    for job in $jobs; do wait "$job" || failed=1; done
    [ -z "${failed:-}" ]
}

[ $# -ge 2 ] || fail "usage: cluster.sh init|start|stop|migrate|listen|archive|backup|restore|prepare|databases|psql|remove DIR ..."
command=$1
[ "$command" = init ] || [ -d "$2" ] || exit 0
(umask 022 && mkdir -p "$2")
DIR=$(cd "$2" && pwd)
shift 2
case $command in
init)
    mkdir -p "$DIR/keys/db" "$DIR/log"
    [ -s "$DIR/etc/cluster" ] || place
    known
    [ -s "$DATA/PG_VERSION" ] || as_owner test -s "$DATA/PG_VERSION" || make_data
    start
    for service in $(services); do make_database "$service"; done
    migrate_all
    ;;
start) known; start ;;
stop) known; stop "$@" ;;
migrate) known; migrate_all "$@" ;;
archive)
    [ $# -eq 1 ] || fail "archive DIR FOLDER"
    known
    archive "$1"
    ;;
backup)
    [ $# -eq 1 ] || fail "backup DIR FOLDER"
    known
    backup "$1"
    ;;
restore)
    [ $# -ge 2 ] || fail "restore DIR BACKUP ARCHIVE [MOMENT]"
    known
    restore "$@"
    ;;
prepare)
    [ $# -eq 1 ] || fail "prepare DIR NAME"
    mkdir -p "$DIR/keys/db" "$DIR/log"
    PASSFILE=$DIR/keys/db/passfile
    password "$ADMIN" > /dev/null
    for service in $(services); do
        password "trien_$service" > /dev/null
        password "trien_${service}_owner" > /dev/null
    done
    [ -s "$DIR/keys/db/server.pem" ] || certify "$1"
    ;;
databases)
    known
    for try in $(seq 60); do pg_isready -q -t 1 && break || sleep 1; done # its first start makes it
    for service in $(services); do make_database "$service"; done
    migrate_all
    ;;
listen)
    [ $# -eq 2 ] || fail "listen DIR NAME NETWORK"
    known
    listen "$@"
    ;;
remove)
    [ -r "$DIR/etc/cluster" ] || exit 0
    known
    stop immediate
    rm -rf "$DATA" "$SOCKET" "$DIR"
    ;;
psql) known; exec psql -U "$ADMIN" -d postgres "$@" ;;
*) fail "no command $command" ;;
esac
