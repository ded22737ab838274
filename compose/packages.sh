#!/bin/sh
# Installs the Debian packages of packages.txt that are missing for the purposes named:
#     compose/packages.sh build run demo
# Asks for root only when something is missing. Servers that come as packages are not started and
# no PostgreSQL cluster is made: what the machine already runs is left alone.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || { echo "usage: compose/packages.sh PURPOSE..." >&2; exit 64; }

wanted=$(awk -v purposes=" $* " '!/^#/ && NF { for (i = 2; i <= NF; i++) if (index(purposes, " " $i " ")) { print $1; next } }' packages.txt)
missing=
for package in $wanted; do
    case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
    *"ok installed") ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

echo "installing:$missing"
root=
[ "$(id -u)" = 0 ] || root=sudo
$root sh -eu -s -- $missing <<'INSTALL'
policy=/usr/sbin/policy-rc.d
conf=/etc/postgresql-common/createcluster.d/trien.conf
cleanup() { [ -n "${made:-}" ] && rm -f "$policy"; rm -f "$conf"; }
trap cleanup EXIT
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
    made=1
fi
mkdir -p "$(dirname "$conf")"
echo 'create_main_cluster = false' > "$conf"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
install() { apt-get install -y --no-install-recommends "$@" > "$log" 2>&1; }
install "$@" || { apt-get update > /dev/null; install "$@"; } || { tail -n 20 "$log" >&2; exit 1; }
rm -f "$log"
INSTALL
