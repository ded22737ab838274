#!/bin/sh
# Gathers what one program needs at run time into a root file system of its own (images of compose/Dockerfile):
#
#     compose/collect.sh OUT ROLE
#
# The program, its libraries, the loader; SoftHSM where the program's configuration knows a token; the CAs of
# Debian for https and smtps. No shell, no other program.
set -eu
OUT=$1 ROLE=$2
BUILD=${BUILD:-build/release}
MODULE=/usr/lib/softhsm/libsofthsm2.so
PROGRAM=$BUILD/bin/trien-$ROLE
[ "$ROLE" != trienctl ] || PROGRAM=$BUILD/bin/trienctl

libraries() { ldd "$@" | awk '/=> \// { print $3 } /^\t\/lib/ { print $1 }' | sort -u; }
put() {
    for file in "$@"; do
        mkdir -p "$OUT$(dirname "$file")"
        cp -L "$file" "$OUT$file"
    done
}

modules=
if [ "$ROLE" = trienctl ] || "$PROGRAM" --help-config | grep -q "$MODULE"; then modules=$MODULE; fi
mkdir -p "$OUT/trien/etc" "$OUT/etc" "$OUT/run" "$OUT/tmp" "$OUT/proc" "$OUT/dev" "$OUT/sys"
strip -o "$OUT/trien/service" "$PROGRAM"
# Documents are parsed by a program of its own, beside the service.
! "$PROGRAM" --help-config 2> /dev/null | grep -q trien-inspect || strip -o "$OUT/trien/trien-inspect" "$BUILD/bin/trien-inspect"
put $(libraries "$PROGRAM" $modules) $modules /etc/ssl/certs/ca-certificates.crt
printf 'trien:x:10001:10001::/:/usr/sbin/nologin\n' > "$OUT/etc/passwd"
printf 'trien:x:10001:\n' > "$OUT/etc/group"
printf 'hosts: files dns\n' > "$OUT/etc/nsswitch.conf"
# Folders that compose.yaml mounts over: the file system is read-only then.
mkdir -p "$OUT/trien/enrolled" "$OUT/trien/ca" "$OUT/trien/trust" "$OUT/trien/operator" \
    "$OUT/trien/data/$ROLE" "$OUT/trien/tokens/$ROLE"
