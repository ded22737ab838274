/* Cryptoki's return codes, sorted by what can be done about them. One table; a code that is not in
 * it counts as a fault of the device, which is the one case where trying again does no harm. */
#include "common/p11_internal.h"

static const struct ckr {
    CK_RV rv;
    const char *name;
    Trien__Error code;
} table[] = {
#define DEVICE(name)                                                                               \
    {                                                                                              \
        name, #name, TRIEN__ERROR__TOKEN_UNAVAILABLE                                               \
    }
#define PIN(name)                                                                                  \
    {                                                                                              \
        name, #name, TRIEN__ERROR__PIN_REFUSED                                                     \
    }
#define REQUEST(name)                                                                              \
    {                                                                                              \
        name, #name, TRIEN__ERROR__TOKEN_REFUSED                                                   \
    }
    DEVICE(CKR_CRYPTOKI_NOT_INITIALIZED),
    DEVICE(CKR_DEVICE_ERROR),
    DEVICE(CKR_DEVICE_MEMORY),
    DEVICE(CKR_DEVICE_REMOVED),
    DEVICE(CKR_FUNCTION_CANCELED),
    DEVICE(CKR_FUNCTION_FAILED),
    DEVICE(CKR_GENERAL_ERROR),
    DEVICE(CKR_HOST_MEMORY),
    DEVICE(CKR_KEY_HANDLE_INVALID),
    DEVICE(CKR_OBJECT_HANDLE_INVALID),
    DEVICE(CKR_OPERATION_ACTIVE),
    DEVICE(CKR_OPERATION_NOT_INITIALIZED),
    DEVICE(CKR_SESSION_CLOSED),
    DEVICE(CKR_SESSION_COUNT),
    DEVICE(CKR_SESSION_HANDLE_INVALID),
    DEVICE(CKR_SLOT_ID_INVALID),
    DEVICE(CKR_TOKEN_NOT_PRESENT),
    DEVICE(CKR_TOKEN_NOT_RECOGNIZED),
    DEVICE(CKR_USER_NOT_LOGGED_IN),
    PIN(CKR_PIN_EXPIRED),
    PIN(CKR_PIN_INCORRECT),
    PIN(CKR_PIN_INVALID),
    PIN(CKR_PIN_LEN_RANGE),
    PIN(CKR_PIN_LOCKED),
    PIN(CKR_PIN_TOO_WEAK),
    PIN(CKR_USER_PIN_NOT_INITIALIZED),
    REQUEST(CKR_ARGUMENTS_BAD),
    REQUEST(CKR_ATTRIBUTE_READ_ONLY),
    REQUEST(CKR_ATTRIBUTE_SENSITIVE),
    REQUEST(CKR_ATTRIBUTE_TYPE_INVALID),
    REQUEST(CKR_ATTRIBUTE_VALUE_INVALID),
    REQUEST(CKR_CURVE_NOT_SUPPORTED),
    REQUEST(CKR_DATA_INVALID),
    REQUEST(CKR_DATA_LEN_RANGE),
    REQUEST(CKR_FUNCTION_NOT_SUPPORTED),
    REQUEST(CKR_KEY_FUNCTION_NOT_PERMITTED),
    REQUEST(CKR_KEY_SIZE_RANGE),
    REQUEST(CKR_KEY_TYPE_INCONSISTENT),
    REQUEST(CKR_MECHANISM_INVALID),
    REQUEST(CKR_MECHANISM_PARAM_INVALID),
    REQUEST(CKR_SESSION_READ_ONLY),
    REQUEST(CKR_TEMPLATE_INCOMPLETE),
    REQUEST(CKR_TEMPLATE_INCONSISTENT),
    REQUEST(CKR_TOKEN_WRITE_PROTECTED),
    REQUEST(CKR_USER_TYPE_INVALID),
};

enum rc p11_check(CK_RV rv, const char *doing, struct err *err)
{
    if (rv == CKR_OK)
        return RC_OK;
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (table[i].rv == rv) {
            err_native(err, "%s (0x%lx)", table[i].name, rv);
            FAIL(err, table[i].code, "token: cannot %s: %s", doing, table[i].name);
        }
    err_native(err, "CKR 0x%lx", rv);
    FAIL(err, TRIEN__ERROR__TOKEN_UNAVAILABLE, "token: cannot %s: CKR 0x%lx", doing, rv);
}

enum rc p11_take_error(struct err *err, const char *doing)
{
    char text[160] = "no reason given";
    unsigned long code;
    CK_RV rv = CKR_OK;

    while ((code = ERR_get_error()) != 0) {
        if (ERR_GET_LIB(code) == ERR_get_CKR_code() && rv == CKR_OK)
            rv = (CK_RV)ERR_GET_REASON(code);
        ERR_error_string_n(code, text, sizeof(text));
    }
    if (rv != CKR_OK)
        return p11_check(rv, doing, err);
    FAIL(err, TRIEN__ERROR__TOKEN_UNAVAILABLE, "token: cannot %s: %s", doing, text);
}
