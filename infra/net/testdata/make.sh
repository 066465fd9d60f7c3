#!/bin/sh
# Makes every certificate of this folder anew. Keys are P-256 in PKCS#8; everything is DER.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/ca.cnf" <<'CNF'
[ca]
default_ca = here
[here]
new_certs_dir = $ENV::WORK
database = $ENV::WORK/index
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[root]
basicConstraints = critical,CA:true,pathlen:1
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[intermediate]
basicConstraints = critical,CA:true,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[leaf]
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth,clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:localhost,IP:127.0.0.1
CNF
: > "$work/index"
export WORK="$work"

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/$1.pem" 2>/dev/null; }

# issue <name> <common name> <section> <issuer or "self"> <not after>
issue() {
    key "$1"
    openssl req -new -key "$work/$1.pem" -subj "/CN=$2" -out "$work/$1.csr"
    if [ "$4" = self ]; then signer="-selfsign -keyfile $work/$1.pem"; else signer="-cert $work/$4.crt -keyfile $work/$4.pem"; fi
    # shellcheck disable=SC2086
    openssl ca -batch -notext -config "$work/ca.cnf" -extensions "$3" $signer -preserveDN \
        -startdate 20200101000000Z -enddate "$5" -in "$work/$1.csr" -out "$work/$1.crt" 2>/dev/null
    openssl x509 -in "$work/$1.crt" -outform DER -out "$1.crt.der"
    if [ "$3" = leaf ]; then openssl pkcs8 -topk8 -nocrypt -in "$work/$1.pem" -outform DER -out "$1.key.der"; fi
}

far=20991231235959Z
issue root "Test Root" root self "$far"
issue intermediate "Test Intermediate" intermediate root "$far"
issue server "first server" leaf intermediate "$far"
issue server2 "second server" leaf intermediate "$far"
issue client "client" leaf intermediate "$far"
issue expired "expired client" leaf intermediate 20210101000000Z
issue stranger_root "Stranger Root" root self "$far"
issue stranger "stranger" leaf stranger_root "$far"

# The extension of tls-alpn-01 holds the SHA-256 of the key authorization (RFC 8737 3).
key acme
digest=$(printf 'key authorization' | openssl dgst -sha256 -hex | sed 's/.*= //')
openssl req -x509 -new -key "$work/acme.pem" -subj "/CN=acme" -set_serial 1 -days 36500 -addext "subjectAltName=DNS:a.example" \
    -addext "1.3.6.1.5.5.7.1.31=critical,DER:0420$digest" -outform DER -out acme.crt.der
openssl pkcs8 -topk8 -nocrypt -in "$work/acme.pem" -outform DER -out acme.key.der
