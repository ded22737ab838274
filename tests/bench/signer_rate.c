/* Orders a second through all of the signer but the bus: rules, journal (synced twice), token
 * workers, verification. Orders are made beforehand.
 *
 *     signer_rate KIND ORDERS THREADS WORKERS     prints "KIND <orders/s> <syncs> <p50 ms> <p99
 * ms>" */
#include <pthread.h>
#include <sys/resource.h>

#define WORLD_WITHOUT_CMOCKA
#include "services/signer/signer.h"
#include "tests/unit/signer/world.h"

static struct world w;
static Trien__SignCertificate **orders;
static double *latencies;
static unsigned order_count;
static _Atomic unsigned next_order;
static struct signer *signer;
static char certificate_path[128];

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static const char *in_folder(const char *name)
{
    return arena_printf(w.arena, "%s/%s", w.folder, name);
}

static void make_issuer(const char *kind, const struct p11_config *config)
{
    struct p11 *token = NULL;
    struct p11_key *key = NULL;
    struct err err = {0};
    X509 *cert;
    FILE *file;

    assert_int_equal(p11_init_token(config, in_folder("so-pin"), &err), RC_OK);
    assert_int_equal(p11_open(config, &err, &token), RC_OK);
    assert_int_equal(p11_generate_key(token, "issuing1", kind, &err, &key), RC_OK);
    cert = world_ca(&w, p11_key_public(key), WORLD_NOW - WORLD_DAY, WORLD_NOW + 3650 * WORLD_DAY);
    assert_true(X509_sign(cert, p11_key_private(key), EVP_sha256()) > 0);
    file = fopen(certificate_path, "w");
    PEM_write_X509(file, cert);
    fclose(file);
    X509_free(cert);
    p11_close(&token);
    assert_int_equal(x509_ca_load(w.arena, "issuing1", certificate_path, &err, &w.issuer), RC_OK);
    w.issuer_key = world_new_key(strcmp(kind, "p256") == 0 ? "p256" : "rsa2048");
}

static void open_signer(const char *kind, unsigned workers)
{
    static struct conf_node node = {.name = "issuing1", .value = certificate_path};
    static struct conf_node issuers = {.name = "issuers", .value = "", .child = &node};
    struct p11_config config = {.module_path = "/usr/lib/softhsm/libsofthsm2.so",
                                .token_label = "rate",
                                .pin_path = in_folder("pin"),
                                .softhsm_config = in_folder("softhsm2.conf"),
                                .writable = true};
    struct signer_conf conf = {.journal_folder = in_folder("journal"),
                               .journal_segment_bytes = 64 << 20,
                               .token_module = config.module_path,
                               .token_label = "rate",
                               .token_pin = config.pin_path,
                               .token_softhsm_config = config.softhsm_config,
                               .token_workers = workers,
                               .token_sign_timeout_ms = 3000,
                               .token_start_timeout_ms = 15000,
                               .token_probe_ms = 10000,
                               .ring_registration_authority = in_folder("registration.pub"),
                               .ring_station = in_folder("stations.pub"),
                               .ring_officer = in_folder("officers.pub"),
                               .issuers = &issuers};
    struct err err = {0};

    snprintf(certificate_path, sizeof(certificate_path), "%s/issuing1.pem", w.folder);
    assert_int_equal(mkdir(in_folder("tokens"), 0700), 0);
    assert_int_equal(mkdir(conf.journal_folder, 0700), 0);
    write_text(config.softhsm_config, arena_printf(w.arena,
                                                   "directories.tokendir = %s/tokens\n"
                                                   "log.level = ERROR\n",
                                                   w.folder));
    write_text(config.pin_path, "12345678");
    write_text(in_folder("so-pin"), "87654321");
    make_issuer(kind, &config);
    if (signer_open(&conf, WORLD_NOW, &err, &signer) != RC_OK)
        fail_msg("%s", err.detail);
    assert_true(token_wait_ready(signer->token, workers, 15000));
}

/* Half of the orders with a key made on a device: two vouchers to verify. */
static Trien__SignCertificate *make_order(unsigned number)
{
    struct world_order o;

    world_good(&w, PROFILE_PERSON, arena_printf(w.arena, "order-%u", number), &o);
    o.tbs.serial_hex = arena_printf(w.arena, "51%030x", number);
    o.with_statement = number % 2;
    return world_order(&w, &o);
}

static void *work(void *arg)
{
    struct arena *room = arena_new((size_t)4 * 1024 * 1024);
    unsigned i;

    (void)arg;
    while ((i = next_order++) < order_count) {
        Trien__SignCertificateReply reply = TRIEN__SIGN_CERTIFICATE_REPLY__INIT;
        struct err err = {0};
        usec started = clock_monotonic();

        if (signer_sign(signer, orders[i], WORLD_NOW, room, &err, &reply) != RC_OK) {
            fprintf(stderr, "order %u: %s: %s\n", i, err.field, err.detail);
            exit(1);
        }
        latencies[i] = (double)(clock_monotonic() - started) / 1e3;
        arena_reset(room);
    }
    arena_free(&room);
    return NULL;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double cpu_us(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
    pthread_t threads[64];
    unsigned thread_count = argc == 5 ? (unsigned)atoi(argv[3]) : 0;
    struct journal_state look;
    usec started, took;
    double cpu;

    if (thread_count < 1 || thread_count > 64)
        return fputs("usage: signer_rate KIND ORDERS THREADS WORKERS\n", stderr), 64;
    order_count = (unsigned)atoi(argv[2]);
    world_open(&w, "p256");
    arena_free(&w.arena);
    w.arena = arena_new((size_t)1024 * 1024 * 1024);
    open_signer(argv[1], (unsigned)atoi(argv[4]));
    orders = ARENA_ARRAY(w.arena, Trien__SignCertificate *, order_count);
    latencies = ARENA_ARRAY(w.arena, double, order_count);
    for (unsigned i = 0; i < order_count; i++)
        orders[i] = make_order(i);
    cpu = cpu_us();
    started = clock_monotonic();
    for (unsigned i = 0; i < thread_count; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    for (unsigned i = 0; i < thread_count; i++)
        pthread_join(threads[i], NULL);
    took = clock_monotonic() - started;
    cpu = (cpu_us() - cpu) / order_count;
    journal_look(signer->journal, &look);
    qsort(latencies, order_count, sizeof(latencies[0]), compare);
    printf("%s %.1f %ju %.2f %.2f %.0f\n", argv[1], order_count / ((double)took / 1e6),
           (uintmax_t)look.syncs, latencies[order_count / 2], latencies[order_count * 99 / 100],
           cpu);
    signer_close(&signer);
    world_close(&w);
    return 0;
}
