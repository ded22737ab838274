# A lost device: its certificate is revoked by form 05 with form 09, and openssl says what OCSP and the
# list say then. Part of demo.sh, which it shares its functions with.

# Serial number of the first certificate of 01-persons, and the device it is on.
lost_serial() { tr ',{' '\n\n' < "$WORK/$(cat "$WORK/01-persons.id").json" | sed -n 's/^"serial":"\([0-9a-f]*\)".*/\1/p' | head -n 1; }
lost_device() { $TRIENCTL --json certificate "$1" | tr -d ' ' | field device_serial; }

revoke_lost() {
    [ -s "$WORK/01-persons.id" ] || return 0
    say "a device is lost: form 05 with form 09"
    SERIAL=$(lost_serial)
    DEVICE=$(lost_device "$SERIAL")
    make_document 09-minutes seal-H26.14
    make_document 05-lost seal-H26.14
    submit 05-lost "$WORK/09-minutes.pdf"
    finish 05-lost completed 0
    ocsp_says_revoked "$WORK/$SERIAL" || { cat "$WORK/$SERIAL.ocsp"; wrong "openssl ocsp does not say revoked"; }
    note "$SERIAL  OCSP: $(sed -n 's/.*\(Reason: .*\)/\1/p' "$WORK/$SERIAL.ocsp")"
    list_says_revoked || wrong "the revocation list does not carry $SERIAL"
    openssl crl -inform DER -in "$WORK/issuing1.crl" -out "$WORK/issuing1.crl.pem"
    openssl verify -crl_check -x509_strict -CAfile "$WORK/ca/root1.pem" -untrusted "$WORK/ca/issuing1.pem" \
        -CRLfile "$WORK/issuing1.crl.pem" "$WORK/$SERIAL.pem" > "$WORK/revoked.log" 2>&1 &&
        wrong "openssl verify takes the revoked certificate"
    grep -q "certificate revoked" "$WORK/revoked.log" || { cat "$WORK/revoked.log"; wrong "openssl verify -crl_check"; }
    note "revocation list $(openssl crl -inform DER -in "$WORK/issuing1.crl" -noout -crlnumber) verified; openssl verify: certificate revoked"
}

ocsp_says_revoked() {
    end=$(($(date +%s) + 15))
    while :; do
        openssl ocsp -issuer "$WORK/ca/issuing1.pem" -cert "$1.pem" -url "$PUBLIC/ocsp" -CAfile "$WORK/ca/root1.pem" \
            -verify_other "$WORK/ca/issuing1.pem" > "$1.ocsp" 2>&1 || true
        ! grep -q "Response verify OK" "$1.ocsp" || ! grep -q ": revoked" "$1.ocsp" || return 0
        [ "$(date +%s)" -lt "$end" ] || return 1
        sleep 0.2
    done
}

# The list comes within seconds of the revocation, under the address that stands in the certificate. Caches on
# the way may give the one before for five minutes (its max-age): the question mark asks past them.
list_says_revoked() {
    url=$(openssl x509 -in "$WORK/$SERIAL.pem" -noout -ext crlDistributionPoints | sed -n 's/.*URI://p')
    end=$(($(date +%s) + DEADLINE))
    while :; do
        curl -sS --fail -m 10 "$url?$(date +%s)" -o "$WORK/issuing1.crl" 2> "$WORK/crl.log" &&
            openssl crl -inform DER -in "$WORK/issuing1.crl" -CAfile "$WORK/ca/issuing1.pem" -noout 2> "$WORK/crl.log" &&
            grep -q "verify OK" "$WORK/crl.log" &&
            openssl crl -inform DER -in "$WORK/issuing1.crl" -noout -text | grep -qi "Serial Number: 0*$SERIAL" && return 0
        [ "$(date +%s)" -lt "$end" ] || return 1
        sleep 0.2
    done
}
