/* CMS verification by OpenSSL, with what PDF signatures ask on top. It never builds a chain and
 * never looks at a certificate beyond its key. */
#include "common/cms.h"

#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/ts.h>

#include "common/cms_apart.h"
#include "common/x509.h"

DEFINE_AUTOPTR(TS_TST_INFO, TS_TST_INFO_free)
DEFINE_AUTOPTR(RSA_PSS_PARAMS, RSA_PSS_PARAMS_free)

struct check {
    struct arena *arena;
    const struct bytes *ranges;
    size_t range_count;
    const struct cms_begun *begun;
    CMS_ContentInfo *cms;
    CMS_SignerInfo *info;
    int digest_nid;         /* of the content */
    struct cms_apart apart; /* count 0: the certificates stand in cms */
    struct cms_signed *out;
};

static bool refuse(struct check *c, Trien__Error code, const char *detail)
{
    if (c->out->reason_count < CMS_MAX_REASONS)
        c->out->reasons[c->out->reason_count++] = (struct cms_reason){code, detail};
    ERR_clear_error();
    return false;
}

static bool invalid(struct check *c, const char *detail)
{
    return refuse(c, TRIEN__ERROR__SIGNATURE_INVALID, detail);
}

static bool weak(struct check *c, const char *detail)
{
    return refuse(c, TRIEN__ERROR__SIGNATURE_WEAK, detail);
}

bool cms_digest_is_strong(int nid)
{
    static const int strong[] = {NID_sha256,   NID_sha384,   NID_sha512,  NID_sha512_256,
                                 NID_sha3_256, NID_sha3_384, NID_sha3_512};

    for (size_t i = 0; i < COUNT_OF(strong); i++)
        if (strong[i] == nid)
            return true;
    return false;
}

static void free_cms(void *cms)
{
    CMS_ContentInfo_free(cms);
}

static void free_certificate(void *certificate)
{
    X509_free(certificate);
}

/* --- parts --- */

static bool parse(struct check *c, struct bytes contents)
{
    const unsigned char *p;

    if (cms_take_apart(c->arena, contents, &c->apart))
        contents = c->apart.message;
    else
        c->apart.count = 0;
    p = contents.p;
    c->cms = d2i_CMS_ContentInfo(NULL, &p, (long)contents.n);
    if (!c->cms)
        return invalid(c, "not a CMS message");
    arena_defer(c->arena, c->cms, free_cms);
    for (; p < contents.p + contents.n; p++)
        if (*p != 0)
            return invalid(c, "bytes follow the CMS message");
    return true;
}

static bool check_shape(struct check *c)
{
    const STACK_OF(CMS_SignerInfo) * infos;
    ASN1_OCTET_STRING **content;
    int kind;

    if (OBJ_obj2nid(CMS_get0_type(c->cms)) != NID_pkcs7_signed)
        return invalid(c, "not SignedData");
    infos = CMS_get0_SignerInfos(c->cms);
    content = CMS_get0_content(c->cms);
    if (sk_CMS_SignerInfo_num(infos) != 1 || !content)
        return invalid(c, "not exactly one SignerInfo");
    c->info = sk_CMS_SignerInfo_value(infos, 0);
    kind = OBJ_obj2nid(CMS_get0_eContentType(c->cms));
    c->out->is_time_stamp = kind == NID_id_smime_ct_TSTInfo;
    if (kind == NID_pkcs7_data ? *content != NULL : !c->out->is_time_stamp || !*content)
        return invalid(c, "not a detached signature");
    return true;
}

/* All embedded certificates; NULL when there are none, or one of them is none. */
static X509_stack *embedded_certificates(struct check *c)
{
    X509_stack *all = c->apart.count ? sk_X509_new_null() : CMS_get1_certs(c->cms);

    for (size_t i = 0; all && i < c->apart.count; i++) {
        X509 *one = x509_parse_shared(c->apart.certificates[i]);

        if (!one || !sk_X509_push(all, one)) {
            X509_free(one);
            ossl_stack_free(all);
            return NULL;
        }
    }
    return all;
}

