#!/bin/sh
# The demonstration (make demo): an installation of its own under DIR, sample agencies and requests,
# and every result checked with programs that know nothing of Triện. Run it again as often as you
# like: what is there stays, documents get new numbers. The services are left running (make down).
#
#     compose/demo/demo.sh BIN_DIR DIR BASE_PORT
#     compose/demo/demo.sh BIN_DIR DIR running     the same story to an installation that runs, wherever its parts
#                                                  are: TRIENCTL, API, PUBLIC, COURIER, JOURNAL and CHECK say how
#                                                  they are reached; authority.sh DIR has been run for it
set -eu
umask 077
SHARE=$(cd "$(dirname "$0")/../.." && pwd)
BIN=$(cd "$1" && pwd)
(umask 022 && mkdir -p "$2")
DIR=$(cd "$2" && pwd)
BASE_PORT=$3
DEMO=$SHARE/compose/demo
if [ "$BASE_PORT" != running ]; then
    TRIENCTL="$BIN/trienctl --config $DIR/etc/trienctl.conf"
    API=http://127.0.0.1:$BASE_PORT/v1
    PUBLIC=http://127.0.0.1:$((BASE_PORT + 1))
    COURIER=http://127.0.0.1:$((BASE_PORT + 3))
    JOURNAL=http://127.0.0.1:$((BASE_PORT + 5))/v1/journal
    CHECK=
fi
DEADLINE=60 # seconds for each request
WORK=$DIR/demo/run
requests=0 certificates=0 notices=0 failed=0

. "$DEMO/devices.sh"
. "$DEMO/revocation.sh"

say() { printf '\n== %s\n' "$*"; }
note() { printf '   %s\n' "$*"; }
wrong() { printf '   FAILED: %s\n' "$*"; failed=$((failed + 1)); }

# The first value of a name in a JSON text: field NAME < text.
field() { tr ',{' '\n\n' | sed -n "s/^\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }

api() { curl -sS --fail-with-body -m 30 -H "Authorization: Bearer $(cat "$DIR/keys/portal.token")" "$@"; }

set_up() {
    say "installation in $DIR"
    [ ! -e "$DIR/etc/trienctl.conf" ] || $TRIENCTL down
    "$DEMO/authority.sh" "$DIR"
    "$BIN/trienctl" init --dir "$DIR" --base-port "$BASE_PORT"
    if [ ! -s "$DIR/ca/issuing1.pem" ]; then
        say "key ceremony: root and issuing authority"
        $TRIENCTL ceremony
    fi
    say "services"
    $TRIENCTL up --wait 0
    if [ ! -e "$DIR/demo/responder-approved" ]; then
        # Two officers let the OCSP responder's key be certified; renewals need them no more.
        $TRIENCTL responder approve --officer officer1 --yes > "$WORK/officers.log"
        $TRIENCTL responder approve --officer officer2 --yes >> "$WORK/officers.log"
        touch "$DIR/demo/responder-approved"
        note "two officers approved the key of the OCSP responder"
    fi
    $TRIENCTL up
}

# Who takes part: the portal, two agencies, devices from the maker.
introduce() {
    $TRIENCTL client add portal --name "Cổng TEST" --agency '*' --token-file "$DIR/keys/portal.token"
    $TRIENCTL agency import "$DEMO/agencies.json" --certificates "$DIR/demo/pki" 2> /dev/null
    stock_devices
}

# The next number of an official document; never the same twice.
next_number() {
    number=$(($(cat "$DIR/demo/number" 2> /dev/null || echo 100) + 1))
    echo "$number" > "$DIR/demo/number"
    echo "$number"
}

# Key and signing request of the sample web service, new at each run; one line, newlines as \n.
service_csr() {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/service.key" \
        -subj "/CN=dulieu.ttdl-test.gov.vn" -out "$WORK/service.csr" 2> /dev/null
    awk '{ printf "%s\\\\n", $0 }' "$WORK/service.csr"
}

# make_document FORM SEAL [ROWS [COUNT]]: $WORK/FORM.pdf
make_document() {
    csr=
    [ "$1" != 03-service ] || csr=$(service_csr)
    sed -e "s|@SERIAL@|${SERIAL:-}|; s|@DEVICE@|${DEVICE:-}|; s|@NUMBER@|$(next_number)|; s|@DATE@|$(TZ=Asia/Ho_Chi_Minh date +%F)|g; s|@CSR@|$csr|" \
        -e "s|@ROWS@|${3:-}|; s|@COUNT@|${4:-1}|" \
        "$DEMO/requests/$1.json" > "$WORK/$1.json"
    "$DEMO/document.sh" "$WORK/$1.json" "$DIR/demo/pki/nss-$2" "$2" "$WORK/$1.pdf"
}

# submit FORM [ATTACHMENT]: posts the document twice with one key; the second answer must be the first.
submit() {
    requests=$((requests + 1))
    key=$(sha256sum < "$WORK/$1.pdf" | cut -c1-32)
    for attempt in 1 2; do
        api -X POST "$API/requests" -H "Idempotency-Key: $key" -F "document=@$WORK/$1.pdf;type=application/pdf" \
            ${2:+-F "attachment=@$2;type=application/pdf"} \
            > "$WORK/$1.answer.$attempt" || { cat "$WORK/$1.answer.$attempt"; wrong "$1 was not taken"; return; }
    done
    cmp -s "$WORK/$1.answer.1" "$WORK/$1.answer.2" || wrong "$1: the same post got another answer"
    field request_id < "$WORK/$1.answer.1" > "$WORK/$1.id"
    note "$(field receipt_number < "$WORK/$1.answer.1")  $1.pdf"
}

state_of() { api "$API/requests/$1" > "$WORK/$1.json" && field state < "$WORK/$1.json"; }

# wait_for ID STATE: until the request is in the state or in another final one.
wait_for() {
    end=$(($(date +%s) + DEADLINE))
    while :; do
        state=$(state_of "$1") || state=unreadable
        case $state in
        "$2") return 0 ;;
        completed | rejected | failed) wrong "request $1 is $state, not $2"; return 0 ;;
        esac
        [ "$(date +%s)" -lt "$end" ] || { wrong "request $1 is still $state after ${DEADLINE}s"; return 0; }
        sleep 0.1
    done
}

