#!/bin/sh
# Makes the folder that compose.yaml mounts, on the host of the key ceremony, as root:
#
#     compose/containers.sh DIR        again after keys were enrolled, a certificate was renewed, a service added
#
#     etc/, keys/, tokens/, ca/, trust/, policies/   an installation as `trienctl init` makes it (without a database), and
#                                         the authority by key ceremony, once
#     containers/<service>/               configuration as the container sees it: paths below /trien, listening
#                                         on the networks of compose.yaml
#     secrets/<name>                      what compose.yaml names, each readable by the containers' user alone
#     enrolled/                           public keys; changes are seen at SIGHUP
#     operator/                           the folder of the operator's tool: its keys, the officers', the station
#
# Only containers/, secrets/, enrolled/, operator/, ca/, trust/, policies/, data/ and the tokens of signer, status and audit go to
# the hosts of the containers: tokens/root and keys/ stay here. TRIEN_PUBLIC_URL is what certificates name
# (http), TRIEN_PORTAL_URL the portal's address, TRIEN_NET the first half of the networks' addresses, TRIEN_OFFICERS
# how many officers there are (2).
set -eu
umask 077
SHARE=$(cd "$(dirname "$0")/.." && pwd)
COMPOSE=$SHARE/compose/compose.yaml
export TRIENCTL="${TRIENCTL:-$SHARE/build/release/bin/trienctl}"
export TRIEN_PUBLIC_URL="${TRIEN_PUBLIC_URL:-http://localhost:${TRIEN_HTTP_PORT:-80}}"
export TRIEN_PORTAL_URL="${TRIEN_PORTAL_URL:-https://localhost:${TRIEN_HTTPS_PORT:-443}}"
NET=${TRIEN_NET:-10.73}
BASE_PORT=8080
CONTAINER_USER=10001
TOKENS_OF_CONTAINERS="signer status audit"
OPERATORS="operator auditor $(seq -s " " -f officer%g 1 "${TRIEN_OFFICERS:-2}") station"

[ $# -eq 1 ] || { echo "usage: containers.sh DIR" >&2; exit 64; }
(umask 022 && mkdir -p "$1")
DIR=$(cd "$1" && pwd)

services() { (cd "$SHARE/compose/etc" && for c in *.conf; do echo "${c%.conf}"; done) | grep -v '^trienctl$'; }

# Number in the port plan of common/svc.h.
number() {
    case $1 in
    intake) echo 0 ;; status) echo 1 ;; validation) echo 2 ;; courier) echo 3 ;; notification) echo 4 ;;
    audit) echo 5 ;; signing) echo 6 ;; signer) echo 7 ;; revocation) echo 8 ;;
    *) echo "containers: $1 has no port" >&2; exit 1 ;;
    esac
}
bus_port() { echo $((BASE_PORT + 20 + $(number "$1"))); }

# Networks of a service, as compose.yaml says.
networks() { awk -v s="  $1:" '$0 == s { on = 1; next } /^  [a-z]/ { on = 0 } on && /^    networks:/ { print }' "$COMPOSE"; }
network() { case $1 in edge) echo "$NET.1.0/24" ;; mesh) echo "$NET.2.0/24" ;; signer) echo "$NET.4.0/24" ;; esac; }

bus_network() { case $(networks "$1") in *mesh*) echo mesh ;; *) echo signer ;; esac; }

# By the name that each has on the network of its bus.
peers() {
    for peer in $(services); do echo "peers/$peer=tcp://$peer.$(bus_network "$peer"):$(bus_port "$peer")"; done
}

# Where the operator's tool finds what answers over HTTP; its own network names would lead it to the mesh as well.
urls() { for service in intake status audit; do echo "urls/$service=http://$service.edge:$((BASE_PORT + $(number "$service")))"; done; }

# What differs from one machine: where to listen, whom to find where.
placed() {
    n=$(number "$1")
    echo "bus/bind=tcp://$(network "$(bus_network "$1")"):$(bus_port "$1")"
    if [ "$1" != signer ]; then
        echo "admin/bind=$(network mesh):$((BASE_PORT + 40 + n))"
        echo "admin/remote=true"
    fi
    case $(networks "$1") in *edge*)
        echo "http/bind=$(network edge):$((BASE_PORT + n))"
        echo "http/behind_tls_proxy=true" ;;
    esac
    if [ -d "$SHARE/migrations/$1" ]; then
        echo "database/host=postgres"
        echo "database/sslrootcert=/trien/enrolled/databases.pem"
    fi
    peers
}

# Paths of this folder as a container sees them: secrets below /run/secrets, all that is public in enrolled/.
inside() {
    sed -e "s|$DIR/keys/bus/\([a-z0-9-]*\)\.secret|/run/secrets/\1_bus|" \
        -e "s|$DIR/keys/bus/\([a-z0-9-]*\)\.public|/trien/enrolled/\1.public|" \
        -e "s|$DIR/keys/db/trien_\([a-z0-9-]*\)\.password|/run/secrets/\1_database|" \
        -e "s|$DIR/keys/pin/\([a-z0-9-]*\)\.pin|/run/secrets/\1_pin|" \
        -e "s|$DIR/keys/\([a-z0-9-]*\)\.key|/run/secrets/\1_key|" \
        -e "s|$DIR/keys/\([a-z0-9-]*\)\.pub|/trien/enrolled/\1.pub|" \
        -e "s|$DIR/keys/\([a-z0-9-]*\)\.secret|/run/secrets/\1_secret|" \
        -e "s|$DIR/etc/principals.conf|/trien/enrolled/principals.conf|" \
        -e "s|$DIR|/trien|g" "$@"
}

