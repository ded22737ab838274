# Devices: into stock, shipped by public post and by hand, followed by the carrier's events, handed over by
# form 07, brought back by form 08. Part of demo.sh, which it shares its functions with.

# Ten more devices than at the last run, as if the maker had delivered.
stock_devices() {
    first=$(($(cat "$DIR/demo/devices" 2> /dev/null || echo 0) + 1))
    echo "device_serial,device_kind,model" > "$WORK/devices.csv"
    for n in $(seq "$first" $((first + 9))); do printf 'TEST-%06d,pki_token,SoftHSM\n' "$n"; done >> "$WORK/devices.csv"
    $TRIENCTL device add "$WORK/devices.csv"
    echo $((first + 9)) > "$DIR/demo/devices"
}

# A UPU S10 number that was never used here.
next_tracking_number() {
    parcel=$(($(cat "$DIR/demo/parcel" 2> /dev/null || echo 0) + 1))
    echo "$parcel" > "$DIR/demo/parcel"
    awk -v n="$parcel" 'BEGIN {
        digits = sprintf("%08d", n); split("8 6 4 2 3 5 9 7", weight, " ")
        for (i = 1; i <= 8; i++) sum += substr(digits, i, 1) * weight[i]
        check = 11 - sum % 11
        printf "EE%s%dVN\n", digits, check == 10 ? 0 : check == 11 ? 5 : check }'
}

# wait_for_text ID TEXT WHAT: until GET of the request shows the text.
wait_for_text() {
    end=$(($(date +%s) + DEADLINE))
    while :; do
        state_of "$1" > /dev/null || true
        ! grep -q "$2" "$WORK/$1.json" || return 0
        [ "$(date +%s)" -lt "$end" ] || { wrong "request $1: $3 not seen after ${DEADLINE}s"; return 0; }
        sleep 0.1
    done
}

# Devices of a request as rows "serial certificate".
devices_of() { tr '{' '\n' < "$WORK/$1.json" | sed -n 's/^"device_serial":"\([^"]*\)".*"certificate_serial":"\([0-9a-f]*\)".*/\1 \2/p'; }

ship_devices() {
    say "devices on their way: by public post, followed by the carrier's events, and by hand"
    id=$(cat "$WORK/02-agency.id")
    number=$(next_tracking_number)
    $TRIENCTL ship send --request "$id" --tracking "$number" || wrong "ship 02-agency"
    "$DEMO/carrier.sh" "$COURIER" "$DIR/keys/carrier-vnpost.secret" "$number" EMA EMC EMG EDG EMH EDG EMI |
        sed 's/^/   /'
    # Somebody else says it was lost: nobody believes it.
    echo "not the carrier's secret" > "$WORK/forged.secret"
    "$DEMO/carrier.sh" "$COURIER" "$WORK/forged.secret" "$number" LOST | grep -q webhook_signature ||
        wrong "a forged event was believed"
    wait_for_text "$id" '"state":"DELIVERED"' "the delivery"
    id=$(cat "$WORK/01-persons.id")
    shipment=$($TRIENCTL --json ship send --request "$id" | sed -n 's/.*"shipment_id": "\([^"]*\)".*/\1/p')
    $TRIENCTL ship record "$shipment" --note "Văn thư cơ quan ký nhận" || wrong "ship record"
    wait_for_text "$id" '"state":"DELIVERED"' "the delivery by hand"
}

# finish_report FORM: posts it and waits until it is recorded.
finish_report() {
    submit "$1"
    [ ! -s "$WORK/$1.id" ] || wait_for "$(cat "$WORK/$1.id")" completed
}

hand_over() {
    say "form 07: both persons have their devices"
    id=$(cat "$WORK/01-persons.id")
    devices_of "$id" > "$WORK/devices"
    [ "$(wc -l < "$WORK/devices")" = 2 ] || wrong "the request does not show its two devices"
    today=$(TZ=Asia/Ho_Chi_Minh date +%F)
    rows=$(while read -r device serial; do
        printf '{ "device_serial": "%s", "certificate_serial": "%s", "handed_over_on": "%s" }, ' "$device" "$serial" "$today"
    done < "$WORK/devices")
    make_document 07-handover seal-H26.14 "${rows%, }" 2
    finish_report 07-handover
    wait_for_text "$id" DeviceHandedOver "the handover"
}

# The second person retires: form 05, the device is asked back, form 08 brings it.
bring_back() {
    say "forms 05 and 08: a person retires, the device comes back"
    id=$(cat "$WORK/01-persons.id")
    tail -n 1 "$WORK/devices" > "$WORK/retired"
    read -r device serial < "$WORK/retired"
    make_document 05-retired seal-H26.14 \
        "{ \"certificate_serial\": \"$serial\", \"device_serial\": \"$device\", \"reason\": \"nghi_huu\" }"
    finish_report 05-retired
    wait_for_text "$id" DeviceRecalled "the recall"
    make_document 08-return seal-H26.14 \
        "{ \"device_serial\": \"$device\", \"certificate_serial\": \"$serial\", \"condition\": \"còn nguyên vẹn\", \"reason\": \"nghỉ hưu\" }"
    finish_report 08-return
    wait_for_text "$id" DeviceReturned "the return"
    $TRIENCTL show "$id"
    $TRIENCTL device show "$device"
}
