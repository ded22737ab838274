#!/bin/sh
# Are README's two commands enough? On a Debian 12 of its own with nothing on it an ordinary user, who may use sudo, takes
# the last commit of this checkout and types them. Needs root, debootstrap and some 20 minutes; touches nothing outside
# its own folder. MIRROR names another copy of Debian.
#
#     make fresh
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
machine=$(mktemp -d /tmp/trien-fresh-XXXXXX)
chmod 755 "$machine"
trap 'rm -rf --one-file-system "$machine"' EXIT INT TERM

echo "fresh: a Debian 12 in $machine"
debootstrap --variant=minbase --include=sudo,ca-certificates bookworm "$machine" "${MIRROR:-http://deb.debian.org/debian}" \
    >/dev/null
# What is this network's own: names, and whom it trusts.
cp /etc/resolv.conf /etc/hosts "$machine/etc/"
cp /etc/ssl/certs/ca-certificates.crt "$machine/etc/ssl/certs/"
chroot "$machine" useradd --create-home --shell /bin/sh lan
echo 'lan ALL=(ALL) NOPASSWD: ALL' >"$machine/etc/sudoers.d/lan"
git clone -q "$here" "$machine/home/lan/trien"
chroot "$machine" chown -R lan: /home/lan/trien

# A root of its own, not a chroot: tests make user namespaces, which nobody may in a chroot.
cat >"$machine/begin" <<'END'
set -e
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount --rbind /sys "$1/sys"
cd "$1"
pivot_root . mnt
umount -l /mnt
type() { echo "fresh: $1"; su - lan -c "cd trien && PIP_CERT=/etc/ssl/certs/ca-certificates.crt; export PIP_CERT; $1"; }
type 'sudo apt-get install -y make && make demo'
type 'make demo' # works a second time
type 'make down'
type 'make check'
END
unshare --mount --pid --fork --kill-child --propagation private sh "$machine/begin" "$machine"
echo "fresh: both commands ended well"
