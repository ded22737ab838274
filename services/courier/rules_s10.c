/* UPU S10-12, identification of postal items: form and check digit. Pure; whether a number was used
 * before is the database's to say. */
#include <ctype.h>
#include <string.h>

#include "services/courier/rules.h"

#define SERIAL_DIGITS 8

char rule_s10_check_digit(const char *serial)
{
    static const int weights[SERIAL_DIGITS] = {8, 6, 4, 2, 3, 5, 9, 7};
    int sum = 0, check;

    for (int i = 0; i < SERIAL_DIGITS; i++)
        sum += (serial[i] - '0') * weights[i];
    check = 11 - sum % 11;
    return (char)('0' + (check == 10 ? 0 : check == 11 ? 5 : check));
}

bool rule_s10_is_valid(const char *text)
{
    if (strlen(text) != 13)
        return false;
    for (int i = 0; i < 13; i++) {
        bool letter = i < 2 || i > 10;
        if (letter ? !(text[i] >= 'A' && text[i] <= 'Z') : !(text[i] >= '0' && text[i] <= '9'))
            return false;
    }
    return text[10] == rule_s10_check_digit(text + 2);
}

bool rule_s10_is_ours(const char *text)
{
    return rule_s10_is_valid(text) && strchr("ERC", text[0]) && strcmp(text + 11, "VN") == 0;
}
