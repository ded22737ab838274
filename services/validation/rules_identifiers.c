/* Numbers that name persons, agencies and documents. They check form and check digits; they do not
 * ask any register whether the person or agency exists. */
#include <stdlib.h>
#include <string.h>
#include <unictype.h>
#include <unistr.h>

#include "services/validation/rules.h"

#define PROVINCE_MAX 96
#define ORGAN_ID_MAX 35

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool are_digits(const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!is_digit(text[i]))
            return false;
    return true;
}

static int number_of(const char *text, size_t digits)
{
    int n = 0;

    for (size_t i = 0; i < digits; i++)
        n = 10 * n + (text[i] - '0');
    return n;
}

bool rule_is_citizen_id(const char *text, civil_day today)
{
    int province, century, born, year, month, day;

    if (strlen(text) != 12 || !are_digits(text, 12))
        return false;
    province = number_of(text, 3);
    century = 19 + (text[3] - '0') / 2;
    born = century * 100 + number_of(text + 4, 2);
    clock_day_parts(today, &year, &month, &day);
    return province >= 1 && province <= PROVINCE_MAX && born <= year;
}

static bool tax_check_digit_holds(const char *text)
{
    static const int weights[9] = {31, 29, 23, 19, 17, 13, 7, 5, 3};
    int sum = 0;

    for (size_t i = 0; i < 9; i++)
        sum += weights[i] * (text[i] - '0');
    return text[9] - '0' == 10 - sum % 11;
}

bool rule_is_tax_code(const char *text)
{
    size_t length = strlen(text);

    if (length != 10 && length != 14)
        return false;
    if (!are_digits(text, 10) || number_of(text + 2, 7) == 0 || !tax_check_digit_holds(text))
        return false;
    return length == 10 || (text[10] == '-' && are_digits(text + 11, 3) && number_of(text + 11, 3));
}

bool rule_is_budget_code(const char *text)
{
    return strlen(text) == 7 && are_digits(text, 7);
}

/* ^[A-Z]\d{2}(\.[A-Z0-9]{2,})*$ */
static bool is_new_organ_id(const char *text, size_t length)
{
    size_t group = 0;

    if (length < 3 || length > ORGAN_ID_MAX || !is_capital(text[0]) || !are_digits(text + 1, 2))
        return false;
    if (text[3] == 0)
        return true;
    if (text[3] != '.')
        return false;
    for (size_t i = 4; i < length; i++) {
        if (text[i] == '.') {
            if (group < 2)
                return false;
            group = 0;
        } else if (is_digit(text[i]) || is_capital(text[i])) {
            group++;
        } else {
            return false;
        }
    }
    return group >= 2;
}

/* ^\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}$, read from right to left */
static bool is_old_organ_id(const char *text, size_t length)
{
    return length == 13 && are_digits(text, 3) && text[3] == '.' && are_digits(text + 4, 2) &&
           text[6] == '.' && are_digits(text + 7, 2) && text[9] == '.' && is_capital(text[10]) &&
           are_digits(text + 11, 2);
}

bool rule_is_organ_id(struct arena *arena, const char *text, const char **ret_organ_id)
{
    size_t length = strlen(text);

    if (is_new_organ_id(text, length)) {
        *ret_organ_id = text;
        return true;
    }
    if (!is_old_organ_id(text, length))
        return false;
    if (number_of(text, 3) != 0)
        *ret_organ_id =
            arena_printf(arena, "%s.%.2s.%.2s.%.3s", text + 10, text + 7, text + 4, text);
    else if (number_of(text + 4, 2) != 0)
        *ret_organ_id = arena_printf(arena, "%s.%.2s.%.2s", text + 10, text + 7, text + 4);
    else if (number_of(text + 7, 2) != 0)
        *ret_organ_id = arena_printf(arena, "%s.%.2s", text + 10, text + 7);
    else
        *ret_organ_id = text + 10;
    return true;
}

/* (/(19|20)\d{2})? — advances past a year only when another '/' follows it. */
static const char *skip_year(const char *at)
{
    if (at[0] == '/' && are_digits(at + 1, strnlen(at + 1, 4)) && strnlen(at + 1, 4) == 4 &&
        (strncmp(at + 1, "19", 2) == 0 || strncmp(at + 1, "20", 2) == 0) && at[5] == '/')
        return at + 5;
    return at;
}

static bool of_a_symbol(ucs4_t c)
{
    return uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L) || (c >= '0' && c <= '9') ||
           c == '&' || c == '.';
}

/* \p{Lu}[\p{L}\d&.]*(-[\p{L}\d&.]+)* */
static bool is_symbol(const char *text)
{
    const uint8_t *p = (const uint8_t *)text;
    bool open = true, first = true; /* open: the group so far is empty */
    ucs4_t c;

    while ((p = u8_next(&c, p)) != NULL) {
        if (first && !uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Lu))
            return false;
        if (c == '-' && open)
            return false;
        if (c != '-' && !of_a_symbol(c))
            return false;
        open = c == '-';
        first = false;
    }
    return !open;
}

static const char *skip_label(const char *text)
{
    static const char *const labels[] = {"Số:", "Số :", "Số ", "SỐ:"};

    for (size_t i = 0; i < COUNT_OF(labels); i++)
        if (strncmp(text, labels[i], strlen(labels[i])) == 0) {
            text += strlen(labels[i]);
            break;
        }
    while (*text == ' ')
        text++;
    return text;
}

bool rule_is_document_number(const char *text, const char **ret_number)
{
    const char *number = skip_label(text);
    size_t digits = strspn(number, "0123456789");
    const char *at = number + digits;

    if (digits < 1 || digits > 6)
        return false;
    if (*at >= 'a' && *at <= 'z')
        at++;
    at = skip_year(at);
    if (*at != '/' || !is_symbol(at + 1))
        return false;
    *ret_number = number;
    return true;
}

const char *rule_document_key(struct arena *arena, const char *number)
{
    const char *at = number;

    while (*at == '0' && is_digit(at[1]))
        at++;
    return arena_strdup(arena, at);
}
