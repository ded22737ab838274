/* Initialising a token by raw Cryptoki: a label, a security officer's PIN, a user's PIN. Refuses to
 * touch a slot that holds an initialised token: what C_InitToken erases cannot be brought back. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/p11_internal.h"
#include "common/secret.h"

/* Cryptoki pads labels with blanks to 32 octets. */
static void pad_label(const char *label, uint8_t ret_padded[32])
{
    size_t n = strlen(label);

    memset(ret_padded, ' ', 32);
    memcpy(ret_padded, label, n > 32 ? 32 : n);
}

static enum rc find_free_slot(CK_FUNCTION_LIST *fn, const uint8_t label[32], struct err *err,
                              CK_SLOT_ID *ret_slot)
{
    CK_SLOT_ID slots[256], free_slot = 0;
    CK_ULONG count = COUNT_OF(slots);
    bool found = false;

    TRY(p11_check(fn->C_GetSlotList(CK_TRUE, slots, &count), "list slots", err));
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO token;
        TRY(p11_check(fn->C_GetTokenInfo(slots[i], &token), "look at a token", err));
        if (!(token.flags & CKF_TOKEN_INITIALIZED)) {
            free_slot = found ? free_slot : slots[i];
            found = true;
        } else {
            CHECK(memcmp(token.label, label, 32) != 0, err, TRIEN__ERROR__ALREADY_EXISTS,
                  "a token %.32s is there already", (const char *)label);
        }
    }
    CHECK(found, err, TRIEN__ERROR__TOKEN_UNAVAILABLE, "no slot without a token");
    *ret_slot = free_slot;
    return RC_OK;
}

static enum rc init_pin(CK_FUNCTION_LIST *fn, CK_SLOT_ID slot, const struct secret *so_pin,
                        const struct secret *pin, struct err *err)
{
    CK_SESSION_HANDLE session;
    CK_RV rv;

    TRY(p11_check(
        fn->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
        "open a session", err));
    rv = fn->C_Login(session, CKU_SO, (CK_UTF8CHAR *)(uintptr_t)secret_text(so_pin),
                     secret_length(so_pin));
    if (rv == CKR_OK)
        rv = fn->C_InitPIN(session, (CK_UTF8CHAR *)(uintptr_t)secret_text(pin), secret_length(pin));
    fn->C_Logout(session);
    fn->C_CloseSession(session);
    return p11_check(rv, "set the user PIN", err);
}

static enum rc init_steps(CK_FUNCTION_LIST *fn, const char *label, const struct secret *so_pin,
                          const struct secret *pin, struct err *err)
{
    uint8_t padded[32];
    CK_SLOT_ID slot = 0;

    pad_label(label, padded);
    TRY(find_free_slot(fn, padded, err, &slot));
    TRY(p11_check(fn->C_InitToken(slot, (CK_UTF8CHAR *)(uintptr_t)secret_text(so_pin),
                                  secret_length(so_pin), padded),
                  "initialise the token", err));
    return init_pin(fn, slot, so_pin, pin, err);
}

/* SoftHSM empties and rewrites the file of a token at every login: who opens the token meanwhile
 * does not find it, and a process killed in between leaves a token that is gone for good. It logs
 * in as well where it may not write the file. */
static bool make_read_only(const char *folder)
{
    char pattern[4200];
    glob_t found;
    bool ok;

    snprintf(pattern, sizeof(pattern), "%s/*/token.object", folder);
    ok = glob(pattern, 0, NULL, &found) == 0;
    for (size_t i = 0; ok && i < found.gl_pathc; i++)
        ok = chmod(found.gl_pathv[i], 0400) == 0;
    globfree(&found);
    return ok;
}

static enum rc keep_softhsm_token(const char *softhsm_config, struct err *err)
{
    FILE *config = fopen(softhsm_config, "re");
    char line[4096], folder[4096];
    bool ok = false;

    while (config && fgets(line, sizeof(line), config))
        if (sscanf(line, " directories.tokendir = %4095s", folder) == 1)
            ok = make_read_only(folder);
    if (config)
        fclose(config);
    CHECK(ok, err, TRIEN__ERROR__TOKEN_UNAVAILABLE,
          "the token's file cannot be made read-only; is directories.tokendir right in %s?",
          softhsm_config);
    return RC_OK;
}

static enum rc init_with_pins(const struct p11_config *config, const struct secret *so_pin,
                              const struct secret *pin, struct err *err)
{
    CK_FUNCTION_LIST *fn = NULL;
    void *module = NULL;
    CK_RV rv;
    enum rc rc;

    TRY(p11_raw_load(config->module_path, err, &module, &fn));
    rv = fn->C_Initialize(NULL);
    rc = rv == CKR_OK ? init_steps(fn, config->token_label, so_pin, pin, err)
                      : p11_check(rv, "start the module", err);
    if (rv == CKR_OK)
        fn->C_Finalize(NULL);
    p11_raw_unload(module);
    return rc == RC_OK && config->softhsm_config ? keep_softhsm_token(config->softhsm_config, err)
                                                 : rc;
}

enum rc p11_init_token(const struct p11_config *config, const char *so_pin_path, struct err *err)
{
    struct secret *so_pin = NULL, *pin = NULL;
    enum rc rc;

    CHECK(config->pin_path, err, TRIEN__ERROR__KEY_FILE, "a user PIN file is needed");
    CHECK(strlen(config->token_label) <= 32, err, TRIEN__ERROR__FIELD_INVALID,
          "a token label has at most 32 octets");
    CHECK(!config->softhsm_config || setenv("SOFTHSM2_CONF", config->softhsm_config, 1) == 0, err,
          TRIEN__ERROR__INTERNAL, "setenv failed");
    rc = secret_load(so_pin_path, err, &so_pin);
    if (rc == RC_OK)
        rc = secret_load(config->pin_path, err, &pin);
    if (rc == RC_OK)
        rc = init_with_pins(config, so_pin, pin, err);
    secret_free(&pin);
    secret_free(&so_pin);
    return rc;
}
