/* The metrics as Prometheus text (exposition format 0.0.4), with the process_* family that every
 * Prometheus client offers. It reads /proc/self and nothing else. */
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/metrics_internal.h"

static const char *const kinds[] = {"counter", "gauge", "histogram"};

static void put_label_value(FILE *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            fputc('\\', out);
        if (*value == '\n')
            fputs("\\n", out);
        else
            fputc(*value, out);
    }
}

/* feed="intake",type="RequestSubmitted" and, for a histogram, le="0.005". */
static void put_labels(FILE *out, const struct metric_sample *sample, const char *le)
{
    const char *name = sample->metric->labels, *value = sample->values;
    bool first = true;

    if (!name && !le)
        return;
    fputc('{', out);
    while (name && *name) {
        size_t length = strcspn(name, ",");

        fprintf(out, "%s%.*s=\"", first ? "" : ",", (int)length, name);
        put_label_value(out, value);
        fputc('"', out);
        value += strlen(value) + 1;
        name += length + (name[length] == ',');
        first = false;
    }
    if (le)
        fprintf(out, "%sle=\"%s\"", first ? "" : ",", le);
    fputc('}', out);
}

static void put_line(FILE *out, const struct metric_sample *sample, const char *suffix,
                     const char *le, double value)
{
    fprintf(out, "%s%s", sample->metric->name, suffix);
    put_labels(out, sample, le);
    fprintf(out, " %.17g\n", value);
}

static void put_histogram(FILE *out, const struct metric_sample *sample)
{
    uint64_t seen = 0;
    char le[32];

    for (size_t i = 0; i < METRIC_BOUNDS; i++) {
        seen += sample->counts[i];
        snprintf(le, sizeof(le), "%g", sample->bounds[i]);
        put_line(out, sample, "_bucket", le, (double)seen);
    }
    seen += sample->counts[METRIC_BOUNDS];
    put_line(out, sample, "_bucket", "+Inf", (double)seen);
    put_line(out, sample, "_sum", NULL, sample->sum_seconds);
    put_line(out, sample, "_count", NULL, (double)seen);
}

static void put_sample(const struct metric_sample *sample, void *arg)
{
    FILE *out = arg;

    if (sample->metric->kind == METRIC_HISTOGRAM)
        put_histogram(out, sample);
    else
        put_line(out, sample, "", NULL, sample->value);
}

static void put_head(FILE *out, const char *name, const char *help, const char *kind)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void put_figure(FILE *out, const char *name, const char *help, const char *kind,
                       double value)
{
    put_head(out, name, help, kind);
    fprintf(out, "%s %.17g\n", name, value);
}

/* Fields of /proc/self/stat behind the command: 20 starttime, 21 vsize, 22 rss. */
static bool read_stat(double ret_fields[24])
{
    char text[1024], *s;
    FILE *f = fopen("/proc/self/stat", "re");
    size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

    if (f)
        fclose(f);
    text[n] = 0;
    s = strrchr(text, ')');
    if (!s)
        return false;
    s += 4; /* ") S " */
    for (size_t i = 1; i < 24; i++)
        ret_fields[i] = strtod(s, &s);
    return true;
}

static double boot_time(void)
{
    char line[256];
    double at = 0;
    FILE *f = fopen("/proc/stat", "re");

    while (f && fgets(line, sizeof(line), f))
        if (!strncmp(line, "btime ", 6))
            at = strtod(line + 6, NULL);
    if (f)
        fclose(f);
    return at;
}

static double open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    double n = -3; /* ".", "..", and the folder itself */

    if (!dir)
        return 0;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void put_process(FILE *out)
{
    double stat[24] = {0}, page = (double)sysconf(_SC_PAGESIZE);
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    put_figure(out, "process_cpu_seconds_total", "User and system CPU time spent.", "counter",
               (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6 +
                   (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6);
    if (open_files() > 0) /* hidden from a process that may not be dumped, unless it is root */
        put_figure(out, "process_open_fds", "Open file descriptors.", "gauge", open_files());
    if (!read_stat(stat))
        return;
    put_figure(out, "process_resident_memory_bytes", "Resident memory.", "gauge", stat[21] * page);
    put_figure(out, "process_virtual_memory_bytes", "Virtual memory.", "gauge", stat[20]);
    put_figure(out, "process_threads", "Threads.", "gauge", stat[17]);
    put_figure(out, "process_start_time_seconds", "Start of the process, seconds since 1970.",
               "gauge", boot_time() + stat[19] / (double)sysconf(_SC_CLK_TCK));
}

const char *metrics_text(struct arena *arena)
{
    size_t count;
    struct metric **families = metrics_families(arena, &count);
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    const char *copy;

    if (!out)
        return "";
    for (size_t i = 0; i < count; i++) {
        put_head(out, families[i]->name, families[i]->help, kinds[families[i]->kind]);
        metrics_each(families[i], put_sample, out);
    }
    put_process(out);
    fclose(out);
    copy = arena_strndup(arena, text, length);
    free(text);
    return copy;
}

const char *metrics_table(struct arena *arena)
{
    const char *table = "";
    size_t count;
    struct metric **families = metrics_families(arena, &count);

    for (size_t i = 0; i < count; i++)
        table = arena_printf(arena, "%s| `%s` | %s | %s | %s |\n", table, families[i]->name,
                             kinds[families[i]->kind],
                             families[i]->labels ? families[i]->labels : "", families[i]->help);
    return table;
}