# Every certificate of a request: chain, revocation list of the root, OCSP.
check_certificates() {
    for serial in $(tr ',{' '\n\n' < "$WORK/$1.json" | sed -n 's/^"serial":"\([0-9a-f]*\)".*/\1/p'); do
        certificates=$((certificates + 1))
        file=$WORK/$serial
        api "$API/requests/$1/certificates/$serial.cer" -o "$file.cer" || { wrong "certificate $serial"; continue; }
        openssl x509 -inform DER -in "$file.cer" -out "$file.pem"
        openssl verify -x509_strict -CAfile "$WORK/ca/root1.pem" -untrusted "$WORK/ca/issuing1.pem" "$file.pem" \
            > "$file.log" 2>&1 || { cat "$file.log"; wrong "openssl verify $serial"; }
        statement_is_there "$file" || wrong "the practice statement of $serial"
        ocsp_says_good "$file" || { cat "$file.ocsp"; wrong "openssl ocsp $serial"; }
        note "$serial  $(openssl x509 -in "$file.pem" -noout -subject -nameopt RFC2253,-esc_msb,utf8 | sed 's/^subject=//')"
        note "    verified, OCSP good, valid to $(openssl x509 -in "$file.pem" -noout -enddate | sed 's/notAfter=//')"
    done
}

# The address that stands in the certificate gives the document.
statement_is_there() {
    address=$(openssl x509 -in "$1.pem" -noout -ext certificatePolicies | sed -n 's/^ *CPS: //p')
    curl -sS --fail -m 10 "$address" -o "$1.cps" && grep -q TEST "$1.cps"
}

# status learns of a certificate from signing's feed: good within a few seconds, never "unknown" for long.
ocsp_says_good() {
    end=$(($(date +%s) + 15))
    while :; do
        openssl ocsp -issuer "$WORK/ca/issuing1.pem" -cert "$1.pem" -url "$PUBLIC/ocsp" -CAfile "$WORK/ca/root1.pem" \
            -verify_other "$WORK/ca/issuing1.pem" > "$1.ocsp" 2>&1 || true
        ! grep -q "Response verify OK" "$1.ocsp" || ! grep -q ": good" "$1.ocsp" || return 0
        [ "$(date +%s)" -lt "$end" ] || return 1
        sleep 0.2
    done
}

check_authorities() {
    say "authorities, as the public gets them"
    mkdir -p "$WORK/ca"
    for ca in root1 issuing1; do
        curl -sS --fail -m 10 "$PUBLIC/ca/$ca.pem" -o "$WORK/ca/$ca.pem" || { wrong "/ca/$ca.pem"; return; }
    done
    openssl verify -x509_strict -CAfile "$WORK/ca/root1.pem" "$WORK/ca/issuing1.pem" > "$WORK/ca.log" 2>&1 ||
        { cat "$WORK/ca.log"; wrong "openssl verify issuing1"; }
    curl -sS --fail -m 10 "$PUBLIC/crl/root1.crl" -o "$WORK/root1.crl" &&
        openssl crl -inform DER -in "$WORK/root1.crl" -CAfile "$WORK/ca/root1.pem" -noout 2> "$WORK/crl.log" &&
        grep -q "verify OK" "$WORK/crl.log" || wrong "openssl crl root1.crl"
    openssl crl -inform DER -in "$WORK/root1.crl" -out "$WORK/root1.crl.pem"
    openssl verify -crl_check_all -x509_strict -CAfile "$WORK/ca/root1.pem" -CRLfile "$WORK/root1.crl.pem" \
        "$WORK/ca/issuing1.pem" > "$WORK/ca.log" 2>&1 || { cat "$WORK/ca.log"; wrong "issuing1 by the root's list"; }
    note "chain and revocation list of root1 verified"
}

