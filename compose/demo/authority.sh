#!/bin/sh
# The TEST authority that stands for the one whose certificates agencies sign with, and the seals of
# the sample agencies. Made with openssl and NSS only: nothing of Triện is in it.
#
#     compose/demo/authority.sh DIR      DIR/demo/pki: CA, seals, NSS databases;
#                                        DIR/trust: anchors/, intermediates/, crl/ for validation
set -eu
umask 077
DIR=$(cd "$1" && pwd)
PKI=$DIR/demo/pki
TRUST=$DIR/trust
mkdir -p "$PKI" "$TRUST/anchors" "$TRUST/intermediates" "$TRUST/crl"
cd "$PKI"

[ -s openssl.cnf ] || cat > openssl.cnf <<'CNF'
[ca_root]
dir = .
database = $dir/root.index
serial = $dir/root.serial
crlnumber = $dir/root.crlnumber
new_certs_dir = $dir/new
certificate = $dir/root.pem
private_key = $dir/root.key
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
crl_extensions = crl_ext
[ca_agencies]
dir = .
database = $dir/agencies.index
serial = $dir/agencies.serial
crlnumber = $dir/agencies.crlnumber
new_certs_dir = $dir/new
certificate = $dir/agencies.pem
private_key = $dir/agencies.key
default_md = sha256
default_crl_days = 30
policy = any
unique_subject = no
crl_extensions = crl_ext
[any]
countryName = optional
organizationName = optional
commonName = supplied
[root_ext]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[agencies_ext]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[seal_ext]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, nonRepudiation
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[crl_ext]
authorityKeyIdentifier = keyid
[req]
distinguished_name = none
prompt = no
string_mask = utf8only
utf8 = yes
[none]
CNF
mkdir -p new

quiet() { "$@" > openssl.log 2>&1 || { cat openssl.log >&2; exit 1; }; }

# name, subject, extensions, issuer ("" for the root itself), days
certificate() {
    [ ! -s "$1.pem" ] || return 0
    quiet openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1.key"
    quiet openssl req -new -config openssl.cnf -utf8 -key "$1.key" -subj "$2" -out "$1.csr"
    if [ -z "$4" ]; then
        quiet openssl x509 -req -in "$1.csr" -signkey "$1.key" -extfile openssl.cnf -extensions "$3" \
            -days "$5" -sha256 -out "$1.pem"
    else
        [ -e "$4.index" ] || { : > "$4.index"; openssl rand -hex 8 > "$4.serial"; echo 01 > "$4.crlnumber"; }
        quiet openssl ca -batch -config openssl.cnf -name "ca_$4" -in "$1.csr" -extensions "$3" \
            -days "$5" -notext -utf8 -out "$1.pem"
    fi
}

# An NSS database with one signer, for pdfsig.
nss() {
    [ ! -d "nss-$1" ] || return 0
    mkdir "nss-$1.new"
    certutil -N -d "sql:nss-$1.new" --empty-password
    openssl pkcs12 -export -name "$1" -in "$1.pem" -inkey "$1.key" -out "$1.p12" -passout pass:
    quiet pk12util -i "$1.p12" -d "sql:nss-$1.new" -W ""
    rm -f "$1.p12"
    mv "nss-$1.new" "nss-$1"
}

certificate root "/C=VN/O=Triện TEST/CN=TEST Root of the State's signers" root_ext "" 3650
certificate agencies "/C=VN/O=Triện TEST/CN=TEST CA of State agencies" agencies_ext root 3000
certificate seal-H26.14 "/C=VN/O=Triện TEST/CN=Sở Khoa học và Công nghệ TEST" seal_ext agencies 1000
certificate seal-H26.15 "/C=VN/O=Triện TEST/CN=Trung tâm Dữ liệu TEST" seal_ext agencies 1000
nss seal-H26.14
nss seal-H26.15
cp root.pem "$TRUST/anchors/test-root.pem"
cp agencies.pem "$TRUST/intermediates/test-agencies.pem"
# Fresh lists at each run, as an authority would publish them.
for ca in root agencies; do
    quiet openssl ca -config openssl.cnf -name "ca_$ca" -gencrl -out "$ca.crl.pem"
    openssl crl -in "$ca.crl.pem" -outform DER -out "$TRUST/crl/test-$ca.crl.new"
    mv "$TRUST/crl/test-$ca.crl.new" "$TRUST/crl/test-$ca.crl"
done
