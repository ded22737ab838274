/* From the call to the answer with a real SoftHSM token in worker processes: same order, same
 * answer; workers killed and frozen under load; a wrong PIN; a key that is not the certificate's.
 */
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include "common/der.h"
#include "common/pb_bytes.h"
#include "services/signer/signer.h"
#include "services/signer/verify.h"
#include "tests/unit/signer/world_list.h"

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"

#ifdef TRIEN_ASAN
/* libp11 0.4.12 keeps a key object and its label (about 500 bytes) of every token that was open. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libp11.so\nleak:CRYPTO_strdup\n";
}
#endif

static struct world w;
static char softhsm_config[128], pin_path[128], so_pin_path[128], journal_folder[128];
static char certificate_path[128];
static struct conf_node issuer_node = {.name = "issuing1"};
static struct conf_node issuers_node = {.name = "issuers", .value = "", .child = &issuer_node};
static struct signer_conf conf;

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static struct p11_config token_config(void)
{
    return (struct p11_config){.module_path = MODULE,
                               .token_label = "unit",
                               .pin_path = pin_path,
                               .softhsm_config = softhsm_config,
                               .writable = true};
}

/* The issuing certificate around the token's key, signed in the token. */
static void make_issuer(struct p11 *token, const char *label, const char *kind)
{
    struct p11_key *key = NULL;
    struct err err = {0};
    X509 *cert;
    FILE *file;

    assert_int_equal(p11_generate_key(token, label, kind, &err, &key), RC_OK);
    cert =
        world_ca(&w, p11_key_public(key), WORLD_NOW - 30 * WORLD_DAY, WORLD_NOW + 3650 * WORLD_DAY);
    assert_true(X509_sign(cert, p11_key_private(key), EVP_sha256()) > 0);
    file = fopen(certificate_path, "w");
    PEM_write_X509(file, cert);
    fclose(file);
    X509_free(cert);
    assert_int_equal(x509_ca_load(w.arena, label, certificate_path, &err, &w.issuer), RC_OK);
}

static int up(void **state)
{
    struct p11_config config = token_config();
    struct p11 *token = NULL;
    struct err err = {0};
    char text[256];

    (void)state;
    world_open(&w, "p256");
    snprintf(softhsm_config, sizeof(softhsm_config), "%s/softhsm2.conf", w.folder);
    snprintf(pin_path, sizeof(pin_path), "%s/pin", w.folder);
    snprintf(so_pin_path, sizeof(so_pin_path), "%s/so-pin", w.folder);
    snprintf(journal_folder, sizeof(journal_folder), "%s/journal", w.folder);
    snprintf(certificate_path, sizeof(certificate_path), "%s/issuing1.pem", w.folder);
    snprintf(text, sizeof(text), "%s/tokens", w.folder);
    assert_int_equal(mkdir(text, 0700), 0);
    assert_int_equal(mkdir(journal_folder, 0700), 0);
    snprintf(text, sizeof(text), "directories.tokendir = %s/tokens\nlog.level = ERROR\n", w.folder);
    write_text(softhsm_config, text);
    write_text(pin_path, "12345678");
    write_text(so_pin_path, "87654321");
    assert_int_equal(p11_init_token(&config, so_pin_path, &err), RC_OK);
    assert_int_equal(p11_open(&config, &err, &token), RC_OK);
    make_issuer(token, "issuing1", "p256");
    p11_close(&token);
    issuer_node.value = certificate_path;
    conf = (struct signer_conf){
        .journal_folder = journal_folder,
        .journal_segment_bytes = 1 << 20,
        .token_module = MODULE,
        .token_label = "unit",
        .token_pin = pin_path,
        .token_softhsm_config = softhsm_config,
        .token_workers = 2,
        .token_sign_timeout_ms = 1000,
        .token_start_timeout_ms = 20000,
        .token_probe_ms = 5000,
        .ring_registration_authority = arena_printf(w.arena, "%s/registration.pub", w.folder),
        .ring_station = arena_printf(w.arena, "%s/stations.pub", w.folder),
        .ring_officer = arena_printf(w.arena, "%s/officers.pub", w.folder),
        .issuers = &issuers_node,
    };
    return 0;
}

