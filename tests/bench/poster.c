/* Posts documents to the portal API as fast as asked: the load of the benchmarks.
 *
 *     poster URL TOKEN_FILE THREADS RATE < list-of-pdf-paths      (RATE 0: as fast as it goes)
 *
 * Each thread keeps one connection. Prints one JSON line: posts, refused, seconds, p50/p99 of the
 * post, processor time. It judges nothing; whoever starts it does. */
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static char **paths;
static size_t path_count;
static atomic_size_t next_path, accepted, refused;
static double *latencies;
static const char *url;
static char authorization[512];
static double rate, started;

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Processor time of this program, all threads. */
static double cpu_ms(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return 1e3 * (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           1e-3 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static size_t swallow(char *p, size_t size, size_t n, void *user)
{
    (void)p;
    (void)user;
    return size * n;
}

static void wait_for_turn(size_t index)
{
    double due = rate > 0 ? started + (double)index / rate : 0, left = due - seconds_now();

    if (left > 0)
        nanosleep(&(struct timespec){(time_t)left, (long)((left - (double)(time_t)left) * 1e9)},
                  NULL);
}

static void post(CURL *curl, struct curl_slist *headers, size_t index)
{
    curl_mime *form = curl_mime_init(curl);
    curl_mimepart *part = curl_mime_addpart(form);
    long status = 0;
    double before;

    curl_mime_name(part, "document");
    curl_mime_filedata(part, paths[index]);
    curl_mime_type(part, "application/pdf");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_MIMEPOST, form);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
    before = seconds_now();
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    latencies[index] = seconds_now() - before;
    atomic_fetch_add(status == 202 ? &accepted : &refused, 1);
    curl_mime_free(form);
}

static void *run(void *unused)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, authorization);

    headers = curl_slist_append(headers, "Expect:");
    for (;;) {
        size_t index = atomic_fetch_add(&next_path, 1);
        if (index >= path_count)
            break;
        wait_for_turn(index);
        post(curl, headers, index);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return unused;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void read_paths(void)
{
    char line[4096];
    size_t room = 0;

    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (path_count == room)
            paths = realloc(paths, (room = room ? room * 2 : 1024) * sizeof(*paths));
        paths[path_count++] = strdup(line);
    }
    latencies = calloc(path_count + 1, sizeof(*latencies));
}

static int read_token(const char *file)
{
    FILE *in = fopen(file, "re");
    char token[400] = "";

    if (!in || !fgets(token, sizeof(token), in))
        return 0;
    fclose(in);
    token[strcspn(token, "\n")] = 0;
    snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s", token);
    return 1;
}

int main(int argc, char **argv)
{
    pthread_t threads[64];
    int count;
    double seconds;

    if (argc != 5 || !read_token(argv[2]) || (count = atoi(argv[3])) < 1 || count > 64) {
        fprintf(stderr, "usage: poster URL TOKEN_FILE THREADS RATE < paths\n");
        return 64;
    }
    url = argv[1];
    rate = atof(argv[4]);
    read_paths();
    curl_global_init(CURL_GLOBAL_ALL);
    started = seconds_now();
    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, run, NULL);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    seconds = seconds_now() - started;
    qsort(latencies, path_count, sizeof(*latencies), by_value);
    printf("{\"accepted\":%zu,\"refused\":%zu,\"seconds\":%.3f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,"
           "\"cpu_ms\":%.0f}\n",
           accepted, refused, seconds, 1e3 * latencies[path_count / 2],
           1e3 * latencies[path_count * 99 / 100], cpu_ms());
    return 0;
}
