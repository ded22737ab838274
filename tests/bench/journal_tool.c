/* The journal without the bus, by the service's own code: fills a database of audit, or measures
 * what plain inserts of the same rows cost, or checks random proofs against the head.
 *
 *     journal_tool SOCKET DATABASE USER PASSWORD_FILE fill|insert COUNT BATCH BYTES
 *     journal_tool SOCKET DATABASE USER PASSWORD_FILE prove COUNT
 *
 * Prints {"entries","seconds","cpu_ms"} (its own processor time) or {"proofs","p50_ms","p99_ms"}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/bus.h"
#include "common/tx.h"
#include "services/audit/append.h"
#include "services/audit/store.h"
#include "services/audit/tree.h"

#define FEEDS 8

static struct tx_frame frame;
static struct tx tx = {.frame = &frame, .principal = "", .traceparent = ""};
static uint64_t next_offset[FEEDS][BUS_PARTITIONS];
static const char *const feeds[FEEDS] = {"intake",  "validation",   "signing", "revocation",
                                         "courier", "notification", "status",  "audit"};

static void must(enum rc rc)
{
    if (rc == RC_OK)
        return;
    fprintf(stderr, "journal_tool: %s %s\n", tx.err.detail, tx.err.native);
    exit(1);
}

static double cpu_ms(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static void begin(void)
{
    arena_reset(tx.arena);
    tx.now = clock_now();
    must(db_begin(tx.db, &tx.err));
}

/* As the publisher of a feed would send them: dense in each partition. */
static Trien__Event **make_events(size_t feed, size_t count, size_t bytes)
{
    Trien__Event **events = ARENA_ARRAY(tx.arena, Trien__Event *, count);
    uint8_t *payload = arena_alloc(tx.arena, bytes);

    memset(payload, 0x5a, bytes);
    for (size_t i = 0; i < count; i++) {
        Trien__Event *event = events[i] = ARENA_NEW(tx.arena, Trien__Event);

        trien__event__init(event);
        event->partition = (uint32_t)(i * BUS_PARTITIONS / count);
        event->offset = (int64_t)++next_offset[feed][event->partition];
        event->id = (ProtobufCBinaryData){16, arena_alloc(tx.arena, 16)};
        bus_uuid(tx.now, event->id.data);
        event->type = (char *)"CertificateIssued";
        event->key = (char *)"0199aa00-0000-7000-8000-000000000000/17";
        event->created_at = tx.now;
        event->payload = (ProtobufCBinaryData){bytes, payload};
    }
    return events;
}

static void fill(uint64_t count, size_t batch, size_t bytes)
{
    for (uint64_t done = 0, turn = 0; done < count; turn++) {
        size_t n = count - done < batch ? (size_t)(count - done) : batch;

        begin();
        if (done % (UINT64_C(1) << 20) < batch)
            must(store_make_partitions(&tx, done));
        must(journal_append(&tx, feeds[turn % FEEDS], make_events(turn % FEEDS, n, bytes), n));
        must(db_commit(tx.db, &tx.err));
        done += n;
    }
}

/* The same rows without the journal: no head, no hashes, no tiles. */
static void insert(uint64_t count, size_t batch, size_t bytes)
{
    for (uint64_t done = 0; done < count; done += batch) {
        struct bytes *hashes, *leaves, *salts, *contents;

        begin();
        hashes = ARENA_ARRAY(tx.arena, struct bytes, batch);
        leaves = ARENA_ARRAY(tx.arena, struct bytes, batch);
        salts = ARENA_ARRAY(tx.arena, struct bytes, batch);
        contents = ARENA_ARRAY(tx.arena, struct bytes, batch);
        for (size_t i = 0; i < batch; i++) {
            hashes[i] = bytes_of(arena_alloc(tx.arena, 32), 32);
            leaves[i] = bytes_of(arena_alloc(tx.arena, 120), 120);
            salts[i] = bytes_of(arena_alloc(tx.arena, 16), 16);
            contents[i] = bytes_of(arena_alloc(tx.arena, bytes + 44), bytes + 44);
        }
        const struct entry_rows rows = {done, batch, hashes, leaves, salts, contents};
        must(store_insert_entries(&tx, &rows));
        must(db_commit(tx.db, &tx.err));
    }
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static void prove_one(uint64_t size, const struct merkle_hash *root)
{
    uint64_t entry = arc4random_uniform((uint32_t)size);
    struct merkle_hash path[MERKLE_MAX_PATH], leaf;
    struct merkle_plan plan;

    if (!merkle_plan_inclusion(entry, size, &plan))
        abort();
    must(tree_inclusion(&tx, size, entry, &plan, &leaf, path));
    if (!merkle_verify_inclusion(entry, size, &leaf, path, plan.element_count, root)) {
        fprintf(stderr, "journal_tool: the proof of entry %llu does not verify\n",
                (unsigned long long)entry);
        exit(1);
    }
}

static void prove(size_t count)
{
    double *took = calloc(count, sizeof(*took));
    struct journal_head head;
    struct merkle_hash root;

    begin();
    must(store_get_head(&tx, &head));
    must(db_commit(tx.db, &tx.err));
    merkle_root(&head.range, &root);
    for (size_t i = 0; took && i < count; i++) {
        usec started = clock_monotonic();

        begin();
        prove_one(head.range.size, &root);
        must(db_commit(tx.db, &tx.err));
        took[i] = (double)(clock_monotonic() - started) / 1e3;
    }
    qsort(took, count, sizeof(*took), by_value);
    printf("{\"proofs\": %zu, \"entries\": %llu, \"p50_ms\": %.3f, \"p99_ms\": %.3f}\n", count,
           (unsigned long long)head.range.size, took[count / 2], took[count * 99 / 100]);
    free(took);
}

int main(int argc, char **argv)
{
    struct db_conf conf = {.port = 5432, .sslmode = "disable", .sslrootcert = ""};
    uint64_t count = argc > 6 ? strtoull(argv[6], NULL, 10) : 0;
    size_t statements = 0;
    usec started;

    if (argc < 7)
        return 64;
    conf.host = argv[1];
    conf.name = argv[2];
    conf.user = argv[3];
    conf.password_file = argv[4];
    tx.arena = arena_new((size_t)1 << 30);
    must(db_open(&conf, "journal_tool", &tx.err, &tx.db));
    while (store_statements[statements].name)
        statements++;
    must(db_prepare(tx.db, store_statements, statements, &tx.err));
    started = clock_monotonic();
    if (strcmp(argv[5], "prove") == 0) {
        prove((size_t)count);
        return 0;
    }
    if (argc < 9)
        return 64;
    (strcmp(argv[5], "fill") ? insert : fill)(count, strtoul(argv[7], NULL, 10),
                                              strtoul(argv[8], NULL, 10));
    printf("{\"entries\": %llu, \"seconds\": %.3f, \"cpu_ms\": %.0f}\n", (unsigned long long)count,
           (double)(clock_monotonic() - started) / 1e6, cpu_ms());
    db_close(&tx.db);
    return 0;
}