static int down(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static struct signer *open_signer(void)
{
    struct signer *signer = NULL;
    struct err err = {0};

    if (signer_open(&conf, WORLD_NOW, &err, &signer) != RC_OK)
        fail_msg("%s", err.detail);
    return signer;
}

/* Distinct orders: order id, serial number, subject. */
static Trien__SignCertificate *order(unsigned number)
{
    struct world_order o;

    world_good(&w, PROFILE_PERSON, arena_printf(w.arena, "order-%u", number), &o);
    o.tbs.serial_hex = arena_printf(w.arena, "51%030x", number);
    return world_order(&w, &o);
}

static void same_order_same_answer(void **state)
{
    struct signer *signer = open_signer();
    Trien__SignCertificate *call = order(1), *other;
    Trien__SignCertificateReply first = TRIEN__SIGN_CERTIFICATE_REPLY__INIT,
                                again = TRIEN__SIGN_CERTIFICATE_REPLY__INIT;
    struct err err = {0};
    struct bytes tbs = bytes_of(call->tbs_der.data, call->tbs_der.len);

    (void)state;
    if (signer_sign(signer, call, WORLD_NOW, w.arena, &err, &first) != RC_OK)
        fail_msg("%s %s", err.field, err.detail);
    assert_true(
        x509_ca_verify(&w.issuer, tbs, bytes_of(first.signature.data, first.signature.len)));
    for (int round = 0; round < 2; round++) {
        assert_int_equal(signer_sign(signer, call, WORLD_NOW, w.arena, &err, &again), RC_OK);
        assert_int_equal(again.journal_sequence, first.journal_sequence);
        assert_true(bytes_equal(bytes_of(first.signature.data, first.signature.len),
                                bytes_of(again.signature.data, again.signature.len)));
        signer_close(&signer);
        signer = open_signer();
    }
    /* The answer stands even when the authorisation has expired meanwhile. */
    assert_int_equal(signer_sign(signer, call, WORLD_NOW + 400 * WORLD_DAY, w.arena, &err, &again),
                     RC_OK);
    other = order(2);
    other->order_id = call->order_id;
    assert_int_equal(signer_sign(signer, other, WORLD_NOW, w.arena, &err, &again), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__ORDER_CONFLICT);
    signer_close(&signer);
}

/* One authorisation, one order, one certificate, one serial number. */
static void a_ground_is_used_once(void **state)
{
    struct signer *signer = open_signer();
    struct world_order o;
    Trien__SignCertificateReply reply = TRIEN__SIGN_CERTIFICATE_REPLY__INIT;
    struct err err = {0};

    (void)state;
    world_good(&w, PROFILE_PERSON, "ground-1", &o);
    o.tbs.serial_hex = "5200000000000000000000000000000001";
    assert_int_equal(signer_sign(signer, world_order(&w, &o), WORLD_NOW, w.arena, &err, &reply),
                     RC_OK);
    o.order_id = "ground-2";
    o.tbs.serial_hex = "5200000000000000000000000000000002";
    assert_int_equal(signer_sign(signer, world_order(&w, &o), WORLD_NOW, w.arena, &err, &reply),
                     RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__BEYOND_AUTHORIZATION);
    o.order_id = "ground-3";
    o.authorization.item_id = (char *)"ground-3";
    o.tbs.serial_hex = "5200000000000000000000000000000001";
    assert_int_equal(signer_sign(signer, world_order(&w, &o), WORLD_NOW, w.arena, &err, &reply),
                     RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__ORDER_CONFLICT);
    signer_close(&signer);
}

/* A list with this number, of this moment. */
static enum rc sign_list(struct signer *signer, uint64_t number, usec this_update, struct err *err,
                         Trien__SignCrlReply *reply)
{
    struct world_list list = world_good_list(&w, number);
    Trien__SignCrl call;

    err_clear(err);
    list.this_update = this_update;
    call = world_list_call(&w, &list);
    return signer_sign_list(signer, &call, WORLD_NOW, w.arena, err, reply);
}

/* Numbers follow each other, over restarts too; the same list gets the same answer. */
static void numbers_of_lists_only_grow(void **state)
{
    struct signer *signer = open_signer();
    Trien__SignCrlReply first = TRIEN__SIGN_CRL_REPLY__INIT, again = TRIEN__SIGN_CRL_REPLY__INIT;
    struct world_list list;
    struct err err = {0};
    uint64_t last = 99;

    (void)state;
    assert_int_equal(signer_last_list(signer, "issuing1", w.arena, &err, &last), RC_OK);
    assert_int_equal(last, 0);
    assert_int_equal(sign_list(signer, 2, WORLD_NOW, &err, &again), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__ORDER_CONFLICT);
    if (sign_list(signer, 1, WORLD_NOW, &err, &first) != RC_OK)
        fail_msg("%s %s", err.field, err.detail);
    list = world_good_list(&w, 1);
    assert_true(x509_ca_verify(&w.issuer, world_build_list(&w, &list),
                               bytes_of(first.signature.data, first.signature.len)));
    for (uint64_t number = 2; number < 12; number++)
        assert_int_equal(sign_list(signer, number, WORLD_NOW, &err, &again), RC_OK);
    signer_close(&signer);
    signer = open_signer();
    assert_int_equal(signer_last_list(signer, "issuing1", w.arena, &err, &last), RC_OK);
    assert_int_equal(last, 11);
    assert_int_equal(sign_list(signer, 1, WORLD_NOW, &err, &again), RC_OK);
    assert_int_equal(again.journal_sequence, first.journal_sequence);
    assert_true(bytes_equal(bytes_of(first.signature.data, first.signature.len),
                            bytes_of(again.signature.data, again.signature.len)));
    assert_int_equal(sign_list(signer, 1, WORLD_NOW - USEC_PER_SECOND, &err, &again), RC_REJECT);
    assert_int_equal(err.code, TRIEN__ERROR__ORDER_CONFLICT);
    assert_int_equal(sign_list(signer, 13, WORLD_NOW, &err, &again), RC_REJECT);
    assert_int_equal(sign_list(signer, 12, WORLD_NOW, &err, &again), RC_OK);
    signer_close(&signer);
}

/* --- lists in parts ------------------------------------------------------------------------------
 */

/* A list as two calls see it: without its entries, and these alone, each its own part. */
struct apart {
    struct bytes whole, bare, entries;
    size_t at[4]; /* where each entry begins, and the end */
    Trien__SignCrl call;
};

static struct apart take_apart(const struct world_list *list)
{
    struct apart apart = {.whole = world_build_list(&w, list)};
    struct err err = {0};
    struct list parsed;
    size_t count = 0;

    assert_int_equal(list_parse(apart.whole, w.arena, &err, &parsed), RC_OK);
    apart.entries = parsed.entries;
    for (size_t at = 0; at < apart.entries.n; at += 2 + (size_t)apart.entries.p[at + 1])
        apart.at[count++] = at;
    assert_int_equal(count, 3);
    apart.at[count] = apart.entries.n;
    apart.bare = DER(w.arena, DER_SEQUENCE, parsed.before, parsed.after);
    trien__sign_crl__init(&apart.call);
    apart.call.issuer = (char *)w.issuer.name;
    apart.call.number = list->said_number;
    apart.call.tbs_der = pb_of_bytes(apart.bare);
    apart.call.has_entries_bytes = true;
    apart.call.entries_bytes = apart.entries.n;
    return apart;
}

/* Entries from the `from`th to before the `to`th. */
static enum rc add(struct signer *signer, const struct apart *apart, size_t from, size_t to,
                   struct err *err, uint64_t *ret_held)
{
    Trien__AddCrlEntries part = TRIEN__ADD_CRL_ENTRIES__INIT;
    Trien__AddCrlEntriesReply reply = TRIEN__ADD_CRL_ENTRIES_REPLY__INIT;
    enum rc rc;

    err_clear(err);
    part.issuer = apart->call.issuer;
    part.number = apart->call.number;
    part.tbs_der = apart->call.tbs_der;
    part.entries_bytes = apart->call.entries_bytes;
    part.offset = apart->at[from];
    part.entries =
        pb_of_bytes(bytes_of(apart->entries.p + apart->at[from], apart->at[to] - apart->at[from]));
    rc = signer_add_entries(signer, &part, WORLD_NOW, w.arena, err, &reply);
    *ret_held = reply.held_bytes;
    return rc;
}

static enum rc sign_apart(struct signer *signer, const struct apart *apart, struct err *err,
                          Trien__SignCrlReply *reply)
{
    err_clear(err);
    return signer_sign_list(signer, &apart->call, WORLD_NOW, w.arena, err, reply);
}

/* Only what came whole and in order is signed, and it is signed as if it had come at once. */
static void a_list_in_parts(void **state)
{
    struct signer *signer = open_signer();
    Trien__SignCrlReply reply = TRIEN__SIGN_CRL_REPLY__INIT, again = TRIEN__SIGN_CRL_REPLY__INIT;
    struct world_list list = world_good_list(&w, 13);
    struct apart apart = take_apart(&list);
    uint8_t digest[32];
    struct err err = {0};
    uint64_t held = 99;

    (void)state;
    assert_int_equal(sign_apart(signer, &apart, &err, &reply), RC_RETRY);
    assert_int_equal(err.code, TRIEN__ERROR__NOT_YET);
    assert_int_equal(add(signer, &apart, 1, 3, &err, &held), RC_OK); /* the first is missing */
    assert_int_equal(held, 0);
    assert_int_equal(add(signer, &apart, 0, 1, &err, &held), RC_OK);
    assert_int_equal(held, apart.at[1]);
    assert_int_equal(add(signer, &apart, 2, 3, &err, &held), RC_OK); /* the second is missing */
    assert_int_equal(held, apart.at[1]);
    assert_int_equal(sign_apart(signer, &apart, &err, &reply), RC_RETRY);
    assert_int_equal(add(signer, &apart, 0, 2, &err, &held), RC_OK); /* it begins anew */
    assert_int_equal(held, apart.at[2]);
    assert_int_equal(add(signer, &apart, 2, 3, &err, &held), RC_OK);
    assert_int_equal(held, apart.entries.n);
    assert_int_equal(sign_apart(signer, &apart, &err, &reply), RC_OK);
    assert_true(x509_ca_verify(&w.issuer, apart.whole, bytes_of_pb(reply.signature)));
    assert_int_equal(sign_apart(signer, &apart, &err, &again), RC_OK);
    assert_true(bytes_equal(bytes_of_pb(again.signature), bytes_of_pb(reply.signature)));
    signer_close(&signer);

    signer = open_signer(); /* the entries are forgotten, the answer is not */
    assert_int_equal(sign_apart(signer, &apart, &err, &again), RC_RETRY);
    bytes_sha256(apart.whole, digest);
    apart.call.has_tbs_sha256 = true;
    apart.call.tbs_sha256 = pb_of_bytes(bytes_of(digest, 32));
    assert_int_equal(sign_apart(signer, &apart, &err, &again), RC_OK);
    assert_true(bytes_equal(bytes_of_pb(again.signature), bytes_of_pb(reply.signature)));
    assert_int_equal(again.journal_sequence, reply.journal_sequence);
    signer_close(&signer);
}

/* A digest that is only said is never signed; a wrong entry ends its list; lists are not mixed. */
static void parts_that_are_wrong(void **state)
{
    struct signer *signer = open_signer();
    Trien__SignCrlReply reply = TRIEN__SIGN_CRL_REPLY__INIT;
    struct world_list list = world_good_list(&w, 14);
    struct apart apart = take_apart(&list), other;
    uint8_t digest[32];
    struct err err = {0};
    uint64_t held = 99;

    (void)state;
    bytes_sha256(bytes_of_text("whatever somebody wants signed"), digest);
    apart.call.has_tbs_sha256 = true;
    apart.call.tbs_sha256 = pb_of_bytes(bytes_of(digest, 32));
    assert_int_equal(sign_apart(signer, &apart, &err, &reply), RC_RETRY);
    list.entries[2].revoked_at = WORLD_NOW + WORLD_DAY;
    other = take_apart(&list);
    assert_int_equal(add(signer, &other, 0, 2, &err, &held), RC_OK);
    assert_int_equal(add(signer, &other, 2, 3, &err, &held), RC_REJECT);
    assert_string_equal(err.field, "revoked_before_now");
    assert_int_equal(add(signer, &apart, 2, 3, &err, &held), RC_OK); /* nothing is left of it */
    assert_int_equal(held, 0);
    assert_int_equal(add(signer, &apart, 0, 1, &err, &held), RC_OK);
    {
        Trien__AddCrlEntries part = TRIEN__ADD_CRL_ENTRIES__INIT;
        Trien__AddCrlEntriesReply added = TRIEN__ADD_CRL_ENTRIES_REPLY__INIT;

        part.issuer = apart.call.issuer;
        part.number = apart.call.number;
        part.tbs_der = apart.call.tbs_der;
        part.entries_bytes = apart.call.entries_bytes;
        part.offset = held; /* the first once more: it does not ascend */
        part.entries = pb_of_bytes(bytes_of(apart.entries.p, apart.at[1]));
        err_clear(&err);
        assert_int_equal(signer_add_entries(signer, &part, WORLD_NOW, w.arena, &err, &added),
                         RC_REJECT);
        assert_string_equal(err.field, "serials_ascend");
        part.tbs_der = pb_of_bytes(apart.whole); /* entries within and without */
        part.offset = 0;
        err_clear(&err);
        assert_int_equal(signer_add_entries(signer, &part, WORLD_NOW, w.arena, &err, &added),
                         RC_REJECT);
    }
    list = world_good_list(&w, 15);
    other = take_apart(&list);
    assert_int_equal(add(signer, &apart, 0, 3, &err, &held), RC_OK);
    assert_int_equal(sign_apart(signer, &other, &err, &reply), RC_RETRY);
    assert_int_equal(err.code, TRIEN__ERROR__NOT_YET);
    assert_int_equal(sign_apart(signer, &apart, &err, &reply), RC_OK);
    signer_close(&signer);
}

static void responders_renew(void **state)
{
    struct signer *signer = open_signer();
    struct world_order o;
    Trien__SignCertificateReply reply = TRIEN__SIGN_CERTIFICATE_REPLY__INIT;
    struct err err = {0};

    (void)state;
    for (int i = 0; i < 3; i++) { /* one approval, several certificates of the same key */
        world_good(&w, PROFILE_OCSP_RESPONDER, arena_printf(w.arena, "responder-%d", i), &o);
        o.tbs.serial_hex = arena_printf(w.arena, "53%030x", i);
        assert_int_equal(signer_sign(signer, world_order(&w, &o), WORLD_NOW, w.arena, &err, &reply),
                         RC_OK);
    }
    signer_close(&signer);
}

/* --- load
 * ------------------------------------------------------------------------------------------ */

struct load {
    struct signer *signer;
    Trien__SignCertificate **orders;
    unsigned from, to;
    unsigned signed_count, retries;
    int progress; /* one byte for each answer */
};

static void *load_main(void *arg)
{
    struct load *load = arg;
    struct arena *room = arena_new((size_t)4 * 1024 * 1024);

    for (unsigned i = load->from; i < load->to;) {
        Trien__SignCertificateReply reply = TRIEN__SIGN_CERTIFICATE_REPLY__INIT;
        struct err err = {0};
        enum rc rc = signer_sign(load->signer, load->orders[i], WORLD_NOW, room, &err, &reply);

        if (rc == RC_OK) {
            load->signed_count++;
            i++;
            if (load->progress > 0 && write(load->progress, "s", 1) != 1)
                break;
        } else if (rc == RC_RETRY) {
            load->retries++;
        } else {
            printf("order %u: %s: %s\n", i, rc_name(rc), err.detail);
            break;
        }
        arena_reset(room);
    }
    arena_free(&room);
    return NULL;
}

#define THREADS 6
#define ORDERS 1200

/* Signs ORDERS orders with THREADS threads while `trouble` happens to the workers. */
static void load_with(unsigned first, void (*trouble)(struct signer *, unsigned done))
{
    static Trien__SignCertificate *orders[ORDERS];
    struct signer *signer = open_signer();
    struct load loads[THREADS];
    pthread_t threads[THREADS];
    struct token_state token;
    unsigned done = 0, retries = 0;
    int progress[2];
    char some[ORDERS / 13];

    for (unsigned i = 0; i < ORDERS; i++)
        orders[i] = order(first + i);
    assert_int_equal(pipe(progress), 0);
    assert_true(token_wait_ready(signer->token, 2, 20000));
    for (unsigned i = 0; i < THREADS; i++) {
        loads[i] = (struct load){.signer = signer,
                                 .progress = progress[1],
                                 .orders = orders,
                                 .from = i * ORDERS / THREADS,
                                 .to = (i + 1) * ORDERS / THREADS};
        pthread_create(&threads[i], NULL, load_main, &loads[i]);
    }
    if (trouble)
        for (unsigned i = 0; i < 12; i++) {
            for (size_t have = 0; have < sizeof(some);) {
                ssize_t n = read(progress[0], some + have, sizeof(some) - have);
                assert_true(n > 0);
                have += (size_t)n;
            }
            trouble(signer, i);
        }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        done += loads[i].signed_count;
        retries += loads[i].retries;
    }
    close(progress[0]);
    close(progress[1]);
    token_look(signer->token, &token);
    print_message("%u signed, %u retries, %u workers started\n", done, retries,
                  (unsigned)token.started);
    assert_int_equal(done, ORDERS);
    signer_close(&signer);
}

