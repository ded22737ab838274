#!/bin/sh
# Starts the edge in its container: nginx asks the name server that the container was given (IPv4: the networks of
# compose.yaml have no other).
set -eu
awk '$1 == "nameserver" { a = index($2, ":") ? "[" $2 "]" : $2; s = s " " a } END { print "resolver" s " valid=5s ipv6=off;" }' \
    /etc/resolv.conf > /tmp/resolver.conf
exec nginx -c /etc/nginx/nginx.conf
