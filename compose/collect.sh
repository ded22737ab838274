#!/bin/sh
# Gathers what each program needs at run time into a root file system of its own (images of compose/Dockerfile):
#
#     compose/collect.sh OUT        makes OUT/<role> for every service and for trienctl
#
# The program, its libraries, the loader; SoftHSM where the program's configuration knows a token; the CAs of
# Debian for https and smtps. No shell, no other program.
set -eu
BUILD=${BUILD:-build/release}
MODULE=/usr/lib/softhsm/libsofthsm2.so

libraries() { ldd "$@" | awk '/=> \// { print $3 } /^\t\/lib/ { print $1 }' | sort -u; }
put() {
    for file in "$@"; do
        mkdir -p "$OUT$(dirname "$file")"
        cp -L "$file" "$OUT$file"
    done
}

collect() {
    role=$1 PROGRAM=$2 OUT=$3
    modules=
    if [ "$role" = trienctl ] || "$PROGRAM" --help-config | grep -q "$MODULE"; then modules=$MODULE; fi
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
        "$OUT/trien/data/$role" "$OUT/trien/tokens/$role"
}

for folder in services/*/; do
    role=$(basename "$folder")
    case $role in
    trienctl) collect trienctl "$BUILD/bin/trienctl" "$1/trienctl" ;;
    *) collect "$role" "$BUILD/bin/trien-$role" "$1/$role" ;;
    esac
done