static void strike(struct signer *signer, unsigned round, int number)
{
    int pids[4];
    unsigned n;

    assert_true(token_wait_ready(signer->token, 1, 20000));
    n = token_worker_pids(signer->token, pids, 4);
    if (n > 0)
        kill(pids[round % n], number);
}

static void kill_one(struct signer *signer, unsigned round)
{
    strike(signer, round, SIGKILL);
}

static void freeze_one(struct signer *signer, unsigned round)
{
    if (round % 3 == 0)
        strike(signer, round, SIGSTOP);
}

static void in_order(void)
{
    struct verify_result result;
    struct err err = {0};

    if (verify_journal(journal_folder, &err, &result) != RC_OK)
        fail_msg("%s", err.detail);
}

static void load_in_peace(void **state)
{
    (void)state;
    load_with(10000, NULL);
    in_order();
}

static void load_with_kills(void **state)
{
    (void)state;
    load_with(20000, kill_one);
    in_order();
}

static void load_with_hangs(void **state)
{
    (void)state;
    load_with(30000, freeze_one);
    in_order();
}

/* Twice the same order at once: one signature is made. */
static void twins_get_one_answer(void **state)
{
    static Trien__SignCertificate *orders[2];
    struct signer *signer = open_signer();
    struct load loads[2];
    pthread_t threads[2];
    struct journal_state before, after;

    (void)state;
    orders[0] = order(40000);
    orders[1] = orders[0];
    assert_true(token_wait_ready(signer->token, 2, 20000));
    journal_look(signer->journal, &before);
    for (unsigned i = 0; i < 2; i++) {
        loads[i] = (struct load){.signer = signer, .orders = orders, .from = i, .to = i + 1};
        pthread_create(&threads[i], NULL, load_main, &loads[i]);
    }
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    journal_look(signer->journal, &after);
    assert_int_equal(after.sequence, before.sequence + 2); /* one intent, one answer */
    signer_close(&signer);
}

