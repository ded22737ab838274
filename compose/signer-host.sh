#!/bin/sh
# The signer's host where it is a container: this one owns the network that the signer's container uses, closes it
# with the firewall of real hosts, then gives up every right and waits. The signer itself has no right to open it.
#
#     signer-host.sh PORT CALLERS        as signer.nft has them
set -eu
nft -D "bus_port=$1" -D "callers={ $2 }" -f "$(dirname "$0")/signer.nft"
exec setpriv --reuid 10001 --regid 10001 --clear-groups --inh-caps -all --bounding-set -all --no-new-privs sleep infinity
