/* Pure rules of audit. */
#include "services/audit/rules.h"

#include <string.h>

bool rule_is_notable(const char *feed, const char *type)
{
    return strcmp(feed, "audit") != 0 || strcmp(type, "CheckpointSigned") != 0;
}

bool rule_begins_journal(const char *feed, const char *type)
{
    return strcmp(feed, "audit") == 0 && strcmp(type, "JournalBegun") == 0;
}

bool rule_checkpoint_due(const struct checkpoint_facts *facts)
{
    if (facts->notable <= facts->signed_size)
        return false;
    return facts->size - facts->signed_size >= facts->every_entries ||
           facts->now - facts->signed_at >= facts->every;
}

bool rule_number(const char *text, uint64_t *ret_number)
{
    size_t n = strlen(text);
    uint64_t number = 0;

    if (n == 0 || n > 19 || (text[0] == '0' && n > 1))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    if (number > MERKLE_MAX_SIZE)
        return false;
    *ret_number = number;
    return true;
}

bool rule_goes_on(const struct signed_past *past, uint64_t size)
{
    return past->size == 0 || (past->size <= size && merkle_equal(&past->root, &past->now_root));
}

bool rule_is_beyond(struct signed_mark a, struct signed_mark b)
{
    return a.number != b.number ? a.number > b.number : a.size > b.size;
}

bool rule_may_follow(struct signed_mark head, struct signed_mark newest, struct signed_mark lost)
{
    if (!newest.number || head.number == newest.number)
        return !rule_is_beyond(newest, head);
    return head.number > newest.number && lost.number && lost.number < head.number &&
           !rule_is_beyond(newest, lost);
}