count_messages() { find "$DIR/data/notification" -name '*.eml' -o -name '*.sms' 2> /dev/null | wc -l; }

# finish FORM STATE: waits, shows the timeline, checks the certificates.
finish() {
    [ -s "$WORK/$1.id" ] || return 0
    id=$(cat "$WORK/$1.id")
    say "$1"
    wait_for "$id" "$2"
    $TRIENCTL show "$id"
    check_certificates "$id"
    expected=$3
    found=$(tr ',{' '\n\n' < "$WORK/$id.json" | grep -c '^"code":' || true)
    [ "$2" != rejected ] || [ "$found" = "$expected" ] || wrong "$1: $found reasons, not $expected"
    found=$(tr ',{' '\n\n' < "$WORK/$id.json" | grep -c '^"serial":' || true)
    [ "$2" != completed ] || [ "$found" = "$expected" ] || wrong "$1: $found certificates, not $expected"
}

# The newest signed head covers what was said until now; the last entry may be the journal's own word
# that it has signed.
wait_for_checkpoint() {
    due=$(($(curl -sS -m 10 "$JOURNAL/entries?limit=0" | sed 's/.*"size":\([0-9]*\).*/\1/') - 1))
    end=$(($(date +%s) + DEADLINE))
    while :; do
        curl -sS -m 10 "$JOURNAL/checkpoint" > "$WORK/checkpoint"
        [ "$(sed -n 2p "$WORK/checkpoint")" -lt "$due" ] 2> /dev/null || return 0
        [ "$(date +%s)" -lt "$end" ] || { wrong "no checkpoint over $due entries"; return 0; }
        sleep 0.2
    done
}

check_journal() {
    say "the journal of everything that was said"
    wait_for_checkpoint
    head -n 3 "$WORK/checkpoint" > "$WORK/checkpoint.text"
    tail -n 1 "$WORK/checkpoint" | cut -d' ' -f3 | openssl base64 -d -A | tail -c +5 > "$WORK/checkpoint.signature"
    openssl dgst -sha256 -verify "$DIR/data/audit/journal.pub" -signature "$WORK/checkpoint.signature" \
        "$WORK/checkpoint.text" > "$WORK/checkpoint.log" 2>&1 || { cat "$WORK/checkpoint.log"; wrong "openssl dgst, checkpoint"; }
    note "checkpoint over $(sed -n 2p "$WORK/checkpoint") entries verified by openssl"
    $TRIENCTL audit verify --live || wrong "audit verify"
}

# What an auditor would ask of the running system; who evaluates documents and rooms is not a program.
check_criteria() {
    say "criteria of Decision 2433/QĐ-BTTTT"
    $TRIENCTL audit check $CHECK > "$WORK/criteria" || { grep -A 3 'KHÔNG ĐẠT' "$WORK/criteria"; wrong "audit check"; }
    note "$(tail -n 1 "$WORK/criteria")"
}

main() {
    rm -rf "$WORK"
    mkdir -p "$WORK"
    [ "$BASE_PORT" = running ] || set_up
    introduce
    check_authorities
    before=$(count_messages)
    say "signed documents (pdfattach, pdfsig) and posts (curl)"
    make_document 01-persons seal-H26.14
    make_document 02-agency seal-H26.15
    make_document 03-service seal-H26.15
    make_document refused seal-H26.14
    for form in 01-persons 02-agency 03-service refused; do submit "$form"; done
    say "device station: keys made in the token"
    for form in 01-persons 02-agency; do
        $TRIENCTL station run --request "$(cat "$WORK/$form.id")" --wait "$DEADLINE" || wrong "station for $form"
    done
    finish 01-persons completed 2
    finish 02-agency completed 1
    finish 03-service completed 1
    finish refused rejected 3
    ship_devices
    hand_over
    revoke_lost
    bring_back
    wait_for_notices
    check_journal
    check_criteria
    notices=$(($(count_messages) - before))
    [ "$notices" -eq "$NOTICES" ] || wrong "$notices notices, not $NOTICES"
    printf '\ndemo: %d requests, %d certificates, %d notices, %d failed\n' \
        "$requests" "$certificates" "$notices" "$failed"
    [ "$failed" = 0 ]
}

# Two channels for each: accepted and issued for three requests, rejected for one; two shipments sent and
# arrived; form 07 accepted and done; form 05 twice accepted and done; a device lost, one asked back; form 08
# accepted and done.
NOTICES=42
wait_for_notices() {
    end=$(($(date +%s) + DEADLINE))
    while [ $(($(count_messages) - before)) -lt "$NOTICES" ]; do
        [ "$(date +%s)" -lt "$end" ] || return 0 # counted again at the end
        sleep 0.1
    done
}

main