static bool find_signer(struct check *c)
{
    autoptr(X509_stack) certificates = embedded_certificates(c);

    for (int i = 0; i < sk_X509_num(certificates); i++) {
        X509 *certificate = sk_X509_value(certificates, i);

        if (CMS_SignerInfo_cert_cmp(c->info, certificate) != 0)
            continue;
        CMS_SignerInfo_set1_signer_cert(c->info, certificate);
        X509_up_ref(certificate);
        arena_defer(c->arena, certificate, free_certificate);
        c->out->signer = certificate;
        return true;
    }
    return invalid(c, "the signer's certificate is not embedded");
}

/* --- algorithms --- */

static bool check_pss(struct check *c, const ASN1_TYPE *parameters)
{
    autoptr(RSA_PSS_PARAMS) pss = NULL;
    autoptr(X509_ALGOR) mask = NULL;
    const ASN1_OBJECT *digest = NULL, *mask_digest = NULL;

    if (parameters && parameters->type == V_ASN1_SEQUENCE)
        pss = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), parameters);
    if (!pss)
        return invalid(c, "malformed PSS parameters");
    if (pss->maskGenAlgorithm && pss->maskGenAlgorithm->parameter &&
        pss->maskGenAlgorithm->parameter->type == V_ASN1_SEQUENCE)
        mask =
            ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR), pss->maskGenAlgorithm->parameter);
    if (!pss->hashAlgorithm || !mask)
        return weak(c, "PSS with SHA-1");
    X509_ALGOR_get0(&digest, NULL, NULL, pss->hashAlgorithm);
    X509_ALGOR_get0(&mask_digest, NULL, NULL, mask);
    if (!cms_digest_is_strong(OBJ_obj2nid(digest)) ||
        !cms_digest_is_strong(OBJ_obj2nid(mask_digest)))
        return weak(c, "PSS with a weak digest");
    return true;
}

static bool check_algorithms(struct check *c)
{
    X509_ALGOR *digest, *signature;
    const ASN1_OBJECT *oid;
    int nid, own_digest = NID_undef, kind = NID_undef;

    CMS_SignerInfo_get0_algs(c->info, NULL, NULL, &digest, &signature);
    X509_ALGOR_get0(&oid, NULL, NULL, digest);
    c->digest_nid = OBJ_obj2nid(oid);
    c->out->digest = c->digest_nid == NID_undef ? "" : OBJ_nid2sn(c->digest_nid);
    if (!cms_digest_is_strong(c->digest_nid))
        return weak(c, "weak digest");
    X509_ALGOR_get0(&oid, NULL, NULL, signature);
    nid = OBJ_obj2nid(oid);
    if (nid == NID_rsassaPss)
        return check_pss(c, signature->parameter);
    if (nid == NID_rsaEncryption || nid == NID_X9_62_id_ecPublicKey)
        return true;
    if (!OBJ_find_sigid_algs(nid, &own_digest, &kind) ||
        (kind != NID_rsaEncryption && kind != NID_X9_62_id_ecPublicKey))
        return weak(c, "signature algorithm not accepted");
    if (own_digest != c->digest_nid)
        return cms_digest_is_strong(own_digest) ? invalid(c, "signature and message digests differ")
                                                : weak(c, "weak digest");
    return true;
}

/* --- signed attributes --- */

/* The one value of the one attribute of this kind; NULL with *ret_broken when it stands twice or is
 * of another type. */
static const ASN1_TYPE *attribute_value(struct check *c, int nid, int type, bool *ret_broken)
{
    int at = CMS_signed_get_attr_by_NID(c->info, nid, -1);
    X509_ATTRIBUTE *attribute = at < 0 ? NULL : CMS_signed_get_attr(c->info, at);
    const ASN1_TYPE *value = attribute ? X509_ATTRIBUTE_get0_type(attribute, 0) : NULL;

    if (!attribute)
        return NULL;
    if (X509_ATTRIBUTE_count(attribute) != 1 || !value || (type >= 0 && value->type != type) ||
        CMS_signed_get_attr_by_NID(c->info, nid, at) >= 0) {
        *ret_broken = true;
        return NULL;
    }
    return value;
}

