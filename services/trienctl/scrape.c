/* Prometheus text → samples. It refuses a text with any line it cannot read: a figure half read is
 * worse than none. */
#include "services/trienctl/scrape.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SAMPLES ((size_t)65536)

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:"

/* The text in quotes at *at, its escapes undone; *at ends behind the closing quote. */
static const char *read_quoted(struct arena *arena, const char **at)
{
    const char *from = *at + 1;
    char *value = arena_alloc(arena, strcspn(*at, "\n") + 1);
    size_t length = 0;

    if (**at != '"')
        return NULL;
    for (; *from != '"'; from++) {
        if (*from == 0 || *from == '\n')
            return NULL;
        if (*from != '\\') {
            value[length++] = *from;
            continue;
        }
        from++;
        if (*from != '\\' && *from != '"' && *from != 'n')
            return NULL;
        value[length++] = *from == 'n' ? '\n' : *from;
    }
    *at = from + 1;
    return value;
}

static const char *read_name(struct arena *arena, const char **at)
{
    size_t length = strspn(*at, NAME_LETTERS);
    const char *name = length ? arena_strndup(arena, *at, length) : NULL;

    *at += length;
    return name;
}

/* {a="b",c="d"}; *at ends behind the brace. */
static bool read_labels(struct arena *arena, const char **at, struct scrape_sample *sample)
{
    for (++*at; **at != '}'; ++*at) {
        size_t i = sample->label_count;

        if (i == SCRAPE_MAX_LABELS || !(sample->labels[i].name = read_name(arena, at)) ||
            *(*at)++ != '=' || !(sample->labels[i].value = read_quoted(arena, at)))
            return false;
        sample->label_count++;
        if (**at == '}')
            break;
        if (**at != ',')
            return false;
    }
    ++*at;
    return true;
}

static bool read_sample(struct arena *arena, const char **at, struct scrape_sample *sample)
{
    char *end;

    if (!(sample->name = read_name(arena, at)) ||
        (**at == '{' && !read_labels(arena, at, sample)) || *(*at)++ != ' ')
        return false;
    sample->value = strtod(*at, &end);
    if (end == *at || *end != '\n')
        return false;
    *at = end;
    return true;
}

static size_t count_lines(const char *text)
{
    size_t n = 0;

    for (; (text = strchr(text, '\n')); text++)
        n++;
    return n;
}

enum rc scrape_parse(struct arena *arena, struct bytes text, struct err *err,
                     struct scrape *ret_scrape)
{
    struct scrape_sample *samples;
    size_t count = 0, line = 1;
    const char *at;

    CHECK(text.n <= SCRAPE_MAX_BYTES, err, TRIEN__ERROR__TOO_LARGE, "%zu bytes", text.n);
    CHECK(text.n == 0 || text.p[text.n - 1] == '\n', err, TRIEN__ERROR__MALFORMED,
          "the last line has no end");
    /* lines are counted up to the first NUL, samples would be read beyond it */
    CHECK(text.n == 0 || !memchr(text.p, 0, text.n), err, TRIEN__ERROR__MALFORMED, "a NUL inside");
    at = (const char *)arena_bytes(arena, text).p;
    CHECK(count_lines(at) <= MAX_SAMPLES, err, TRIEN__ERROR__TOO_LARGE, "too many lines");
    samples = ARENA_ARRAY(arena, struct scrape_sample, count_lines(at));
    for (; *at; at++, line++) {
        if (*at == '#')
            at += strcspn(at, "\n");
        else if (*at != '\n')
            CHECK(read_sample(arena, &at, &samples[count++]), err, TRIEN__ERROR__MALFORMED,
                  "line %zu is no sample", line);
    }
    *ret_scrape = (struct scrape){samples, count};
    return RC_OK;
}

const char *scrape_label(const struct scrape_sample *sample, const char *label)
{
    for (size_t i = 0; i < sample->label_count; i++)
        if (strcmp(sample->labels[i].name, label) == 0)
            return sample->labels[i].value;
    return "";
}

const struct scrape_sample *scrape_next(const struct scrape *scrape, const char *name,
                                        const struct scrape_sample *after)
{
    const struct scrape_sample *at = after ? after + 1 : scrape->samples;

    for (; at < scrape->samples + scrape->count; at++)
        if (strcmp(at->name, name) == 0)
            return at;
    return NULL;
}

double scrape_sum(const struct scrape *scrape, const char *name, const char *label,
                  const char *value)
{
    double sum = 0;

    for (const struct scrape_sample *s = NULL; (s = scrape_next(scrape, name, s));)
        if (!label || strcmp(scrape_label(s, label), value) == 0)
            sum += s->value;
    return sum;
}

double scrape_max(const struct scrape *scrape, const char *name, double none,
                  const struct scrape_sample **ret_sample)
{
    const struct scrape_sample *largest = NULL;

    for (const struct scrape_sample *s = NULL; (s = scrape_next(scrape, name, s));)
        if (!largest || s->value > largest->value)
            largest = s;
    if (ret_sample)
        *ret_sample = largest;
    return largest ? largest->value : none;
}
