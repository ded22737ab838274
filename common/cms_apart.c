/* Only headers are read here: what the elements say is OpenSSL's to judge, with or without the
 * certificates. */
#include "common/cms_apart.h"

#include <openssl/asn1.h>
#include <string.h>

/* Context-specific [0], constructed: the content, and IMPLICIT certificates. */
#define CONTEXT_0 (V_ASN1_CONTEXT_SPECIFIC | V_ASN1_CONSTRUCTED)
#define SEQUENCE (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED)

/* The next element: whole and what it holds. False when there is none of definite length. */
static bool next(struct bytes *in, struct bytes *ret_element, struct bytes *ret_content)
{
    const unsigned char *p = in->p;
    long length;
    int tag, class, form;

    if (in->n == 0)
        return false;
    form = ASN1_get_object(&p, &length, &tag, &class, (long)in->n);
    if (form & 0x81) /* an error, or an indefinite length */
        return false;
    *ret_content = bytes_of(p, (size_t)length);
    *ret_element = bytes_of(in->p, (size_t)(p - in->p) + (size_t)length);
    *in = bytes_of(in->p + ret_element->n, in->n - ret_element->n);
    return true;
}

/* The same, and it must begin with this octet. */
static bool enter(struct bytes *in, int octet, struct bytes *ret_content)
{
    struct bytes element;

    return in->n > 0 && in->p[0] == octet && next(in, &element, ret_content);
}

static bool only_zeros(struct bytes in)
{
    for (size_t i = 0; i < in.n; i++)
        if (in.p[i] != 0)
            return false;
    return true;
}

/* Where the certificates stand in SignedData: what comes before and behind them. */
struct places {
    struct bytes kind, before, certificates, behind;
};

static bool find(struct bytes contents, struct places *ret_places)
{
    struct bytes info, content, data, element, inner, start;
    struct places places;

    if (!enter(&contents, SEQUENCE, &info) || !only_zeros(contents) ||
        !next(&info, &places.kind, &inner) || !enter(&info, CONTEXT_0, &content) || info.n ||
        !enter(&content, SEQUENCE, &data) || content.n)
        return false;
    start = data;
    for (int i = 0; i < 3; i++) /* version, digestAlgorithms, encapContentInfo */
        if (!next(&data, &element, &inner))
            return false;
    places.before = bytes_of(start.p, start.n - data.n);
    if (!enter(&data, CONTEXT_0, &places.certificates))
        return false;
    places.behind = data;
    *ret_places = places;
    return true;
}

static bool list(struct bytes in, struct cms_apart *ret_apart)
{
    struct bytes inner;

    ret_apart->count = 0;
    while (in.n > 0) {
        struct bytes *place = &ret_apart->certificates[ret_apart->count];

        if (ret_apart->count == CMS_APART_CERTIFICATES || in.p[0] != SEQUENCE ||
            !next(&in, place, &inner))
            return false;
        ret_apart->count++;
    }
    return ret_apart->count > 0;
}

static struct bytes write_message(struct arena *arena, const struct places *places)
{
    int data = (int)(places->before.n + places->behind.n);
    int content = ASN1_object_size(1, data, V_ASN1_SEQUENCE);
    int info = (int)places->kind.n + ASN1_object_size(1, content, 0);
    int total = ASN1_object_size(1, info, V_ASN1_SEQUENCE);
    unsigned char *message = arena_alloc(arena, (size_t)total), *p = message;

    ASN1_put_object(&p, 1, info, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    p = mempcpy(p, places->kind.p, places->kind.n);
    ASN1_put_object(&p, 1, content, 0, V_ASN1_CONTEXT_SPECIFIC);
    ASN1_put_object(&p, 1, data, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    p = mempcpy(p, places->before.p, places->before.n);
    memcpy(p, places->behind.p, places->behind.n);
    return bytes_of(message, (size_t)total);
}

bool cms_take_apart(struct arena *arena, struct bytes contents, struct cms_apart *ret_apart)
{
    struct places places;

    if (contents.n > INT32_MAX / 2 || !find(contents, &places) ||
        !list(places.certificates, ret_apart))
        return false;
    ret_apart->message = write_message(arena, &places);
    return true;
}
