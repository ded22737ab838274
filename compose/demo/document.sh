#!/bin/sh
# A signed request document, by programs that know nothing of Triện: a page of text, request.json
# attached by pdfattach, signed by pdfsig with an NSS database (poppler).
#
#     compose/demo/document.sh REQUEST.json NSS_DIR NICKNAME OUT.pdf
set -eu
umask 077
REQUEST=$1 NSS=$2 NICK=$3 OUT=$4
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# One page of plain text (US-ASCII, Helvetica), with its table of cross-references.
text_pdf() {
    LC_ALL=C awk '
        function put(s) { printf "%s", s; at += length(s) }
        function begin(n) { offset[n] = at; put(n " 0 obj\n") }
        BEGIN { put("%PDF-1.7\n") }
        { gsub(/[\\()]/, "\\\\&"); text = text "(" $0 ") Tj T*\n" }
        END {
            stream = "BT /F1 11 Tf 14 TL 72 770 Td\n" text "ET\n"
            begin(1); put("<</Type/Catalog/Pages 2 0 R>>\nendobj\n")
            begin(2); put("<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n")
            begin(3); put("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R" \
                          "/Resources<</Font<</F1 5 0 R>>>>>>\nendobj\n")
            begin(4); put("<</Length " length(stream) ">>\nstream\n" stream "endstream\nendobj\n")
            begin(5); put("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>\nendobj\n")
            start = at
            put("xref\n0 6\n0000000000 65535 f \n")
            for (n = 1; n <= 5; n++) put(sprintf("%010d 00000 n \n", offset[n]))
            put("trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n" start "\n%%EOF\n")
        }'
}

{
    echo "TEST - De nghi cap chung thu chu ky so chuyen dung cong vu (Nghi dinh 68/2024/ND-CP)"
    echo "So: $(sed -n 's/.*"number": "\([^"]*\)".*/\1/p' "$REQUEST")   Ngay: $(sed -n 's/.*"date": "\([^"]*\)".*/\1/p' "$REQUEST")"
    echo "Kinh gui: Cuc Chung thuc so va Bao mat thong tin (TEST)"
    echo "Noi dung de nghi nam trong tep request.json dinh kem, duoc ky so cung van ban nay."
} | text_pdf > "$WORK/plain.pdf"
cp "$REQUEST" "$WORK/request.json"
(cd "$WORK" && pdfattach plain.pdf request.json attached.pdf)
pdfsig -nssdir "sql:$NSS" -nss-pwd "" -add-signature -nick "$NICK" -digest SHA256 \
    "$WORK/attached.pdf" "$WORK/signed.pdf" > "$WORK/pdfsig.log" 2>&1 ||
    { cat "$WORK/pdfsig.log" >&2; exit 1; }
mv "$WORK/signed.pdf" "$OUT"
