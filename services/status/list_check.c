/* Judging a revocation list part by part (RFC 5280 5.1): the fields up to nextUpdate are parsed,
 * the rest is hashed. What its entries say is the authority's word; its signature is what is
 * checked. */
#include "services/status/list_check.h"

#include <string.h>

void list_check_init(struct list_check *check, const struct authority *authority, uint64_t size)
{
    *check = (struct list_check){.authority = authority, .size = size};
}

void list_check_done(struct list_check *check)
{
    EVP_MD_CTX_free(check->whole);
    EVP_MD_CTX_free(check->signature);
    check->whole = check->signature = NULL;
}

/* The header of a value of this tag at *p, which ends at `end`; its content's length. */
static bool take_header(const uint8_t **p, const uint8_t *end, int tag, uint64_t *ret_length)
{
    long length = 0;
    int found = 0, class = 0;
    int flags = ASN1_get_object(p, &length, &found, &class, end - *p);
    /* "too long" is the flag of a value that goes on in the next part */
    bool good = !(flags & 0x01) && found == tag && class == V_ASN1_UNIVERSAL && length >= 0 &&
                (!(flags & 0x80) || ERR_GET_REASON(ERR_peek_error()) == ASN1_R_TOO_LONG);

    ERR_clear_error();
    *ret_length = (uint64_t)length;
    return good;
}

static bool skip(const uint8_t **p, const uint8_t *end, int tag)
{
    uint64_t length = 0;

    if (!take_header(p, end, tag, &length) || length > (uint64_t)(end - *p))
        return false;
    *p += length;
    return true;
}

static bool take_time(const uint8_t **p, const uint8_t *end, usec *ret_at)
{
    ASN1_TIME *time = d2i_ASN1_TIME(NULL, p, end - *p);
    usec at = time ? x509_time_us(time) : 0;

    ASN1_TIME_free(time);
    *ret_at = at;
    return at > 0;
}

static bool is_issuers_name(const uint8_t **p, const uint8_t *end, const X509 *certificate)
{
    X509_NAME *name = d2i_X509_NAME(NULL, p, end - *p);
    bool same = name && X509_NAME_cmp(name, X509_get_subject_name(certificate)) == 0;

    X509_NAME_free(name);
    return same;
}

static bool keep_algorithm(struct list_check *check, const uint8_t **p, const uint8_t *end)
{
    const uint8_t *begins = *p;

    if (!skip(p, end, V_ASN1_SEQUENCE) || (size_t)(*p - begins) > sizeof(check->algorithm))
        return false;
    check->algorithm_bytes = (size_t)(*p - begins);
    memcpy(check->algorithm, begins, check->algorithm_bytes);
    return true;
}

/* SEQUENCE { SEQUENCE { version, algorithm, issuer, thisUpdate, nextUpdate … */
static bool read_beginning(struct list_check *check, struct bytes part, const X509 *certificate)
{
    const uint8_t *p = part.p, *end = part.p + part.n, *tbs;
    uint64_t length = 0;

    if (!take_header(&p, end, V_ASN1_SEQUENCE, &length) ||
        (uint64_t)(p - part.p) + length != check->size)
        return false;
    tbs = p;
    if (!take_header(&p, end, V_ASN1_SEQUENCE, &length))
        return false;
    check->tbs_begins = (uint64_t)(tbs - part.p);
    check->tbs_ends = (uint64_t)(p - part.p) + length;
    return check->tbs_ends < check->size && skip(&p, end, V_ASN1_INTEGER) &&
           keep_algorithm(check, &p, end) && is_issuers_name(&p, end, certificate) &&
           take_time(&p, end, &check->this_update) && take_time(&p, end, &check->next_update);
}

static enum rc begin(struct list_check *check, struct bytes part, struct err *err)
{
    autoptr(X509) certificate = x509_parse(check->authority->der);
    bool good = certificate && read_beginning(check, part, certificate);

    check->whole = EVP_MD_CTX_new();
    check->signature = EVP_MD_CTX_new();
    good = good && check->whole && check->signature &&
           EVP_DigestInit_ex(check->whole, EVP_sha256(), NULL) == 1 &&
           EVP_DigestVerifyInit(check->signature, NULL, EVP_sha256(), NULL,
                                X509_get0_pubkey(certificate)) == 1;
    ERR_clear_error();
    CHECK(good, err, TRIEN__ERROR__MALFORMED, "no revocation list of %s", check->authority->id);
    return RC_OK;
}

/* The bytes of the part from `from` to before `to`, both places in the list. */
static struct bytes cut(const struct list_check *check, struct bytes part, uint64_t from,
                        uint64_t to)
{
    uint64_t first = from > check->at ? from - check->at : 0;
    uint64_t last = to > check->at ? to - check->at : 0;

    first = first < part.n ? first : part.n;
    last = last < part.n ? last : part.n;
    return bytes_of(part.p + first, first < last ? (size_t)(last - first) : 0);
}

enum rc list_check_add(struct list_check *check, struct bytes part, struct err *err)
{
    struct bytes inside, behind;

    CHECK(part.n > 0 && part.n <= check->size - check->at, err, TRIEN__ERROR__MALFORMED,
          "%zu bytes more than a list of %s has", part.n, check->authority->id);
    if (check->at == 0)
        TRY(begin(check, part, err));
    inside = cut(check, part, check->tbs_begins, check->tbs_ends);
    behind = cut(check, part, check->tbs_ends, check->size);
    CHECK(behind.n <= sizeof(check->end) - check->end_bytes &&
              EVP_DigestUpdate(check->whole, part.p, part.n) == 1 &&
              EVP_DigestVerifyUpdate(check->signature, inside.p, inside.n) == 1,
          err, TRIEN__ERROR__MALFORMED, "no revocation list of %s", check->authority->id);
    memcpy(check->end + check->end_bytes, behind.p, behind.n);
    check->end_bytes += behind.n;
    check->at += part.n;
    return RC_OK;
}

/* AlgorithmIdentifier, then a BIT STRING without unused bits to the last byte. */
static bool verifies(struct list_check *check)
{
    const uint8_t *p = check->end, *end = p + check->end_bytes;
    uint64_t length = 0;

    return skip(&p, end, V_ASN1_SEQUENCE) &&
           bytes_equal(bytes_of(check->end, (size_t)(p - check->end)),
                       bytes_of(check->algorithm, check->algorithm_bytes)) &&
           take_header(&p, end, V_ASN1_BIT_STRING, &length) && length > 1 &&
           length == (uint64_t)(end - p) && *p == 0 &&
           EVP_DigestVerifyFinal(check->signature, p + 1, (size_t)length - 1) == 1;
}

enum rc list_check_end(struct list_check *check, struct bytes sha256, struct err *err)
{
    uint8_t digest[32];
    bool good = check->at == check->size && check->at > 0 && sha256.n == sizeof(digest) &&
                EVP_DigestFinal_ex(check->whole, digest, NULL) == 1 &&
                memcmp(digest, sha256.p, sizeof(digest)) == 0 && verifies(check);

    ERR_clear_error();
    CHECK(good, err, TRIEN__ERROR__MALFORMED,
          "the bytes of a list of %s are not what was announced", check->authority->id);
    return RC_OK;
}
