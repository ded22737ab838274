/* Where people and servers can be reached. Form only: nothing is resolved, nothing is written to.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "services/validation/rules.h"

#define EMAIL_MAX 254
#define LOCAL_PART_MAX 64
#define HOST_NAME_MAX_BYTES 253
#define LABEL_MAX 63

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char *lower(struct arena *arena, const char *text)
{
    char *out = arena_strdup(arena, text);

    for (char *p = out; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    return out;
}

static bool is_label(const char *label, size_t length)
{
    if (length < 1 || length > LABEL_MAX || label[0] == '-' || label[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!is_alnum(label[i]) && label[i] != '-')
            return false;
    /* "ab--" other than an A-label is reserved (RFC 5890 2.3.1) */
    return length < 4 || label[2] != '-' || label[3] != '-' || strncasecmp(label, "xn", 2) == 0;
}

bool rule_is_host_name(struct arena *arena, const char *text, const char **ret_name)
{
    const char *last = text;
    size_t labels = 0;

    if (strlen(text) > HOST_NAME_MAX_BYTES)
        return false;
    for (const char *label = text;; label += strcspn(label, ".") + 1) {
        size_t length = strcspn(label, ".");

        if (!is_label(label, length))
            return false;
        labels++;
        last = label;
        if (label[length] == 0)
            break;
    }
    /* a last label of digits would be an address, not a name */
    if (labels < 2 || strspn(last, "0123456789") == strlen(last))
        return false;
    *ret_name = lower(arena, text);
    return true;
}

static bool is_usable_ipv4(struct in_addr address)
{
    uint32_t ip = ntohl(address.s_addr);

    return ip >> 24 != 0 && ip >> 24 != 127 && ip >> 24 < 224 && ip >> 16 != 0xA9FE;
}

static bool is_usable_ipv6(const struct in6_addr *address)
{
    return !IN6_IS_ADDR_UNSPECIFIED(address) && !IN6_IS_ADDR_LOOPBACK(address) &&
           !IN6_IS_ADDR_MULTICAST(address) && !IN6_IS_ADDR_LINKLOCAL(address) &&
           !IN6_IS_ADDR_V4MAPPED(address);
}

bool rule_is_ip_address(struct arena *arena, const char *text, const char **ret_address)
{
    char out[INET6_ADDRSTRLEN];
    struct in_addr four;
    struct in6_addr six;

    if (inet_pton(AF_INET, text, &four) == 1 && is_usable_ipv4(four)) {
        *ret_address = arena_strdup(arena, inet_ntop(AF_INET, &four, out, sizeof out));
        return true;
    }
    if (inet_pton(AF_INET6, text, &six) == 1 && is_usable_ipv6(&six)) {
        *ret_address = arena_strdup(arena, inet_ntop(AF_INET6, &six, out, sizeof out));
        return true;
    }
    return false;
}

/* Dot-string of RFC 5321 4.1.2: atoms of atext with single dots between. */
static bool is_local_part(const char *text, size_t length)
{
    char before = '.';

    if (length < 1 || length > LOCAL_PART_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];

        if (c == '.' ? before == '.' : !is_alnum(c) && !strchr("!#$%&'*+/=?^_`{|}~-", c))
            return false;
        before = c;
    }
    return before != '.';
}

bool rule_is_email(struct arena *arena, const char *text, const char **ret_email)
{
    const char *at = strrchr(text, '@'), *domain = NULL;

    if (!at || strlen(text) > EMAIL_MAX || !is_local_part(text, (size_t)(at - text)))
        return false;
    if (!rule_is_host_name(arena, at + 1, &domain))
        return false;
    *ret_email = arena_printf(arena, "%.*s@%s", (int)(at - text), text, domain);
    return true;
}

bool rule_is_official_email(const char *email, const char *domains)
{
    const char *at = strrchr(email, '@');
    size_t length = at ? strlen(at + 1) : 0;

    while (at && *domains) {
        size_t n = strcspn(domains, " ");

        if (n > 0 && n <= length && strncasecmp(at + 1 + length - n, domains, n) == 0 &&
            (n == length || at[length - n] == '.'))
            return true;
        domains += n + strspn(domains + n, " ");
    }
    return false;
}

/* 3[2-9] 5[25689] 7[06-9] 8[1-9] 9[0-46-9] */
static bool is_mobile_prefix(char first, char second)
{
    static const char *const seconds[10] = {
        ['3' - '0'] = "23456789",  ['5' - '0'] = "25689",     ['7' - '0'] = "06789",
        ['8' - '0'] = "123456789", ['9' - '0'] = "012346789",
    };
    const char *allowed = seconds[first - '0'];

    return allowed && strchr(allowed, second);
}

bool rule_is_mobile(struct arena *arena, const char *text, const char **ret_mobile)
{
    char digits[16];
    const char *national = digits;
    size_t n = 0;
    bool plus = text[0] == '+';

    for (const char *p = text + (plus ? 1 : 0); *p; p++) {
        if (*p == ' ' || *p == '.' || *p == '-')
            continue;
        if (*p < '0' || *p > '9' || n + 1 >= sizeof digits)
            return false;
        digits[n++] = *p;
    }
    digits[n] = 0;
    if (n == 11 && strncmp(digits, "84", 2) == 0)
        national = digits + 2;
    else if (n == 10 && digits[0] == '0' && !plus)
        national = digits + 1;
    else
        return false;
    if (!is_mobile_prefix(national[0], national[1]))
        return false;
    *ret_mobile = arena_printf(arena, "+84%s", national);
    return true;
}
