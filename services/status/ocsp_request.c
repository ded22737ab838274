/* Reading OCSP requests of strangers. OpenSSL parses the DER; limits come first, and what it let
 * through is looked at once more. Decides nothing about answers. */
#include "services/status/ocsp_request.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <string.h>

#include "common/guard.h"

DEFINE_AUTOPTR(OCSP_REQUEST, OCSP_REQUEST_free)

static struct bytes copy_string(struct arena *arena, const ASN1_STRING *string)
{
    return arena_bytes(arena,
                       bytes_of(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string)));
}

static enum ocsp_request_verdict read_id(struct arena *arena, OCSP_CERTID *id,
                                         struct ocsp_certid *into)
{
    ASN1_OCTET_STRING *name_hash, *key_hash;
    ASN1_OBJECT *algorithm;
    ASN1_INTEGER *serial;
    size_t hash_size;

    OCSP_id_get0_info(&name_hash, &algorithm, &key_hash, &serial, id);
    switch (OBJ_obj2nid(algorithm)) {
    case NID_sha1:
        into->hash = OCSP_SHA1;
        hash_size = 20;
        break;
    case NID_sha256:
        into->hash = OCSP_SHA256;
        hash_size = 32;
        break;
    default:
        return OCSP_REQUEST_FOREIGN;
    }
    into->name_hash = copy_string(arena, name_hash);
    into->key_hash = copy_string(arena, key_hash);
    into->serial = copy_string(arena, serial);
    if (into->name_hash.n != hash_size || into->key_hash.n != hash_size ||
        ASN1_STRING_type(serial) != V_ASN1_INTEGER || into->serial.n == 0 ||
        into->serial.n > OCSP_MAX_SERIAL_BYTES)
        return OCSP_REQUEST_MALFORMED;
    return OCSP_REQUEST_FINE;
}

/* The nonce is an OCTET STRING inside the extension's OCTET STRING (RFC 9654 2.1). */
static bool read_nonce(struct arena *arena, X509_EXTENSION *extension, struct bytes *ret_nonce)
{
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);
    const uint8_t *p = ASN1_STRING_get0_data(value);
    size_t n = (size_t)ASN1_STRING_length(value), header = n > 1 && p[1] == 0x81 ? 3 : 2, length;

    if (n < header + 1 || p[0] != V_ASN1_OCTET_STRING)
        return false;
    length = header == 3 ? p[2] : p[1];
    if (length != n - header || (header == 3) != (length > 127) || length > OCSP_MAX_NONCE_BYTES)
        return false;
    *ret_nonce = arena_bytes(arena, bytes_of(p + header, length));
    return true;
}

static bool read_extensions(struct arena *arena, OCSP_REQUEST *request, struct bytes *ret_nonce)
{
    for (int i = 0; i < OCSP_REQUEST_get_ext_count(request); i++) {
        X509_EXTENSION *extension = OCSP_REQUEST_get_ext(request, i);
        if (OBJ_obj2nid(X509_EXTENSION_get_object(extension)) == NID_id_pkix_OCSP_Nonce) {
            if (ret_nonce->p || !read_nonce(arena, extension, ret_nonce))
                return false;
        } else if (X509_EXTENSION_get_critical(extension)) {
            return false;
        }
    }
    return true;
}

static bool has_critical(OCSP_ONEREQ *one)
{
    for (int i = 0; i < OCSP_ONEREQ_get_ext_count(one); i++)
        if (X509_EXTENSION_get_critical(OCSP_ONEREQ_get_ext(one, i)))
            return true;
    return false;
}

enum ocsp_request_verdict ocsp_request_read(struct arena *arena, struct bytes der,
                                            struct ocsp_request *ret_request)
{
    const uint8_t *p = der.p;
    struct ocsp_request request = {0};
    autoptr(OCSP_REQUEST) parsed = NULL;
    bool foreign = false;

    if (der.n == 0 || der.n > OCSP_MAX_REQUEST_BYTES)
        return OCSP_REQUEST_MALFORMED;
    parsed = d2i_OCSP_REQUEST(NULL, &p, (long)der.n);
    if (!parsed || p != der.p + der.n) {
        ERR_clear_error();
        return OCSP_REQUEST_MALFORMED;
    }
    request.count = (size_t)OCSP_request_onereq_count(parsed);
    if (request.count == 0 || request.count > OCSP_MAX_CERTIFICATES ||
        !read_extensions(arena, parsed, &request.nonce))
        return OCSP_REQUEST_MALFORMED;
    for (size_t i = 0; i < request.count; i++) {
        OCSP_ONEREQ *one = OCSP_request_onereq_get0(parsed, (int)i);
        enum ocsp_request_verdict verdict =
            read_id(arena, OCSP_onereq_get0_id(one), &request.ids[i]);
        if (verdict == OCSP_REQUEST_MALFORMED || has_critical(one))
            return OCSP_REQUEST_MALFORMED;
        foreign = foreign || verdict == OCSP_REQUEST_FOREIGN;
    }
    *ret_request = request;
    return foreign ? OCSP_REQUEST_FOREIGN : OCSP_REQUEST_FINE;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool ocsp_path_decode(struct arena *arena, const char *path, struct bytes *ret_der)
{
    size_t length = strlen(path), n = 0;
    char *text;

    if (length == 0 || length > OCSP_MAX_REQUEST_BYTES * 4)
        return false;
    text = arena_alloc(arena, length + 4);
    for (const char *p = path; *p; p++) {
        if (*p == '%') {
            int high = hex_value(p[1]), low = high < 0 ? -1 : hex_value(p[2]);
            if (low < 0 || (high == 0 && low == 0))
                return false;
            text[n++] = (char)(high << 4 | low);
            p += 2;
        } else {
            text[n++] = *p;
        }
    }
    while (n % 4) /* padding that a client left away */
        text[n++] = '=';
    return bytes_from_base64(arena, bytes_of(text, n), ret_der);
}
