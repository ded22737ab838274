/* Distinguished names: from fields to DER, from DER to text. Long official names are abbreviated by
 * the table below, in its order, or refused; no value is ever cut. */
#include "common/x509.h"

#include <string.h>
#include <uninorm.h>
#include <unistr.h>

/* Abbreviations as official documents use them (Decree 30/2020 and the practice of the ministries).
 * The order is the rule: what reads best goes first, and later rows only apply while the name is
 * still too long. A comma in the long form needs its own row. */
static const struct abbreviation {
    const char *full, *abbreviated;
} abbreviations[] = {
    {"Ủy ban nhân dân", "UBND"},
    {"Uỷ ban nhân dân", "UBND"},
    {"Hội đồng nhân dân", "HĐND"},
    {"Ủy ban Mặt trận Tổ quốc", "UBMTTQ"},
    {"Văn hóa, Thể thao và Du lịch", "VH,TT&DL"},
    {"Lao động - Thương binh và Xã hội", "LĐ-TB&XH"},
    {"Khoa học và Công nghệ", "KH&CN"},
    {"Giáo dục và Đào tạo", "GD&ĐT"},
    {"Nông nghiệp và Môi trường", "NN&MT"},
    {"Nông nghiệp và Phát triển nông thôn", "NN&PTNT"},
    {"Tài nguyên và Môi trường", "TN&MT"},
    {"Kế hoạch và Đầu tư", "KH&ĐT"},
    {"Thông tin và Truyền thông", "TT&TT"},
    {"Dân tộc và Tôn giáo", "DT&TG"},
    {"khoa học và công nghệ", "KH&CN"},
    {"trách nhiệm hữu hạn", "TNHH"},
    {"một thành viên", "MTV"},
    {"trung học phổ thông", "THPT"},
    {"trung học cơ sở", "THCS"},
    {"công nghệ thông tin", "CNTT"},
    {"Công nghệ thông tin", "CNTT"},
    {"Thành phố", "TP."},
    {"thành phố", "TP."},
    {"Văn phòng", "VP."},
    {"Trung tâm", "TT."},
    {"trung tâm", "TT."},
    {"và", "&"},
};

static size_t characters(const char *text)
{
    return u8_mbsnlen((const uint8_t *)text, strlen(text));
}

