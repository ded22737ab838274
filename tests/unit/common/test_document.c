/* The document gate as a program: judges files for tests/flow/test_documents.py and measures
 * itself. Without arguments it runs the unit tests of common/document.c.
 *
 *   test_document judge TRUST CRLS AT_SECONDS FILE…      one JSON line a file; KNOWN=hex,hex…
 * limits signers test_document bench TRUST CRLS COUNT FILE            CPU and wall time per
 * document */
#include "common/document.h"

#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/common/pki_maker.h"

static struct bytes read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *room;
    long size;

    if (!file || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) {
        perror(path);
        exit(2);
    }
    rewind(file);
    room = malloc((size_t)size + 1);
    if (fread(room, 1, (size_t)size, file) != (size_t)size)
        exit(2);
    fclose(file);
    return bytes_of(room, (size_t)size);
}

/* <build>/bin/trien-inspect, seen from <build>/unit/common/. */
static const struct document_limits *limits(void)
{
    static char path[4096];
    static struct document_limits chosen = {.program = path, .cpu_ms = 1000, .deadline_ms = 3000};
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 64);

    if (length <= 0)
        exit(2);
    path[length] = 0;
    strcpy(strrchr(path, '/'), "/../../bin/trien-inspect");
    return &chosen;
}

static void put_crls(struct trust *trust, const char *folder, struct arena *arena)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);

    for (int i = 0; i < count; i++) {
        char path[4096];
        struct err err = {0};
        struct trust_crl facts;
        struct bytes crl;

        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        if (strstr(entries[i]->d_name, ".crl")) {
            crl = read_file(path);
            if (trust_put_crl(trust, crl, arena, &err, &facts) != RC_OK)
                fprintf(stderr, "%s: %s: %s\n", path, err_entry(err.code)->name, err.detail);
            free((void *)crl.p);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static bool is_known(void *context, const struct document_signature *signer, bool last)
{
    char hex[65];

    (void)last;
    for (size_t i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", signer->certificate_sha256[i]);
    return strstr(context, hex) != NULL;
}

static void print_report(const char *path, enum rc rc, const struct err *err,
                         const struct document_report *report)
{
    printf("{\"file\":\"%s\",\"rc\":\"%s\"", path, rc_name(rc));
    if (rc != RC_OK) {
        printf(",\"error\":\"%s\"}\n", err_entry(err->code)->name);
        return;
    }
    printf(",\"verdict\":\"%s\",\"signatures\":%zu,\"codes\":[",
           document_verdict_name(report->verdict), report->signature_count);
    for (size_t i = 0; i < report->reason_count; i++)
        printf("%s\"%s\"", i ? "," : "", err_entry(report->reasons[i].code)->name);
    printf("],\"reasons\":[");
    for (size_t i = 0; i < report->reason_count; i++)
        printf("%s\"%u %s: %s\"", i ? "," : "", report->reasons[i].signature,
               err_entry(report->reasons[i].code)->name, report->reasons[i].detail);
    printf("],\"needs\":[");
    for (size_t i = 0; i < report->crl_need_count; i++)
        printf("%s\"%s\"", i ? "," : "", report->crl_needs[i].url);
    printf("],\"request\":\"");
    for (size_t i = 0; i < report->request_json.n; i++)
        printf("%02x", report->request_json.p[i]);
    printf("\"}\n");
}

static int judge(int argc, char **argv)
{
    struct document_gate *gate;
    struct trust *trust;
    struct err err = {0};
    struct arena *arena = arena_new((size_t)256 * 1024 * 1024);
    char *known = getenv("KNOWN");

    if (document_gate_new(limits(), &err, &gate) != RC_OK ||
        trust_new(argv[2], &err, &trust) != RC_OK) {
        fprintf(stderr, "%s\n", err.detail);
        return 2;
    }
    put_crls(trust, argv[3], arena);
    for (int i = 5; i < argc; i++) {
        struct document_question question = {.file = read_file(argv[i]),
                                             .at = atoll(argv[4]) * USEC_PER_SECOND,
                                             .signer_known = known ? is_known : NULL,
                                             .context = known};
        struct document_report report;
        enum rc rc = document_check(gate, trust, &question, arena, &err, &report);

        print_report(argv[i], rc, &err, &report);
        arena_reset(arena);
        free((void *)question.file.p);
    }
    document_gate_free(&gate);
    trust_free(&trust);
    arena_free(&arena);
    return 0;
}

static double cpu_seconds(int who)
{
    struct rusage use;

    getrusage(who, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static int bench(char **argv)
{
    struct document_gate *gate;
    struct trust *trust;
    struct err err = {0};
    struct arena *arena = arena_new((size_t)256 * 1024 * 1024);
    struct document_question question = {.file = read_file(argv[5])};
    int count = atoi(argv[4]);
    usec begin;
    double own;

    if (document_gate_new(limits(), &err, &gate) != RC_OK ||
        trust_new(argv[2], &err, &trust) != RC_OK)
        return 2;
    put_crls(trust, argv[3], arena);
    question.at = clock_now();
    begin = clock_monotonic();
    own = cpu_seconds(RUSAGE_SELF);
    for (int i = 0; i < count; i++) {
        struct document_report report;

        if (document_check(gate, trust, &question, arena, &err, &report) != RC_OK ||
            report.verdict != DOCUMENT_ACCEPTED)
            return 1;
        arena_reset(arena);
    }
    own = cpu_seconds(RUSAGE_SELF) - own;
    printf("%s: %d documents of %zu bytes: %.3f ms wall, ", argv[5], count, question.file.n,
           (double)(clock_monotonic() - begin) / 1e3 / count);
    document_gate_free(&gate);
    printf("%.3f ms CPU in the caller, %.3f ms in zygote and child\n", own * 1e3 / count,
           cpu_seconds(RUSAGE_CHILDREN) * 1e3 / count);
    trust_free(&trust);
    arena_free(&arena);
    free((void *)question.file.p);
    return 0;
}

/* --- unit tests: a document made and signed here, by OpenSSL's CMS_sign() --- */

#define ROOM 4096 /* of a signature, in hexadecimal digits */

struct fixture {
    struct maker maker;
    struct document_gate *gate;
    struct trust *trust;
    struct arena *arena;
    char file[16384];
    size_t size;
};

static size_t add_object(struct fixture *f, size_t *ret_offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static size_t add_object(struct fixture *f, size_t *ret_offset, const char *format, ...)
{
    va_list args;

    *ret_offset = f->size;
    va_start(args, format);
    f->size += (size_t)vsnprintf(f->file + f->size, sizeof(f->file) - f->size, format, args);
    va_end(args);
    return *ret_offset;
}

static void sign(struct fixture *f, size_t gap, size_t gap_end)
{
    BIO *in = BIO_new(BIO_s_mem());
    CMS_ContentInfo *cms;
    unsigned char *der = NULL;
    int size;

    BIO_write(in, f->file, (int)gap);
    BIO_write(in, f->file + gap_end, (int)(f->size - gap_end));
    cms = CMS_sign(f->maker.leaf, f->maker.leaf_key, NULL, in,
                   CMS_DETACHED | CMS_BINARY | CMS_NOSMIMECAP);
    size = i2d_CMS_ContentInfo(cms, &der);
    assert_true(size > 0 && 2 * size < ROOM);
    for (int i = 0; i < size; i++) {
        char hex[3];

        snprintf(hex, sizeof(hex), "%02x", der[i]);
        memcpy(f->file + gap + 1 + 2 * i, hex, 2);
    }
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
}

static void make_document(struct fixture *f)
{
    static const char request[] = "{\"version\":1}";
    size_t at[7] = {0}, xref, gap, numbers;
    char zeros[ROOM + 1], text[80];

    memset(zeros, '0', ROOM);
    zeros[ROOM] = 0;
    f->size = (size_t)snprintf(f->file, sizeof(f->file), "%%PDF-1.7\n");
    add_object(f, &at[1],
               "1 0 obj\n<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [5 0 R] /SigFlags 3 "
               ">> /Names << "
               "/EmbeddedFiles << /Names [(request.json) 3 0 R] >> >> >>\nendobj\n");
    add_object(f, &at[2], "2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\n");
    add_object(f, &at[3],
               "3 0 obj\n<< /Type /Filespec /F (request.json) /EF << /F 4 0 R >> >>\nendobj\n");
    add_object(f, &at[4], "4 0 obj\n<< /Length %zu >>\nstream\n%s\nendstream\nendobj\n",
               strlen(request), request);
    add_object(f, &at[5], "5 0 obj\n<< /FT /Sig /T (S) /V 6 0 R >>\nendobj\n");
    add_object(
        f, &at[6],
        "6 0 obj\n<< /Type /Sig /SubFilter /adbe.pkcs7.detached /ByteRange [%-50s] /Contents <%s> "
        ">>\nendobj\n",
        "", zeros);
    numbers = (size_t)((char *)memmem(f->file, f->size, "/ByteRange [", 12) - f->file) + 12;
    gap = (size_t)((char *)memmem(f->file, f->size, "/Contents <", 11) - f->file) + 10;
    add_object(f, &xref, "xref\n0 7\n0000000000 65535 f \n");
    for (size_t i = 1; i <= 6; i++)
        add_object(f, &at[0], "%010zu 00000 n \n", at[i]);
    add_object(f, &at[0], "trailer\n<< /Size 7 /Root 1 0 R >>\nstartxref\n%zu\n%%%%EOF\n", xref);
    snprintf(text, sizeof(text), "0 %zu %zu %zu", gap, gap + ROOM + 2, f->size - gap - ROOM - 2);
    memcpy(f->file + numbers, text, strlen(text));
    sign(f, gap, gap + ROOM + 2);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err err = {0};
    struct trust_crl facts;

    *state = f;
    f->arena = arena_new(64 * 1024 * 1024);
    if (document_gate_new(limits(), &err, &f->gate) != RC_OK)
        return -1;
    maker_init(&f->maker);
    if (trust_new(f->maker.folder, &err, &f->trust) != RC_OK)
        return -1;
    (void)!trust_put_crl(f->trust,
                         maker_crl(f->arena, f->maker.root, f->maker.root_key, 0, 0, -5, 30, false),
                         f->arena, &err, &facts);
    make_document(f);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    document_gate_free(&f->gate);
    trust_free(&f->trust);
    maker_done(&f->maker);
    arena_free(&f->arena);
    free(f);
    return 0;
}

static void put_crl(struct fixture *f, long revoked, long next_day)
{
    struct err err = {0};
    struct trust_crl facts;
    struct bytes crl =
        maker_crl(f->arena, f->maker.ca, f->maker.ca_key, revoked, -1, -1, next_day, false);

    assert_int_equal(trust_put_crl(f->trust, crl, f->arena, &err, &facts), RC_OK);
}

static struct document_report ask(struct fixture *f, const struct document_question *more)
{
    struct document_question question = more ? *more : (struct document_question){0};
    struct document_report report;
    struct err err = {0};

    question.file = bytes_of(f->file, f->size);
    question.at = (usec)MAKER_NOW * USEC_PER_SECOND;
    assert_int_equal(document_check(f->gate, f->trust, &question, f->arena, &err, &report), RC_OK);
    return report;
}

static void assert_refused(const struct document_report *report, Trien__Error code)
{
    assert_int_equal(report->verdict, DOCUMENT_REFUSED);
    assert_int_equal(report->reason_count, 1);
    assert_int_equal(report->reasons[0].code, code);
    assert_int_equal(report->request_json.n, 0);
}

static void test_accepted(void **state)
{
    struct fixture *f = *state;
    struct document_report report;

    put_crl(f, 0, 1);
    report = ask(f, NULL);
    for (size_t i = 0; i < report.reason_count; i++)
        print_error("%s: %s\n", err_entry(report.reasons[i].code)->name, report.reasons[i].detail);
    assert_int_equal(report.verdict, DOCUMENT_ACCEPTED);
    assert_int_equal(report.reason_count, 0);
    assert_int_equal(report.signature_count, 1);
    assert_string_equal(report.signatures[0].subject, "CN=TEST Seal,O=TEST");
    assert_string_equal(report.signatures[0].issuer, "CN=TEST CA,O=TEST");
    assert_string_equal(report.signatures[0].serial, "3");
    assert_string_equal(report.signatures[0].digest, "SHA256");
    assert_int_equal(report.signatures[0].covered_bytes, f->size);
    assert_int_equal(report.request_json.n, 13);
    assert_memory_equal(report.request_json.p, "{\"version\":1}", 13);
}

static void test_waits_for_the_list(void **state)
{
    struct fixture *f = *state;
    struct document_report report = ask(f, NULL);

    assert_int_equal(report.verdict, DOCUMENT_WAITS);
    assert_int_equal(report.reasons[0].code, TRIEN__ERROR__CRL_STALE);
    assert_int_equal(report.crl_need_count, 1);
    assert_string_equal(report.crl_needs[0].url, "http://127.0.0.1:9/ca.crl");
    put_crl(f, 3, 1);
    report = ask(f, NULL);
    assert_refused(&report, TRIEN__ERROR__SIGNER_REVOKED);
}

static bool knows_nobody(void *context, const struct document_signature *signer, bool last)
{
    int *asked = context;

    assert_true(last);
    assert_string_equal(signer->serial, "3");
    ++*asked;
    return false;
}

static void test_caller_decides(void **state)
{
    struct fixture *f = *state;
    int asked = 0;
    struct document_question question = {.signer_known = knows_nobody, .context = &asked};
    struct document_report report;

    put_crl(f, 0, 1);
    report = ask(f, &question);
    assert_refused(&report, TRIEN__ERROR__SIGNER_UNAUTHORISED);
    assert_int_equal(asked, 1);
}

static void test_announced_digest(void **state)
{
    struct fixture *f = *state;
    uint8_t digest[32];
    struct document_question question = {.expected_sha256 = digest};
    struct document_report report;

    put_crl(f, 0, 1);
    bytes_sha256(bytes_of(f->file, f->size), digest);
    assert_int_equal(ask(f, &question).verdict, DOCUMENT_ACCEPTED);
    digest[31] ^= 1;
    report = ask(f, &question);
    assert_refused(&report, TRIEN__ERROR__DIGEST_MISMATCH);
}

/* Any byte changed outside the signature's own digits is noticed; every 7th is tried. (Inside, a
 * CMS has numbers that nothing signs, its version for one.) */
static void test_every_byte_counts(void **state)
{
    struct fixture *f = *state;
    size_t gap = (size_t)((char *)memmem(f->file, f->size, "/Contents <", 11) - f->file) + 10;

    put_crl(f, 0, 1);
    for (size_t i = 0; i < f->size; i += 7) {
        char was = f->file[i];
        struct document_report report;

        if (i > gap && i <= gap + ROOM)
            continue;
        f->file[i] = (char)(was ^ 1);
        report = ask(f, NULL);
        assert_int_not_equal(report.verdict, DOCUMENT_WAITS);
        if (report.verdict == DOCUMENT_ACCEPTED)
            fail_msg("byte %zu ('%c') does not count", i, was);
        f->file[i] = was;
    }
}

static pid_t only_child_of(pid_t pid)
{
    char path[64], text[64] = "";
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    fclose(file);
    return (pid_t)strtol(text, NULL, 10);
}

/* A killed zygote costs a retry at most: its keeper makes another. Without the keeper every
 * document is a retry, until the process has ended and come again (svc.c). */
static void test_dead_zygote_is_a_retry(void **state)
{
    struct fixture *f = *state;
    struct document_question question = {.file = bytes_of(f->file, f->size),
                                         .at = (usec)MAKER_NOW * USEC_PER_SECOND};
    struct document_report report = {.verdict = DOCUMENT_REFUSED};
    struct err err = {0};
    pid_t keeper = only_child_of(getpid());
    siginfo_t ended;
    enum rc rc = RC_RETRY;

    put_crl(f, 0, 1);
    assert_int_equal(kill(only_child_of(keeper), SIGKILL), 0);
    for (int asked = 0; rc == RC_RETRY && asked < 3; asked++)
        rc = document_check(f->gate, f->trust, &question, f->arena, &err, &report);
    assert_int_equal(rc, RC_OK);
    assert_int_equal(report.verdict, DOCUMENT_ACCEPTED);
    assert_true(document_gate_alive(f->gate));
    assert_int_equal(kill(keeper, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)keeper, &ended, WEXITED | WNOWAIT), 0);
    /* The kernel takes the zygote along a moment later. */
    for (int waited = 0; document_gate_alive(f->gate) && waited < 5000; waited++)
        poll(NULL, 0, 1);
    assert_false(document_gate_alive(f->gate));
    assert_int_equal(document_check(f->gate, f->trust, &question, f->arena, &err, &report),
                     RC_RETRY);
    assert_int_equal(err.code, TRIEN__ERROR__INSPECTOR_UNAVAILABLE);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_accepted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_waits_for_the_list, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_caller_decides, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_announced_digest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_byte_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dead_zygote_is_a_retry, set_up, tear_down),
    };

    if (argc > 5 && strcmp(argv[1], "judge") == 0)
        return judge(argc, argv);
    if (argc == 6 && strcmp(argv[1], "bench") == 0)
        return bench(argv);
    return cmocka_run_group_tests_name("document", tests, NULL, NULL);
}
