/* problem+json (RFC 9457) out of an error: the registry's code and texts, the field, never the
 * detail that is for operators. Pure. */
#include "common/http_internal.h"
#include "common/json_text.h"

struct status_row {
    Trien__Error code;
    int status;
};
static const struct status_row rows[] = {
    {TRIEN__ERROR__MALFORMED, 400},          {TRIEN__ERROR__FIELD_MISSING, 400},
    {TRIEN__ERROR__FIELD_INVALID, 400},      {TRIEN__ERROR__UNAUTHENTICATED, 401},
    {TRIEN__ERROR__FORBIDDEN, 403},          {TRIEN__ERROR__NOT_FOUND, 404},
    {TRIEN__ERROR__METHOD_NOT_ALLOWED, 405}, {TRIEN__ERROR__IDEMPOTENCY_CONFLICT, 409},
    {TRIEN__ERROR__ALREADY_EXISTS, 409},     {TRIEN__ERROR__WRONG_STATE, 409},
    {TRIEN__ERROR__TOO_LARGE, 413},          {TRIEN__ERROR__UNSUPPORTED_TYPE, 415},
    {TRIEN__ERROR__TOO_MANY_REQUESTS, 429},  {TRIEN__ERROR__WEBHOOK_SIGNATURE, 401},
    {TRIEN__ERROR__WEBHOOK_TIME, 403},
};

static int status_of(Trien__Error code)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].code == code)
            return rows[i].status;
    switch (err_rc(code)) {
    case RC_RETRY:
        return 503;
    case RC_REJECT:
        return 422;
    default:
        return 500;
    }
}

const char *http_problem(struct arena *arena, const struct err *err, int *ret_status)
{
    const struct err_entry *entry = err_entry(err->code);
    const char *field = "";

    if (*err->field)
        field = arena_printf(arena, ",\"field\":%s", json_quote(arena, err->field));
    *ret_status = status_of(err->code);
    return arena_printf(arena,
                        "{\"type\":\"urn:trien:error:%s\",\"title\":\"%s\",\"status\":%d,"
                        "\"code\":\"%s\"%s,\"text\":{\"vi\":\"%s\",\"en\":\"%s\"}}\n",
                        entry->name, entry->en, *ret_status, entry->name, field, entry->vi,
                        entry->en);
}
