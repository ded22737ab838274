/* Asks an HTTP server the same thing as fast as it answers: blocking threads, one kept connection
 * each, no HTTP library, so that the asking costs as little as can be.
 *
 *     http_load PORT PATH THREADS SECONDS [BODY_BYTES]      (with a body: POST)
 *
 * Prints one JSON line: rate, failures, p50 and p99 in milliseconds. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_SAMPLES ((size_t)1 << 20)

static char *wire;
static size_t wire_length;
static uint16_t port;
static double end_at;

struct asker {
    pthread_t thread;
    size_t done, failed;
    float *ms;
};

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
        close(fd);
        return -1;
    }
    return fd;
}

static int send_all(int fd)
{
    for (size_t at = 0; at < wire_length;) {
        ssize_t n = send(fd, wire + at, wire_length - at, MSG_NOSIGNAL);

        if (n <= 0)
            return 0;
        at += (size_t)n;
    }
    return 1;
}

/* Head and body of one answer; 1 when its status is 2xx. */
static int read_answer(int fd)
{
    char text[65536];
    size_t have = 0, whole = 0;

    while (!whole || have < whole) {
        ssize_t n = recv(fd, text + have, sizeof(text) - 1 - have, 0);
        char *body, *length;

        if (n <= 0)
            return 0;
        have += (size_t)n;
        text[have] = 0;
        body = strstr(text, "\r\n\r\n");
        length = strstr(text, "Content-Length: ");
        if (!whole && body)
            whole = (size_t)(body + 4 - text) + (length ? strtoul(length + 16, NULL, 10) : 0);
    }
    return text[9] == '2';
}

static void *ask(void *arg)
{
    struct asker *me = arg;
    int fd = -1;

    while (seconds_now() < end_at) {
        double start = seconds_now();

        if (fd < 0 && (fd = dial()) < 0) {
            me->failed++;
            continue;
        }
        if (!send_all(fd) || !read_answer(fd)) {
            me->failed++;
            close(fd);
            fd = -1;
            continue;
        }
        me->ms[me->done++ % MAX_SAMPLES] = (float)((seconds_now() - start) * 1000);
    }
    if (fd >= 0)
        close(fd);
    return NULL;
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

static void make_wire(const char *path, size_t body)
{
    wire = calloc(1, body + 512);
    if (!wire)
        abort();
    wire_length =
        (size_t)snprintf(wire, 512, "%s %s HTTP/1.1\r\nHost: x\r\n", body ? "POST" : "GET", path);
    if (body)
        wire_length += (size_t)snprintf(wire + wire_length, 128, "Content-Length: %zu\r\n", body);
    memcpy(wire + wire_length, "\r\n", 2);
    wire_length += 2;
    for (size_t i = 0; i < body; i++) /* nothing a database could compress */
        wire[wire_length + i] = (char)(random() >> 8);
    wire_length += body;
}

static void report(struct asker *askers, size_t count, double seconds)
{
    size_t done = 0, failed = 0, n = 0;
    float *all;

    for (size_t i = 0; i < count; i++) {
        done += askers[i].done;
        failed += askers[i].failed;
    }
    all = calloc(done + 1, sizeof(*all));
    if (!all)
        abort();
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < askers[i].done && j < MAX_SAMPLES; j++)
            all[n++] = askers[i].ms[j];
    qsort(all, n, sizeof(*all), by_size);
    printf("{\"rate\": %.0f, \"failed\": %zu, \"p50_ms\": %.2f, \"p99_ms\": %.2f}\n",
           (double)done / seconds, failed, (double)all[n / 2], (double)all[n * 99 / 100]);
}

int main(int argc, char **argv)
{
    struct asker askers[256] = {0};
    size_t count;
    double seconds;

    if (argc < 5) {
        fprintf(stderr, "usage: http_load PORT PATH THREADS SECONDS [BODY_BYTES]\n");
        return 64;
    }
    port = (uint16_t)strtoul(argv[1], NULL, 10);
    count = strtoul(argv[3], NULL, 10) % 257;
    seconds = strtod(argv[4], NULL);
    make_wire(argv[2], argc > 5 ? strtoul(argv[5], NULL, 10) : 0);
    end_at = seconds_now() + seconds;
    for (size_t i = 0; i < count; i++) {
        askers[i].ms = calloc(MAX_SAMPLES, sizeof(float));
        pthread_create(&askers[i].thread, NULL, ask, &askers[i]);
    }
    for (size_t i = 0; i < count; i++)
        pthread_join(askers[i].thread, NULL);
    report(askers, count, seconds);
    return 0;
}