/* Letters outside ASCII count as part of a word. */
static bool in_word(char c)
{
    return (c & 0x80) || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static const char *find_words(const char *from, const char *start, const char *words)
{
    size_t length = strlen(words);

    for (const char *at = from; (at = strstr(at, words)); at++)
        if ((at == start || !in_word(at[-1])) && !in_word(at[length]))
            return at;
    return NULL;
}

static const char *abbreviate(struct arena *arena, const char *text, const struct abbreviation *row)
{
    char *out = arena_alloc(arena, strlen(text) + 1); /* no abbreviation is longer than its words */
    char *end = out;
    const char *from = text, *at;

    while ((at = find_words(from, text, row->full))) {
        end = mempcpy(end, from, (size_t)(at - from));
        end = stpcpy(end, row->abbreviated);
        from = at + strlen(row->full);
    }
    strcpy(end, from);
    return out;
}

const char *x509_name_shorten(struct arena *arena, const char *text, size_t limit_characters)
{
    for (size_t i = 0; i < COUNT_OF(abbreviations) && characters(text) > limit_characters; i++)
        if (find_words(text, text, abbreviations[i].full))
            text = abbreviate(arena, text, &abbreviations[i]);
    return characters(text) <= limit_characters ? text : NULL;
}

/* Characters that show nothing or turn the reading order: they make two names look alike. */
static bool is_invisible(ucs4_t c)
{
    return (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0xad || (c >= 0x80 && c <= 0x9f) ||
           (c >= 0xe0000 && c <= 0xe007f);
}

static bool is_white(ucs4_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0xa0;
}

/* NFC with white space runs as one space, none at the ends; NULL when the value is not text. */
static const char *normalise(struct arena *arena, const char *text)
{
    size_t length = strlen(text), room = length * 3 + 1;
    uint8_t *nfc = arena_alloc(arena, room), *composed, *end = nfc;
    bool space = false;

    if (!bytes_are_text(bytes_of(text, length)))
        return NULL;
    composed = u8_normalize(UNINORM_NFC, (const uint8_t *)text, length, nfc, &room);
    if (composed != nfc) { /* NULL, or grown beyond three times its size: not a name */
        free(composed);
        return NULL;
    }
    for (size_t i = 0; i < room;) {
        ucs4_t c;
        int step = u8_mbtouc(&c, nfc + i, room - i);
        if (is_invisible(c))
            return NULL;
        if (is_white(c)) {
            space = end != nfc;
        } else {
            if (space)
                *end++ = ' ';
            memmove(end, nfc + i, (size_t)step);
            end += step;
            space = false;
        }
        i += (size_t)step;
    }
    *end = 0;
    return (const char *)nfc;
}

struct attribute {
    int nid;
    const char *field, *value;
    size_t upper_bound;
    bool may_shorten;
};

static enum rc add_attribute(struct arena *arena, X509_NAME *name,
                             const struct attribute *attribute, struct err *err)
{
    const char *value = normalise(arena, attribute->value);

    err_field(err, "%s", attribute->field);
    CHECK(value, err, TRIEN__ERROR__FIELD_INVALID, "%s is not plain text", attribute->field);
    if (!*value)
        return RC_OK;
    if (attribute->may_shorten)
        value = x509_name_shorten(arena, value, attribute->upper_bound);
    CHECK(value && characters(value) <= attribute->upper_bound, err, TRIEN__ERROR__NAME_TOO_LONG,
          "%s has more than %zu characters", attribute->field, attribute->upper_bound);
    CHECK(X509_NAME_add_entry_by_NID(name, attribute->nid, V_ASN1_UTF8STRING,
                                     (const unsigned char *)value, (int)strlen(value), -1, 0) == 1,
          err, TRIEN__ERROR__INTERNAL, "attribute %s", attribute->field);
    return RC_OK;
}

enum rc x509_name_build(struct arena *arena, const struct x509_name *in, struct err *err,
                        struct bytes *ret_der)
{
    const struct attribute attributes[] = {
        {NID_localityName, "locality", in->locality, X509_UB_LOCALITY, true},
        {NID_organizationName, "organisation", in->organisation, X509_UB_ORGANISATION, true},
        {NID_organizationalUnitName, "unit", in->unit, X509_UB_UNIT, true},
        {NID_title, "title", in->title, X509_UB_TITLE, true},
        {NID_commonName, "common_name", in->common_name, X509_UB_COMMON_NAME,
         in->common_name_is_official},
        {NID_userId, "uid", in->uid, X509_UB_UID, false},
    };
    autoptr(X509_NAME) name = X509_NAME_new();

    CHECK(name && X509_NAME_add_entry_by_NID(name, NID_countryName, V_ASN1_PRINTABLESTRING,
                                             (const unsigned char *)"VN", 2, -1, 0) == 1,
          err, TRIEN__ERROR__INTERNAL, "country");
    for (size_t i = 0; i < COUNT_OF(attributes); i++)
        if (attributes[i].value && *attributes[i].value)
            TRY(add_attribute(arena, name, &attributes[i], err));
    err_field(err, "common_name");
    CHECK(X509_NAME_get_index_by_NID(name, NID_commonName, -1) >= 0, err,
          TRIEN__ERROR__FIELD_MISSING, "a subject needs a name");
    err_field(err, "%s", "");
    *ret_der = x509_der(arena, name, i2d_X509_NAME);
    CHECK(ret_der->n, err, TRIEN__ERROR__INTERNAL, "name not encoded");
    return RC_OK;
}

static X509_NAME *parse_name(struct bytes der)
{
    const unsigned char *p = der.p;
    X509_NAME *name;

    if (der.n == 0 || der.n > X509_MAX_DER_BYTES)
        return NULL;
    name = d2i_X509_NAME(NULL, &p, (long)der.n);
    if (name && p != der.p + der.n) {
        X509_NAME_free(name);
        return NULL;
    }
    return name;
}

const char *x509_name_text(struct arena *arena, struct bytes name_der)
{
    autoptr(X509_NAME) name = parse_name(name_der);
    autoptr(BIO) out = BIO_new(BIO_s_mem());
    char *text;
    long length;

    if (!name || !out ||
        X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) <
            0)
        return NULL;
    length = BIO_get_mem_data(out, &text);
    return length < 0 ? NULL : arena_strndup(arena, text ? text : "", (size_t)length);
}

const char *x509_name_find(struct arena *arena, struct bytes name_der, int nid)
{
    autoptr(X509_NAME) name = parse_name(name_der);
    int at = name ? X509_NAME_get_index_by_NID(name, nid, -1) : -1;
    unsigned char *utf8 = NULL;
    const char *text;
    int length;

    if (at < 0)
        return NULL;
    length = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
    if (length < 0)
        return NULL;
    text = arena_strndup(arena, (const char *)utf8, (size_t)length);
    OPENSSL_free(utf8);
    return text;
}