configure_service() {
    folder=$DIR/containers/$1
    mkdir -p "$folder"
    awk -v rows="$(placed "$1")" -f "$SHARE/compose/set.awk" "$DIR/etc/$1.conf" | inside > "$folder/service.conf"
    [ ! -e "$DIR/etc/softhsm-$1.conf" ] || inside "$DIR/etc/softhsm-$1.conf" > "$folder/softhsm-$1.conf"
}

configure_migrate() {
    mkdir -p "$DIR/containers/migrate"
    cp "$DIR/keys/db/authority.pem" "$DIR/containers/migrate/databases.pem"
    cat > "$DIR/containers/migrate/cluster" <<'CONF'
OWNER=trien
DATA=
SOCKET=postgres
PASSFILE=/run/secrets/database_passwords
LOG=/tmp
export PGSSLMODE=verify-full PGSSLROOTCERT=/trien/etc/databases.pem
CONF
}

configure_operator() {
    operator=$DIR/operator
    mkdir -p "$DIR/containers/trienctl" "$operator/keys/bus" "$operator/keys/pin" "$operator/etc" "$operator/tokens" "$operator/data/audit" "$operator/ca"
    sed -e "s|$DIR/etc/principals.conf|/trien/enrolled/principals.conf|" -e "s|\"$DIR|\"/trien/operator|" \
        "$DIR/etc/trienctl.conf" | awk -v rows="$(peers; urls)" -f "$SHARE/compose/set.awk" > "$DIR/containers/trienctl/service.conf"
    for name in $OPERATORS; do
        cp "$DIR/keys/bus/$name.secret" "$DIR/keys/bus/$name.public" "$operator/keys/bus/"
        [ ! -e "$DIR/keys/$name.key" ] || cp "$DIR/keys/$name.key" "$operator/keys/"
    done
    cp "$DIR/keys/officers.pub" "$operator/keys/"
    cp "$DIR/keys/pin/station.pin" "$operator/keys/pin/"
    sed "s|$DIR|/trien/operator|" "$DIR/etc/softhsm-station.conf" > "$operator/etc/softhsm-station.conf"
    [ -d "$operator/tokens/station" ] || cp -r "$DIR/tokens/station" "$operator/tokens/"
}

# The file behind a secret's name in compose.yaml.
secret_file() {
    case $1 in
    admin_database) echo db/trien_admin.password ;;
    postgres_certificate) echo db/server.pem ;;
    postgres_key) echo db/server.key ;;
    database_passwords) echo db/passfile ;;
    edge_certificate) echo edge.pem ;;
    edge_key) echo edge.key ;;
    *_bus) echo "bus/${1%_bus}.secret" ;;
    *_database) echo "db/trien_${1%_database}.password" ;;
    *_secret) echo "${1%_secret}.secret" ;;
    *_pin) echo "pin/${1%_pin}.pin" ;;
    *_key) echo "${1%_key}.key" ;;
    esac
}

# The edge's certificate: a TEST one until a real one (keys/edge.pem with its chain, keys/edge.key) takes its place.
edge_certificate() {
    [ -s "$DIR/keys/edge.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 \
        -subj "/O=Triện TEST/CN=localhost" -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" \
        -keyout "$DIR/keys/edge.key" -out "$DIR/keys/edge.pem" 2> "$DIR/log/openssl.log"
}

put_secrets() {
    mkdir -p "$DIR/secrets"
    for name in $(sed -n 's|.*TRIEN_DIR}/secrets/\([a-z0-9_-]*\)".*|\1|p' "$COMPOSE"); do
        cat "$DIR/keys/$(secret_file "$name")" > "$DIR/secrets/$name"
        chmod 400 "$DIR/secrets/$name"
    done
}

# Written into the files that are there, so that a container that has them mounted sees the change.
put_enrolled() {
    mkdir -p "$DIR/enrolled"
    for file in "$DIR/etc/principals.conf" "$DIR"/keys/*.pub "$DIR"/keys/bus/*.public; do
        cat "$file" > "$DIR/enrolled/${file##*/}"
    done
    cat "$DIR/keys/db/authority.pem" > "$DIR/enrolled/databases.pem"
}

"$SHARE/compose/init.sh" "$DIR" "$BASE_PORT" containers
[ -s "$DIR/ca/issuing1.pem" ] || "$TRIENCTL" --config "$DIR/etc/trienctl.conf" ceremony
edge_certificate
for service in $(services); do configure_service "$service"; done
configure_migrate
configure_operator
put_secrets
put_enrolled
chmod 711 "$DIR"
chmod -R u+rwX,go+rX "$DIR/containers" "$DIR/enrolled" "$DIR/ca" "$DIR/trust" "$DIR/policies"
for own in secrets operator data $(for t in $TOKENS_OF_CONTAINERS; do echo "tokens/$t"; done); do
    chown -R "$CONTAINER_USER:$CONTAINER_USER" "$DIR/$own"
done
echo "  $DIR is ready for compose/compose.yaml"
