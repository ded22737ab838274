/* Raw Cryptoki: loading the module's table, finding objects, writing and removing certificates.
 * Never signs and never reads a private value. */
#include <dlfcn.h>
#include <string.h>

#include "common/p11_internal.h"

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

enum rc p11_raw_load(const char *module_path, struct err *err, void **ret_module,
                     CK_FUNCTION_LIST **ret_fn)
{
    CK_C_GetFunctionList get_list = NULL;
    CK_FUNCTION_LIST *fn = NULL;
    void *module = dlopen(module_path, RTLD_NOW | RTLD_LOCAL);

    CHECK(module, err, TRIEN__ERROR__TOKEN_UNAVAILABLE, "%s: %s", module_path, dlerror());
    get_list = (CK_C_GetFunctionList)(uintptr_t)dlsym(module, "C_GetFunctionList");
    if (!get_list || get_list(&fn) != CKR_OK || !fn) {
        dlclose(module);
        FAIL(err, TRIEN__ERROR__TOKEN_UNAVAILABLE, "%s is no PKCS#11 module", module_path);
    }
    *ret_module = module;
    *ret_fn = fn;
    return RC_OK;
}

void p11_raw_unload(void *module)
{
    if (module)
        dlclose(module);
}

enum rc p11_raw_session(struct p11 *token, struct err *err)
{
    CK_FLAGS flags = CKF_SERIAL_SESSION | (token->writable ? CKF_RW_SESSION : 0);

    if (!token->session)
        TRY(p11_check(token->fn->C_OpenSession(PKCS11_get_slotid_from_slot(token->slot), flags,
                                               NULL, NULL, &token->session),
                      "open a session", err));
    return RC_OK;
}

/* --- objects -------------------------------------------------------------------------------------
 */

enum rc p11_find_objects(struct p11 *token, CK_OBJECT_CLASS class, const char *label,
                         struct err *err, struct p11_found *ret_found)
{
    CK_ATTRIBUTE wanted[] = {ATTRIBUTE(CKA_CLASS, class), ATTRIBUTE_TEXT(CKA_LABEL, label)};
    CK_RV rv;

    *ret_found = (struct p11_found){.count = 0};
    TRY(p11_check(token->fn->C_FindObjectsInit(token->session, wanted, COUNT_OF(wanted)), "search",
                  err));
    rv = token->fn->C_FindObjects(token->session, ret_found->objects, P11_MAX_FOUND,
                                  &ret_found->count);
    token->fn->C_FindObjectsFinal(token->session);
    return p11_check(rv, "search", err);
}

enum rc p11_find_private(struct p11 *token, const char *label, struct err *err,
                         CK_OBJECT_HANDLE *ret_object)
{
    struct p11_found found;

    TRY(p11_find_objects(token, CKO_PRIVATE_KEY, label, err, &found));
    CHECK(found.count > 0, err, TRIEN__ERROR__NOT_FOUND, "no key with the label %s", label);
    CHECK(found.count == 1, err, TRIEN__ERROR__TOKEN_REFUSED, "two keys have the label %s", label);
    *ret_object = found.objects[0];
    return RC_OK;
}

enum rc p11_read_value(struct p11 *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                       struct arena *arena, struct err *err, struct bytes *ret_value)
{
    CK_ATTRIBUTE asked = {type, NULL, 0};
    uint8_t *room;

    TRY(p11_check(token->fn->C_GetAttributeValue(token->session, object, &asked, 1),
                  "read an attribute", err));
    CHECK(asked.ulValueLen <= (CK_ULONG)64 * 1024, err, TRIEN__ERROR__TOKEN_REFUSED,
          "attribute 0x%lx is larger than 64 KiB", type);
    room = arena_alloc(arena, asked.ulValueLen + 1);
    asked.pValue = room;
    TRY(p11_check(token->fn->C_GetAttributeValue(token->session, object, &asked, 1),
                  "read an attribute", err));
    *ret_value = bytes_of(room, asked.ulValueLen);
    return RC_OK;
}

static enum rc destroy_all(struct p11 *token, CK_OBJECT_CLASS class, const char *label,
                           struct err *err)
{
    struct p11_found found;

    do {
        TRY(p11_find_objects(token, class, label, err, &found));
        for (CK_ULONG i = 0; i < found.count; i++)
            TRY(p11_check(token->fn->C_DestroyObject(token->session, found.objects[i]), "remove",
                          err));
    } while (found.count == P11_MAX_FOUND);
    return RC_OK;
}

