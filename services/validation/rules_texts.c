/* Rules for names and words. They look at kinds of characters, never at meaning. */
#include <string.h>
#include <unictype.h>
#include <unistr.h>

#include "services/validation/rules.h"

#define CSR_MAX_BYTES ((size_t)16 * 1024)

/* Counts letters; false as soon as `allowed` refuses a character. */
static bool walk(const char *text, bool (*allowed)(ucs4_t), size_t *ret_letters)
{
    const uint8_t *p = (const uint8_t *)text;
    size_t letters = 0;
    ucs4_t c;

    while ((p = u8_next(&c, p)) != NULL) {
        if (!allowed(c))
            return false;
        letters += uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L) ? 1 : 0;
    }
    *ret_letters = letters;
    return true;
}

static bool of_a_name(ucs4_t c)
{
    return uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M) ||
           c == ' ' || c == '.' || c == '\'' || c == 0x2019 || c == '-';
}

/* Controls, private use, unassigned and invisible format characters hide things from people. */
static bool can_be_seen(ucs4_t c)
{
    return !uc_is_general_category_withtable(c, UC_CATEGORY_MASK_C | UC_CATEGORY_MASK_Zl |
                                                    UC_CATEGORY_MASK_Zp);
}

bool rule_is_person_name(const char *text)
{
    size_t letters = 0;

    return walk(text, of_a_name, &letters) && letters >= 2;
}

bool rule_is_plain_text(const char *text)
{
    size_t letters = 0;

    return walk(text, can_be_seen, &letters) && letters >= 1;
}

bool rule_is_csr_pem(const char *text)
{
    static const char *const labels[] = {"CERTIFICATE REQUEST-----",
                                         "NEW CERTIFICATE REQUEST-----"};
    const char *end = strstr(text, "-----END ");

    if (strlen(text) > CSR_MAX_BYTES || strncmp(text, "-----BEGIN ", 11) != 0 || !end)
        return false;
    for (size_t i = 0; i < COUNT_OF(labels); i++) {
        size_t length = strlen(labels[i]);

        if (strncmp(text + 11, labels[i], length) == 0 &&
            strncmp(end + 9, labels[i], length) == 0 && end[9 + length] == 0)
            return true;
    }
    return false;
}

bool rule_is_word_of(const char *text, const char *words)
{
    size_t length = strlen(text);

    if (length == 0 || strchr(text, ' '))
        return false;
    for (const char *at = words; (at = strstr(at, text)) != NULL; at++)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0))
            return true;
    return false;
}
