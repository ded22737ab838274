#!/bin/sh
# The carrier of the demonstration: says what becomes of one parcel, with curl and openssl only.
#
#     compose/demo/carrier.sh URL SECRET_FILE NUMBER CODE...
#
# Each CODE (EMS: EMA posted, EMC departed, EMG at the delivery office, EDG out for delivery, EMH attempted,
# EMI delivered) is one call, an hour after the one before it and the last one now; each is signed with
# the carrier's secret over the body. Courier's answers are printed.
set -eu
url=$1 secret=$2 number=$3
shift 3
hours=$#
for code in "$@"; do
    hours=$((hours - 1))
    body=$(printf '{"carrier":"vnpost","sent_at":"%s","events":[{"tracking_number":"%s","code":"%s","time":"%s","place":"Hà Nội"}]}' \
        "$(date -u +%FT%TZ)" "$number" "$code" "$(date -u -d "-$hours hours" +%FT%TZ)")
    mac=$(printf %s "$body" | openssl dgst -sha256 -hmac "$(cat "$secret")" -r | cut -c1-64)
    answer=$(printf %s "$body" | curl -sS -m 10 -X POST "$url/v1/tracking-events" -H 'Content-Type: application/json' \
        -H "Trien-Signature: sha256=$mac" --data-binary @-)
    echo "$number $code $answer"
done