enum rc p11_remove(struct p11 *token, const char *label, struct err *err)
{
    CHECK(token->writable, err, TRIEN__ERROR__TOKEN_REFUSED, "the token is open for reading only");
    for (size_t i = 0; i < token->key_count; i++)
        if (strcmp(token->keys[i].label, label) == 0)
            token->keys[i].label[0] = '\0'; /* never found again; freed when the token closes */
    TRY(destroy_all(token, CKO_CERTIFICATE, label, err));
    TRY(destroy_all(token, CKO_PUBLIC_KEY, label, err));
    return destroy_all(token, CKO_PRIVATE_KEY, label, err);
}

/* --- certificates --------------------------------------------------------------------------------
 */

static enum rc create_certificate(struct p11 *token, struct arena *arena, const char *label,
                                  struct bytes id, struct bytes der, struct err *err)
{
    const unsigned char *p = der.p;
    autoptr(X509) cert = d2i_X509(NULL, &p, (long)der.n);
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_CERTIFICATE_TYPE type = CKC_X_509;
    struct bytes subject, issuer;
    unsigned char *serial = NULL;
    CK_OBJECT_HANDLE made;
    CK_RV rv;
    int serial_size;

    CHECK(cert && p == der.p + der.n, err, TRIEN__ERROR__MALFORMED, "not one certificate");
    CHECK(X509_NAME_get0_der(X509_get_subject_name(cert), &subject.p, &subject.n) == 1 &&
              X509_NAME_get0_der(X509_get_issuer_name(cert), &issuer.p, &issuer.n) == 1,
          err, TRIEN__ERROR__MALFORMED, "names without encoding");
    serial_size = i2d_ASN1_INTEGER(X509_get0_serialNumber(cert), &serial);
    CHECK(serial_size > 0, err, TRIEN__ERROR__INTERNAL, "serial number cannot be encoded");
    {
        struct bytes number = arena_bytes(arena, bytes_of(serial, (size_t)serial_size));
        CK_ATTRIBUTE object[] = {
            ATTRIBUTE(CKA_CLASS, class),
            ATTRIBUTE(CKA_CERTIFICATE_TYPE, type),
            ATTRIBUTE(CKA_TOKEN, yes),
            ATTRIBUTE(CKA_PRIVATE, no),
            ATTRIBUTE_TEXT(CKA_LABEL, label),
            ATTRIBUTE_BYTES(CKA_ID, id),
            ATTRIBUTE_BYTES(CKA_SUBJECT, subject),
            ATTRIBUTE_BYTES(CKA_ISSUER, issuer),
            ATTRIBUTE_BYTES(CKA_SERIAL_NUMBER, number),
            ATTRIBUTE_BYTES(CKA_VALUE, der),
        };
        OPENSSL_free(serial);
        rv = token->fn->C_CreateObject(token->session, object, COUNT_OF(object), &made);
    }
    return p11_check(rv, "write the certificate", err);
}

/* The new one is written before an older one goes, so that a crash leaves at least one. */
static enum rc put_certificate(struct p11 *token, struct arena *arena, const char *label,
                               struct bytes der, struct err *err)
{
    CK_OBJECT_HANDLE key;
    struct bytes id, value;
    struct p11_found old;
    bool there = false;

    TRY(p11_find_private(token, label, err, &key));
    TRY(p11_read_value(token, key, CKA_ID, arena, err, &id));
    TRY(p11_find_objects(token, CKO_CERTIFICATE, label, err, &old));
    for (CK_ULONG i = 0; i < old.count; i++) {
        TRY(p11_read_value(token, old.objects[i], CKA_VALUE, arena, err, &value));
        if (bytes_equal(value, der)) {
            there = true;
            old.objects[i] = CK_INVALID_HANDLE;
        }
    }
    if (!there)
        TRY(create_certificate(token, arena, label, id, der, err));
    for (CK_ULONG i = 0; i < old.count; i++)
        if (old.objects[i] != CK_INVALID_HANDLE)
            TRY(p11_check(token->fn->C_DestroyObject(token->session, old.objects[i]), "remove",
                          err));
    return RC_OK;
}

enum rc p11_put_certificate(struct p11 *token, const char *label, struct bytes certificate_der,
                            struct err *err)
{
    autoptr(arena_t) arena = arena_new((size_t)2 * 1024 * 1024);

    CHECK(token->writable, err, TRIEN__ERROR__TOKEN_REFUSED, "the token is open for reading only");
    return put_certificate(token, arena, label, certificate_der, err);
}

enum rc p11_find_certificate(struct p11 *token, const char *label, struct arena *arena,
                             struct err *err, struct bytes *ret_der)
{
    struct p11_found found;

    TRY(p11_find_objects(token, CKO_CERTIFICATE, label, err, &found));
    if (found.count == 0) {
        *ret_der = (struct bytes){NULL, 0};
        return RC_OK;
    }
    return p11_read_value(token, found.objects[0], CKA_VALUE, arena, err, ret_der);
}