/* `begun` has the first range behind it; NULL: nothing is done yet. */
static bool digest_ranges(const struct bytes *ranges, size_t count, const struct cms_begun *begun,
                          int nid, uint8_t *ret_digest, unsigned *ret_size)
{
    autoptr(EVP_MD_CTX) digest = EVP_MD_CTX_new();
    bool ready = digest && (begun ? EVP_MD_CTX_copy_ex(digest, begun->sha256)
                                  : EVP_DigestInit_ex(digest, EVP_get_digestbynid(nid), NULL));

    if (!ready)
        return false;
    for (size_t i = begun ? 1 : 0; i < count; i++)
        if (!EVP_DigestUpdate(digest, ranges[i].p, ranges[i].n))
            return false;
    return EVP_DigestFinal_ex(digest, ret_digest, ret_size);
}

static bool digest_equals(const struct bytes *ranges, size_t count, const struct cms_begun *begun,
                          int nid, const ASN1_OCTET_STRING *wanted)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;

    if (nid != NID_sha256 || (begun && begun->size != ranges[0].n))
        begun = NULL;
    return digest_ranges(ranges, count, begun, nid, digest, &size) &&
           bytes_equal(bytes_of(digest, size),
                       bytes_of(ASN1_STRING_get0_data(wanted), (size_t)ASN1_STRING_length(wanted)));
}

static bool check_digest(struct check *c)
{
    bool broken = false;
    const ASN1_TYPE *kind = attribute_value(c, NID_pkcs9_contentType, V_ASN1_OBJECT, &broken);
    const ASN1_TYPE *digest =
        attribute_value(c, NID_pkcs9_messageDigest, V_ASN1_OCTET_STRING, &broken);
    ASN1_OCTET_STRING **content = CMS_get0_content(c->cms);
    struct bytes attached = {0};

    if (broken || !kind || !digest ||
        OBJ_cmp(kind->value.object, CMS_get0_eContentType(c->cms)) != 0)
        return invalid(c, "signed attributes are missing, repeated or of the wrong kind");
    if (c->out->is_time_stamp)
        attached = bytes_of(ASN1_STRING_get0_data(*content), (size_t)ASN1_STRING_length(*content));
    if (c->out->is_time_stamp
            ? !digest_equals(&attached, 1, NULL, c->digest_nid, digest->value.octet_string)
            : !digest_equals(c->ranges, c->range_count, c->begun, c->digest_nid,
                             digest->value.octet_string))
        return invalid(c, "the digest is not that of the signed bytes");
    return true;
}

static void read_claimed_time(struct check *c)
{
    bool broken = false;
    const ASN1_TYPE *value = attribute_value(c, NID_pkcs9_signingTime, -1, &broken);

    if (broken ||
        (value && value->type != V_ASN1_UTCTIME && value->type != V_ASN1_GENERALIZEDTIME)) {
        invalid(c, "malformed signingTime");
        return;
    }
    if (value && ASN1_TIME_check(value->value.asn1_string))
        c->out->claimed_at = x509_time_us(value->value.asn1_string);
}

/* --- signingCertificate --- */

/* Enters the next element of `in` when it has this tag: *ret_inner is its content, *in what
 * follows. */
static bool enter(struct bytes *in, int tag, struct bytes *ret_inner)
{
    const unsigned char *p = in->p;
    long length;
    int found, class;

    if (in->n == 0 || (ASN1_get_object(&p, &length, &found, &class, (long)in->n) & 0x81) ||
        found != tag || class != V_ASN1_UNIVERSAL)
        return false;
    *ret_inner = bytes_of(p, (size_t)length);
    in->n -= (size_t)(p - in->p) + (size_t)length;
    in->p = p + length;
    return true;
}

