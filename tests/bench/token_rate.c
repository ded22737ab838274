/* Raw signatures a second of a SoftHSM token through libp11, one process a core, nothing else
 * running: the limit that every rate of issued certificates is compared with.
 *
 *     token_rate [SECONDS [PROCESSES]]     prints "p256 20000.0" and so on, one kind a line */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/p11.h"

static char folder[64], softhsm_config[96], pin[96], so_pin[96];

static _Noreturn void give_up(const char *doing, const struct err *err)
{
    fprintf(stderr, "token_rate: %s: %s %s\n", doing, err->detail, err->native);
    exit(1);
}

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        exit(1);
    close(fd);
}

static struct p11_config config_of(bool writable)
{
    return (struct p11_config){.module_path = "/usr/lib/softhsm/libsofthsm2.so",
                               .token_label = "rate",
                               .pin_path = pin,
                               .softhsm_config = softhsm_config,
                               .writable = writable};
}

static void make_token(const char *const *kinds, size_t count)
{
    struct p11_config config;
    struct p11 *token = NULL;
    struct p11_key *key;
    struct err err = {0};
    char text[256];

    strcpy(folder, "/tmp/trien-rate-XXXXXX");
    if (!mkdtemp(folder))
        exit(1);
    snprintf(softhsm_config, sizeof(softhsm_config), "%s/softhsm2.conf", folder);
    snprintf(pin, sizeof(pin), "%s/pin", folder);
    snprintf(so_pin, sizeof(so_pin), "%s/so-pin", folder);
    snprintf(text, sizeof(text), "directories.tokendir = %s\nlog.level = ERROR\n", folder);
    write_text(softhsm_config, text);
    write_text(pin, "12345678");
    write_text(so_pin, "87654321");
    config = config_of(true);
    if (p11_init_token(&config, so_pin, &err) != RC_OK || p11_open(&config, &err, &token) != RC_OK)
        give_up("make a token", &err);
    for (size_t i = 0; i < count; i++)
        if (p11_generate_key(token, kinds[i], kinds[i], &err, &key) != RC_OK)
            give_up(kinds[i], &err);
    p11_close(&token);
}

/* Signs from the common start until the end; returns how many. */
static long sign_until(const char *kind, const int *begin, usec seconds)
{
    struct p11_config config = config_of(false);
    struct p11 *token = NULL;
    struct p11_key *key = NULL;
    struct err err = {0};
    uint8_t digest[32] = {1}, signature[P11_MAX_SIGNATURE_BYTES];
    size_t size;
    usec end;
    long count = 0;
    char byte;
    enum rc rc = RC_RETRY;

    /* Who opens while another logs in may find no token: SoftHSM rewrites its file then. */
    for (int i = 0; i < 100 && rc == RC_RETRY; i++)
        rc = p11_open(&config, &err, &token);
    if (rc != RC_OK || p11_find_key(token, kind, &err, &key) != RC_OK || !key)
        give_up(kind, &err);
    if (read(begin[0], &byte, 1) != 1)
        exit(1);
    end = clock_monotonic() + seconds * USEC_PER_SECOND;
    while (clock_monotonic() < end) {
        memcpy(digest, &count, sizeof(count));
        if (p11_sign_sha256(key, digest, &err, signature, &size) != RC_OK)
            give_up("sign", &err);
        count++;
    }
    return count;
}

static double rate_of(const char *kind, int processes, usec seconds)
{
    long *counts = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int begin[2], status;
    long total = 0;

    if (counts == MAP_FAILED || pipe(begin) != 0)
        exit(1);
    for (int i = 0; i < processes; i++)
        if (fork() == 0) {
            counts[i] = sign_until(kind, begin, seconds);
            _exit(0);
        }
    for (int i = 0; i < processes; i++)
        if (write(begin[1], "g", 1) != 1)
            exit(1);
    for (int i = 0; i < processes; i++)
        if (wait(&status) < 0 || status != 0)
            exit(1);
    for (int i = 0; i < processes; i++)
        total += counts[i];
    close(begin[0]);
    close(begin[1]);
    munmap(counts, 4096);
    return (double)total / (double)seconds;
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = {"p256", "rsa2048", "rsa4096"};
    usec seconds = argc > 1 ? atoi(argv[1]) : 3;
    int processes = argc > 2 ? atoi(argv[2]) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    char command[96];

    if (seconds < 1 || processes < 1 || processes > 512) {
        fputs("usage: token_rate [SECONDS [PROCESSES]]\n", stderr);
        return 64;
    }
    make_token(kinds, COUNT_OF(kinds));
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        printf("%s %.1f\n", kinds[i], rate_of(kinds[i], processes, seconds));
        fflush(stdout);
    }
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}
