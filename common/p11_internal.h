/* What p11.c and p11_raw.c share; nobody else includes it. */
#pragma once

#include <libp11.h>
#include <p11-kit/pkcs11.h>

#include "common/p11.h"

#define P11_MAX_KEYS 64
#define P11_MAX_FOUND 16

/* Rows of an attribute template. */
#define ATTRIBUTE(type, value)                                                                     \
    {                                                                                              \
        (type), &(value), sizeof(value)                                                            \
    }
#define ATTRIBUTE_TEXT(type, text)                                                                 \
    {                                                                                              \
        (type), (void *)(uintptr_t)(text), strlen(text)                                            \
    }
#define ATTRIBUTE_BYTES(type, view)                                                                \
    {                                                                                              \
        (type), (void *)(uintptr_t)(view).p, (view).n                                              \
    }

struct p11_key {
    char label[128];
    char kind[16];
    EVP_PKEY *private_key; /* operations happen in the token */
    EVP_PKEY *public_key;  /* pure software */
    EVP_PKEY_CTX *signing; /* kept between signatures */
};

struct p11 {
    struct arena *arena; /* holds this struct */
    PKCS11_CTX *ctx;
    PKCS11_SLOT *slots, *slot;
    unsigned int slot_count;
    void *module;              /* dlopen handle for the raw calls; the same object libp11 loaded */
    CK_FUNCTION_LIST *fn;      /* its table */
    CK_SESSION_HANDLE session; /* raw session, 0 until needed */
    bool writable;
    struct p11_key keys[P11_MAX_KEYS];
    size_t key_count;
};

/** RC_OK for CKR_OK; anything else is sorted into *err. */
enum rc p11_check(CK_RV rv, const char *doing, struct err *err) MUST_USE;

/** The module's function table; the module is loaded and initialised. */
enum rc p11_raw_load(const char *module_path, struct err *err, void **ret_module,
                     CK_FUNCTION_LIST **ret_fn) MUST_USE;

/** Gives the module back; NULL is fine. */
void p11_raw_unload(void *module);

/** A raw session, opened on first use and kept. The login of the token holds for it too. */
enum rc p11_raw_session(struct p11 *token, struct err *err) MUST_USE;

/* Objects of one class and label. */
struct p11_found {
    CK_OBJECT_HANDLE objects[P11_MAX_FOUND];
    CK_ULONG count; /* P11_MAX_FOUND: there may be more */
};
enum rc p11_find_objects(struct p11 *token, CK_OBJECT_CLASS class, const char *label,
                         struct err *err, struct p11_found *ret_found) MUST_USE;

/** The one private key with this label. REJECT NOT_FOUND; REJECT TOKEN_REFUSED for two. */
enum rc p11_find_private(struct p11 *token, const char *label, struct err *err,
                         CK_OBJECT_HANDLE *ret_object) MUST_USE;

/** One attribute's value, 64 KiB at most, in the arena. */
enum rc p11_read_value(struct p11 *token, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                       struct arena *arena, struct err *err, struct bytes *ret_value) MUST_USE;