/* Hash of the first ESSCertID(v2) and its algorithm (RFC 2634 5.4, RFC 5035 4). */
static bool first_ess_hash(struct bytes attribute, int usual, struct bytes *ret_hash, int *ret_nid)
{
    struct bytes whole, list, id, algorithm;

    if (!enter(&attribute, V_ASN1_SEQUENCE, &whole) || !enter(&whole, V_ASN1_SEQUENCE, &list) ||
        !enter(&list, V_ASN1_SEQUENCE, &id))
        return false;
    *ret_nid = usual;
    if (enter(&id, V_ASN1_SEQUENCE, &algorithm)) {
        const unsigned char *p = algorithm.p;
        ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &p, (long)algorithm.n);

        *ret_nid = OBJ_obj2nid(object);
        ASN1_OBJECT_free(object);
    }
    return enter(&id, V_ASN1_OCTET_STRING, ret_hash);
}

static void check_binding(struct check *c, int attribute_nid, int usual)
{
    bool broken = false;
    const ASN1_TYPE *value = attribute_value(c, attribute_nid, V_ASN1_SEQUENCE, &broken);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    struct bytes hash;
    int nid;

    if (!value && !broken)
        return;
    if (broken ||
        !first_ess_hash(
            bytes_of(value->value.sequence->data, (size_t)value->value.sequence->length), usual,
            &hash, &nid) ||
        !EVP_get_digestbynid(nid) ||
        !X509_digest(c->out->signer, EVP_get_digestbynid(nid), digest, &size) ||
        !bytes_equal(hash, bytes_of(digest, size)))
        invalid(c, "signingCertificate does not name the signer's certificate");
}

/* --- time stamps --- */

static bool check_imprint(struct check *c)
{
    ASN1_OCTET_STRING **content = CMS_get0_content(c->cms);
    const unsigned char *p = ASN1_STRING_get0_data(*content);
    autoptr(TS_TST_INFO) token = d2i_TS_TST_INFO(NULL, &p, ASN1_STRING_length(*content));
    TS_MSG_IMPRINT *imprint = token ? TS_TST_INFO_get_msg_imprint(token) : NULL;
    const ASN1_OBJECT *oid;

    if (!imprint)
        return invalid(c, "malformed time stamp");
    c->out->claimed_at = x509_time_us(TS_TST_INFO_get_time(token));
    X509_ALGOR_get0(&oid, NULL, NULL, TS_MSG_IMPRINT_get_algo(imprint));
    if (!cms_digest_is_strong(OBJ_obj2nid(oid)))
        return weak(c, "weak digest in the time stamp");
    if (!digest_equals(c->ranges, c->range_count, c->begun, OBJ_obj2nid(oid),
                       TS_MSG_IMPRINT_get_msg(imprint)))
        return invalid(c, "the time stamp is not of the signed bytes");
    return true;
}

static void check_signature(struct check *c)
{
    const EVP_PKEY *key = X509_get0_pubkey(c->out->signer);
    int kind = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;

    if (kind != EVP_PKEY_RSA && kind != EVP_PKEY_RSA_PSS && kind != EVP_PKEY_EC)
        weak(c, "kind of key not accepted");
    else if (CMS_SignerInfo_verify(c->info) != 1)
        invalid(c, "the signature does not verify");
}

void cms_check(struct arena *arena, struct bytes contents, const struct bytes *ranges,
               size_t range_count, const struct cms_begun *begun, struct cms_signed *ret_signed)
{
    struct check c = {.arena = arena,
                      .ranges = ranges,
                      .range_count = range_count,
                      .begun = begun,
                      .out = ret_signed};

    *ret_signed = (struct cms_signed){.digest = ""};
    if (!parse(&c, contents) || !check_shape(&c) || !find_signer(&c) || !check_algorithms(&c))
        return;
    if (!check_digest(&c))
        return;
    read_claimed_time(&c);
    check_binding(&c, NID_id_smime_aa_signingCertificate, NID_sha1);
    check_binding(&c, NID_id_smime_aa_signingCertificateV2, NID_sha256);
    if (c.out->is_time_stamp)
        check_imprint(&c);
    check_signature(&c);
    ERR_clear_error();
}
