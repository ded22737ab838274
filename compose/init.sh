#!/bin/sh
# Makes an installation's folder (called by `trienctl init`):
#
#     compose/init.sh DIR BASE_PORT [containers]    containers: without a cluster, PostgreSQL is elsewhere
#
#     etc/     configuration of every service, made from compose/etc/; principals.conf
#     keys/    bus/ CURVE pairs, db/ passwords, pin/ token PINs, P-256 keys of people and machines
#     policies/  what is published of CP and CPS: TEST documents until the authority's own take their place
#     trust/   anchors/ and intermediates/ of those who sign documents, crl/
#     tokens/  SoftHSM: one folder per role, so that no service can open another's token
#     pg/      the private PostgreSQL cluster          ca/   what the key ceremony makes
#     data/    journals and files of services          log/ run/
#
# Everything is made once: a second run makes only what is missing, brings the databases up to date
# and makes those configuration files again that nobody has changed. Secrets are 0600 files.
set -eu
umask 077
SHARE=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 2 ] || { echo "usage: init.sh DIR BASE_PORT [containers]" >&2; exit 64; }
(umask 022 && mkdir -p "$1")
DIR=$(cd "$1" && pwd)
BASE_PORT=$2 PLACE=${3:-machine}
# What certificates name, and where the portal finds the system.
PUBLIC_URL=${TRIEN_PUBLIC_URL:-http://127.0.0.1:$((BASE_PORT + 1))}
PORTAL_URL=${TRIEN_PORTAL_URL:-http://127.0.0.1:$BASE_PORT}
TOKENS="root signer status audit station"
# Two at least: an OCSP responder needs two different ones.
OFFICERS=$(seq -f officer%g 1 "${TRIEN_OFFICERS:-2}")
PRINCIPALS="operator auditor $OFFICERS station portal"
: "${TRIENCTL:?is set by trienctl init}"

say() { echo "  $*"; }

# Services of this installation: those with a part in compose/etc/.
services() { (cd "$SHARE/compose/etc" && for c in *.conf; do echo "${c%.conf}"; done) | grep -v '^trienctl$'; }

random_pin() { openssl rand -hex 8; }

# P-256 key in PKCS#8 PEM, and its public half in a ring file that those read who check it.
statement_key() {
    name=$1 ring=$2
    [ -s "$DIR/keys/$name.key" ] || {
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$DIR/keys/$name.key" 2> /dev/null
        { echo "$name"; openssl pkey -in "$DIR/keys/$name.key" -pubout; } >> "$DIR/keys/$ring.pub"
    }
}

# An empty token with PINs of its own, which are never an argument of a program.
token() {
    conf=$DIR/etc/softhsm-$1.conf
    mkdir -p "$DIR/tokens/$1"
    [ -s "$DIR/keys/pin/$1.pin" ] || random_pin > "$DIR/keys/pin/$1.pin"
    [ -s "$DIR/keys/pin/$1.so-pin" ] || random_pin > "$DIR/keys/pin/$1.so-pin"
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n' \
        "$DIR/tokens/$1" > "$conf"
    [ -n "$(ls -A "$DIR/tokens/$1")" ] ||
        "$TRIENCTL" token "trien-$1" --softhsm-config "$conf" --pin-file "$DIR/keys/pin/$1.pin" \
            --so-pin-file "$DIR/keys/pin/$1.so-pin" > "$DIR/log/token-$1.log"
}

# One configuration file from its parts. A file somebody has changed since is left alone.
configure() {
    name=$1 file=$DIR/etc/$1.conf sum=$DIR/etc/.made/$1.conf
    shift
    mkdir -p "$DIR/etc/.made"
    [ ! -e "$file" ] || [ "$(sha256sum < "$file")" = "$(cat "$sum" 2> /dev/null)" ] ||
        { say "etc/$name.conf was changed by hand: left as it is"; return 0; }
    cat "$@" | sed -e "s|@DIR@|$DIR|g; s|@SHARE@|$SHARE|g; s|@SOCKET@|$SOCKET|g; s|@NAME@|$name|g" \
        -e "s|@BASE_PORT@|$BASE_PORT|g; s|@PUBLIC_URL@|$PUBLIC_URL|g; s|@PORTAL_URL@|$PORTAL_URL|g" > "$file"
    sha256sum < "$file" > "$sum"
}

mkdir -p "$DIR/etc" "$DIR/keys/bus" "$DIR/keys/pin" "$DIR/log" "$DIR/run" "$DIR/data" "$DIR/ca"
for service in $(services); do mkdir -p "$DIR/data/$service"; done
mkdir -p "$DIR/policies"
[ -n "$(ls -A "$DIR/policies")" ] || cp "$SHARE"/compose/policies/*.txt "$DIR/policies/"
# Authorities whose signers are believed: none until the operator puts them there.
mkdir -p "$DIR/trust/anchors" "$DIR/trust/intermediates" "$DIR/trust/crl"

runs() { [ -r "$DIR/etc/cluster" ] && (. "$DIR/etc/cluster" && [ -S "$SOCKET/.s.PGSQL.5432" ]); }
ran=
! runs || ran=yes # then it goes on running
if [ "$PLACE" = machine ]; then
    say "database cluster and migrations"
    "$SHARE/compose/cluster.sh" init "$DIR"
    . "$DIR/etc/cluster"
else
    "$SHARE/compose/cluster.sh" prepare "$DIR" postgres
    SOCKET=postgres
fi

say "tokens and keys"
for role in $TOKENS; do token "$role"; done
statement_key registration registration
statement_key station stations
for officer in $OFFICERS; do statement_key "$officer" officers; done
# What the carrier's webhook signs with; a real carrier is given it, or gives its own.
[ -s "$DIR/keys/carrier-vnpost.secret" ] || openssl rand -hex 32 > "$DIR/keys/carrier-vnpost.secret"

say "configuration"
[ -e "$DIR/etc/principals.conf" ] || : > "$DIR/etc/principals.conf"
E=$SHARE/compose/etc
configure trienctl "$E/trienctl.conf"
configure ceremony "$SHARE/compose/ceremony.conf"
for service in $(services); do
    database=
    [ ! -d "$SHARE/migrations/$service" ] || database=$E/database.part
    configure "$service" "$E/common.part" $database "$E/$service.conf"
done
"$TRIENCTL" --config "$DIR/etc/trienctl.conf" keys $PRINCIPALS $(services) > /dev/null
[ "$PLACE" != machine ] || [ -n "$ran" ] || "$SHARE/compose/cluster.sh" stop "$DIR"
say "$DIR is ready"