/* A worker has given up what a module never needs. */
static void workers_are_confined(void **state)
{
    struct signer *signer = open_signer();
    char path[64], text[4096] = "";
    int pid;
    FILE *file;
    size_t n;

    (void)state;
    assert_true(token_wait_ready(signer->token, 2, 20000));
    assert_int_equal(token_worker_pids(signer->token, &pid, 1), 1);
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    file = fopen(path, "r");
    assert_non_null(file);
    n = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    assert_true(n > 0);
    assert_non_null(strstr(text, "NoNewPrivs:\t1\n"));
    assert_non_null(strstr(text, "Seccomp:\t2\n"));
    assert_non_null(strstr(text, "CapEff:\t0000000000000000\n"));
    signer_close(&signer);
}

/* When SoftHSM's file of the token was last written: whoever is killed meanwhile destroys it. */
static struct timespec token_written(void)
{
    glob_t found;
    struct stat seen;

    assert_int_equal(
        glob(arena_printf(w.arena, "%s/tokens/*/token.object", w.folder), 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1);
    assert_int_equal(stat(found.gl_pathv[0], &seen), 0);
    globfree(&found);
    return seen.st_mtim;
}

static void a_login_leaves_the_token_alone(void **state)
{
    struct timespec before = token_written(), after;
    struct signer *signer = open_signer();

    (void)state;
    assert_true(token_wait_ready(signer->token, 2, 20000));
    after = token_written();
    assert_memory_equal(&after, &before, sizeof(after));
    signer_close(&signer);
}

/* --- what must stop it
 * ----------------------------------------------------------------------------- */

static void wrong_pin_is_tried_once(void **state)
{
    struct signer *signer;
    struct token_state token;
    Trien__SignCertificateReply reply = TRIEN__SIGN_CERTIFICATE_REPLY__INIT;
    struct err err = {0};

    (void)state;
    write_text(pin_path, "00000000");
    for (int start = 0; start < 2; start++) {
        signer = open_signer();
        assert_false(token_wait_ready(signer->token, 1, 20000));
        assert_int_equal(signer_sign(signer, order(50000), WORLD_NOW, w.arena, &err, &reply),
                         RC_FATAL);
        assert_int_equal(err.code, TRIEN__ERROR__PIN_REFUSED);
        token_look(signer->token, &token);
        assert_true(token.pin_refused && token.started == 0 && token.ready == 0);
        /* The first start asked the token, the second did not even do that. */
        assert_int_equal(strstr(err.native, "CKR_PIN_INCORRECT") != NULL, start == 0);
        signer_close(&signer);
        err_clear(&err);
    }
    write_text(pin_path, "12345678");
    signer = open_signer();
    assert_int_equal(signer_sign(signer, order(50000), WORLD_NOW, w.arena, &err, &reply), RC_OK);
    signer_close(&signer);
}

static void another_key_is_no_issuer(void **state)
{
    struct p11_config config = token_config();
    struct p11 *token = NULL;
    struct signer *signer;
    struct token_state look;
    Trien__SignCertificateReply reply = TRIEN__SIGN_CERTIFICATE_REPLY__INIT;
    struct err err = {0};

    (void)state;
    assert_int_equal(p11_open(&config, &err, &token), RC_OK);
    assert_int_equal(p11_remove(token, "issuing1", &err), RC_OK);
    conf.token_sign_timeout_ms = 200;
    signer = open_signer(); /* no such key */
    assert_int_equal(signer_sign(signer, order(60000), WORLD_NOW, w.arena, &err, &reply), RC_RETRY);
    assert_int_equal(err.code, TRIEN__ERROR__TOKEN_UNAVAILABLE);
    signer_close(&signer);
    make_issuer(token, "issuing1", "p256"); /* the certificate of this key … */
    assert_int_equal(p11_remove(token, "issuing1", &err), RC_OK);
    {
        struct p11_key *key = NULL; /* … and another key under its label */
        assert_int_equal(p11_generate_key(token, "issuing1", "p256", &err, &key), RC_OK);
    }
    p11_close(&token);
    signer = open_signer();
    assert_int_equal(signer_sign(signer, order(60001), WORLD_NOW, w.arena, &err, &reply), RC_RETRY);
    token_look(signer->token, &look);
    assert_int_equal(look.ready, 0);
    signer_close(&signer);
    in_order();
}

static void one_key_in_two_roles_is_refused(void **state)
{
    struct signer_conf wrong = conf;
    struct signer *signer = NULL;
    struct err err = {0};

    (void)state;
    wrong.ring_officer = wrong.ring_station;
    assert_int_equal(signer_open(&wrong, WORLD_NOW, &err, &signer), RC_FATAL);
    assert_int_equal(err.code, TRIEN__ERROR__CONFIG_INVALID);
    assert_null(signer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_order_same_answer),
        cmocka_unit_test(a_ground_is_used_once),
        cmocka_unit_test(numbers_of_lists_only_grow),
        cmocka_unit_test(a_list_in_parts),
        cmocka_unit_test(parts_that_are_wrong),
        cmocka_unit_test(responders_renew),
        cmocka_unit_test(load_in_peace),
        cmocka_unit_test(load_with_kills),
        cmocka_unit_test(load_with_hangs),
        cmocka_unit_test(twins_get_one_answer),
        cmocka_unit_test(workers_are_confined),
        cmocka_unit_test(a_login_leaves_the_token_alone),
        cmocka_unit_test(wrong_pin_is_tried_once),
        cmocka_unit_test(another_key_is_no_issuer),
        cmocka_unit_test(one_key_in_two_roles_is_refused),
    };

    return cmocka_run_group_tests_name("sign", tests, up, down);
}
