/* Fuzz target: a configuration text through parser, rows of every type and the search for
 * strangers. It must refuse or accept, never crash; what was accepted can be walked and printed. */
#include <stddef.h>

#include "common/conf.h"

struct sample {
    const char *text, *address, *url, *choice;
    int64_t number, ms, bytes;
    bool flag;
    const struct conf_node *tree;
};
#define AT(member) offsetof(struct sample, member)

static const struct conf_row rows[] = {
    {"a/text", CONF_TEXT, AT(text), "", "A text.", 0, 0, 0},
    {"a/number", CONF_INT, AT(number), "7", "A number.", -5, 100, 0},
    {"a/ms", CONF_MS, AT(ms), "30s", "A time.", 0, 0, 0},
    {"a/bytes", CONF_BYTES, AT(bytes), "20M", "A size.", 0, 0, 0},
    {"a/flag", CONF_BOOL, AT(flag), "false", "A flag.", 0, 0, 0},
    {"b/address", CONF_ADDRESS, AT(address), "127.0.0.1:80", "An address.", 0, 0, 0},
    {"b/url", CONF_URL, AT(url), "", "A URL.", 0, 0, 0},
    {"b/choice", CONF_CHOICE, AT(choice), "red", "A colour.", 0, 0, "red green"},
    {"peers", CONF_TREE, AT(tree), "", "Others.", 0, 0, 0},
    {0},
};

static size_t walk(const struct conf_node *node)
{
    size_t n = 0;

    for (; node; node = node->next)
        n += strlen(node->name) + strlen(node->value) + (size_t)node->line + walk(node->child);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct sample sample = {0};
    struct conf *conf = NULL;
    struct err err = {0};

    if (conf_parse("fuzz", bytes_of(p, n), &err, &conf) != RC_OK)
        return 0;
    if (conf_fill(conf, rows, &sample, &err) == RC_OK)
        (void)!conf_no_strangers(conf, &err);
    if (walk(conf_root(conf)->child) == SIZE_MAX)
        __builtin_trap();
    conf_free(&conf);
    return 0;
}
