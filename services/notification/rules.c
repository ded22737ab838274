/* notification's decisions: which addresses can be used, what they look like in public, when a
 * digest goes out, what gateways mean. Pure: values in, verdict out. */
#include "services/notification/rules.h"

#include <ctype.h>
#include <string.h>

/* The numbering plan: first digit, and the second digits it may have. */
static bool is_mobile_prefix(const char *digits)
{
    static const char *const plan[] = {"323456789", "525689", "706789", "8123456789", "9012346789"};

    for (size_t i = 0; i < sizeof(plan) / sizeof(plan[0]); i++)
        if (plan[i][0] == digits[0] && strchr(plan[i] + 1, digits[1]))
            return true;
    return false;
}

const char *rule_mobile(struct arena *arena, const char *text)
{
    char digits[16];
    size_t count = 0;
    const char *rest;

    for (const char *p = text; *p; p++) {
        if (isdigit((unsigned char)*p)) {
            if (count == sizeof(digits) - 1)
                return NULL;
            digits[count++] = *p;
        } else if (!strchr(" .-()", *p) && !(*p == '+' && count == 0)) {
            return NULL;
        }
    }
    digits[count] = 0;
    rest = count == 11 && strncmp(digits, "84", 2) == 0 ? digits + 2
           : count == 10 && digits[0] == '0'            ? digits + 1
                                                        : "";
    if (!*rest || !is_mobile_prefix(rest))
        return NULL;
    return arena_printf(arena, "+84%s", rest);
}

bool rule_email_usable(const char *address)
{
    const char *at = strchr(address, '@');

    if (!at || at == address || strlen(address) > 254 || strchr(at + 1, '@') ||
        !strchr(at + 1, '.'))
        return false;
    for (const char *p = address; *p; p++)
        if (*p <= ' ' || *p >= 0x7f || strchr("<>()[]\\,;:\"", *p))
            return false;
    return isalnum((unsigned char)at[1]) && isalnum((unsigned char)at[strlen(at) - 1]);
}

const char *rule_mask_email(struct arena *arena, const char *address)
{
    const char *at = strchr(address, '@');

    if (!at || at == address)
        return "";
    if (at - address == 1)
        return arena_printf(arena, "…%s", at);
    return arena_printf(arena, "%c…%c%s", address[0], at[-1], at);
}

const char *rule_mask_mobile(struct arena *arena, const char *mobile)
{
    size_t length = strlen(mobile);

    return length < 8 ? "" : arena_printf(arena, "%.3s…%s", mobile, mobile + length - 3);
}

int64_t rule_recipient_key(const char *address)
{
    uint8_t digest[32];
    int64_t key;

    bytes_sha256(bytes_of_text(address), digest);
    memcpy(&key, digest, sizeof(key));
    return key;
}

usec rule_pace(usec *pace, usec now, usec interval, int64_t burst)
{
    usec ahead = interval * burst;

    *pace = (*pace > now ? *pace : now) + interval;
    return *pace - ahead > now ? *pace - ahead : now;
}

bool rule_digest_is_due(int64_t items, int64_t ended)
{
    return ended >= items;
}

enum receipt_meaning rule_receipt(const char *status)
{
    static const struct {
        const char *bit;
        enum receipt_meaning meaning;
    } bits[] = {
        {"1", RECEIPT_DELIVERED}, {"2", RECEIPT_FAILED},  {"4", RECEIPT_UNDERWAY},
        {"8", RECEIPT_UNDERWAY},  {"16", RECEIPT_FAILED},
    };

    for (size_t i = 0; status && i < sizeof(bits) / sizeof(bits[0]); i++)
        if (strcmp(bits[i].bit, status) == 0)
            return bits[i].meaning;
    return RECEIPT_NONSENSE;
}

enum gateway_answer rule_gateway_answer(int status, struct bytes body)
{
    if (status == 202 && body.n >= 2 && (body.p[0] == '0' || body.p[0] == '3') && body.p[1] == ':')
        return GATEWAY_TOOK_IT;
    if (status < 400 || status >= 500 || status == 401 || status == 403 || status == 404 ||
        status == 408 || status == 429)
        return GATEWAY_LATER;
    return GATEWAY_REFUSED;
}

const char *rule_notice_id(struct arena *arena, struct notice_name name)
{
    return arena_printf(arena, "%s-%s-%lld", name.request_id, name.template_name,
                        (long long)name.number);
}

bool rule_notice_id_parse(struct arena *arena, const char *text, struct notice_name *ret_name)
{
    enum { UUID_LENGTH = 36 };
    static const char *const templates[] = {
        "accepted", "rejected",   "issued",    "revoked",         "recalled", "handed_over",
        "returned", "dispatched", "delivered", "device_recalled", "overdue",  "lost"};
    size_t length = strlen(text);
    struct notice_name name = {0};
    const char *digits;

    if (length < UUID_LENGTH + 4 || length > UUID_LENGTH + 24 || text[UUID_LENGTH] != '-')
        return false;
    digits = strrchr(text, '-') + 1;
    for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++)
        if (strlen(templates[i]) == (size_t)(digits - text) - UUID_LENGTH - 2 &&
            strncmp(templates[i], text + UUID_LENGTH + 1, strlen(templates[i])) == 0)
            name.template_name = templates[i];
    if (!name.template_name || !*digits || strlen(digits) > 9)
        return false;
    for (; *digits; digits++) {
        if (!isdigit((unsigned char)*digits))
            return false;
        name.number = name.number * 10 + (*digits - '0');
    }
    name.request_id = arena_strndup(arena, text, UUID_LENGTH);
    *ret_name = name;
    return true;
}
