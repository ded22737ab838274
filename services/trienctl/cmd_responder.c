/* trienctl responder: officers authorise the key of an OCSP responder. The first officer writes the
 * approval down and signs it, the second signs the very same bytes; each sees what it says before.
 * It signs nothing that it did not show and no key that status does not hold now. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/pb_bytes.h"
#include "common/x509.h"
#include "proto/signing.pb-c.h"
#include "proto/status.pb-c.h"
#include "services/trienctl/trienctl.h"

#define CALL_DEADLINE_MS 20000
#define APPROVAL_MAX_BYTES 8192
#define DEFAULT_DAYS 7            /* of each certificate */
#define DEFAULT_APPROVAL_DAYS 365 /* of the approval */

static const struct option long_options[] = {
    {"issuer", required_argument, NULL, 'i'},
    {"officer", required_argument, NULL, 'o'},
    {"key", required_argument, NULL, 'k'},
    {"csr", required_argument, NULL, 'c'},
    {"file", required_argument, NULL, 'f'},
    {"days", required_argument, NULL, 'd'},
    {"until", required_argument, NULL, 'u'},
    {"yes", no_argument, NULL, 'y'},
    {0},
};

struct responder_options {
    const char *issuer, *officer, *key_file;
    const char *csr_file; /* NULL: asked of status */
    const char *file;     /* the approval's bytes, shared by the officers */
    uint32_t days;
    usec expires_at;
    bool yes;
};

/* The request of the key that status holds now. */
static enum rc get_request(const struct responder_options *options, struct err *err,
                           struct bytes *ret_csr_der)
{
    Trien__GetResponderRequest ask = TRIEN__GET_RESPONDER_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;
    struct bytes file;

    if (options->csr_file) {
        TRY(ctl_read_file(options->csr_file, 2 * X509_MAX_DER_BYTES, err, &file));
        return x509_csr_decode(ctl_arena(), file, err, ret_csr_der);
    }
    TRY(ctl_call(options->officer, "status", &ask.base,
                 &trien__get_responder_request_reply__descriptor, CALL_DEADLINE_MS, err, &reply));
    *ret_csr_der = bytes_of_pb(((Trien__GetResponderRequestReply *)reply)->csr_der);
    return RC_OK;
}

static struct bytes subject_of(struct bytes csr_der)
{
    const unsigned char *p = csr_der.p;
    autoptr(X509_REQ) request = d2i_X509_REQ(NULL, &p, (long)csr_der.n);
    struct bytes none = {0};

    return request ? x509_der(ctl_arena(), X509_REQ_get_subject_name(request), i2d_X509_NAME)
                   : none;
}

/* A new approval, written down for the officer who comes next. */
static enum rc write_approval(const struct responder_options *options, const struct x509_csr *csr,
                              struct err *err, struct bytes *ret_approval)
{
    Trien__ResponderApproval approval = TRIEN__RESPONDER_APPROVAL__INIT;
    uint8_t *packed;

    approval.version = 1;
    approval.issuer = (char *)options->issuer;
    approval.key_sha256 = pb_of_bytes(bytes_of(csr->key_sha256, sizeof(csr->key_sha256)));
    approval.subject_der = pb_of_bytes(subject_of(csr->der));
    approval.validity_days = options->days;
    approval.expires_at = options->expires_at;
    packed = arena_alloc(ctl_arena(), trien__responder_approval__get_packed_size(&approval));
    *ret_approval = bytes_of(packed, trien__responder_approval__pack(&approval, packed));
    return ctl_write_file(options->file, 0640, *ret_approval, err);
}

static Trien__ResponderApproval *unpack(struct bytes approval)
{
    return trien__responder_approval__unpack(arena_allocator(ctl_arena()), approval.n, approval.p);
}

/* Still good for this key and issuer; else a new one is begun. */
static bool is_current(const struct responder_options *options, const struct x509_csr *csr,
                       struct bytes approval)
{
    const Trien__ResponderApproval *said = unpack(approval);

    return said && !strcmp(said->issuer, options->issuer) && said->expires_at > clock_now() &&
           bytes_equal(bytes_of_pb(said->key_sha256), bytes_of(csr->key_sha256, 32));
}

static enum rc get_approval(const struct responder_options *options, const struct x509_csr *csr,
                            struct err *err, struct bytes *ret_approval)
{
    if (access(options->file, F_OK) == 0) {
        TRY(ctl_read_file(options->file, APPROVAL_MAX_BYTES, err, ret_approval));
        if (is_current(options, csr, *ret_approval))
            return RC_OK;
    }
    return write_approval(options, csr, err, ret_approval);
}

static void show_approval(FILE *out, const Trien__ResponderApproval *approval)
{
    const char *subject = x509_name_text(ctl_arena(), bytes_of_pb(approval->subject_der));

    fprintf(out, "OCSP responder for %s\n", approval->issuer);
    fprintf(out, "  subject      %s\n", subject ? subject : "(unreadable)");
    fprintf(out, "  key SHA-256  %s\n",
            bytes_to_hex(ctl_arena(), bytes_of_pb(approval->key_sha256)));
    fprintf(out, "  each certificate lives %u days; none is made after %s\n",
            approval->validity_days, clock_utc_text(ctl_arena(), approval->expires_at));
}

static enum rc submit(const struct responder_options *options, struct bytes approval,
                      struct bytes csr_der, struct err *err,
                      Trien__ApproveResponderReply **ret_reply)
{
    Trien__ApproveResponder call = TRIEN__APPROVE_RESPONDER__INIT;
    Trien__KeySignature signature = TRIEN__KEY_SIGNATURE__INIT;
    ProtobufCMessage *reply = NULL;

    TRY(ctl_sign(options->key_file, approval, err, &signature));
    call.approval = pb_of_bytes(approval);
    call.officer = &signature;
    call.csr_der = pb_of_bytes(csr_der);
    TRY(ctl_call(options->officer, "signing", &call.base,
                 &trien__approve_responder_reply__descriptor, CALL_DEADLINE_MS, err, &reply));
    *ret_reply = (Trien__ApproveResponderReply *)reply;
    return RC_OK;
}

static void print_result(const struct responder_options *options,
                         const Trien__ResponderApproval *approval,
                         const Trien__ApproveResponderReply *reply)
{
    if (ctl_json()) {
        autoptr(json_t) document = json_pack(
            "{s:s, s:s, s:s, s:i, s:i}", "issuer", approval->issuer, "officer", options->officer,
            "key_sha256", bytes_to_hex(ctl_arena(), bytes_of_pb(approval->key_sha256)), "approvals",
            (int)reply->approvals, "needed", (int)reply->needed);
        ctl_print_json(document);
        return;
    }
    printf("approved by %s: %u of %u\n", options->officer, reply->approvals, reply->needed);
    if (reply->approvals < reply->needed)
        printf("another officer runs: trienctl responder approve --officer NAME --file %s\n",
               options->file);
}

static int approve(const struct responder_options *options)
{
    Trien__ApproveResponderReply *reply = NULL;
    const Trien__ResponderApproval *said;
    struct bytes csr_der, approval;
    struct x509_csr csr;
    struct err err = {0};

    if (get_request(options, &err, &csr_der) != RC_OK ||
        x509_csr_check(ctl_arena(), csr_der, &err, &csr) != RC_OK ||
        get_approval(options, &csr, &err, &approval) != RC_OK)
        return ctl_failed(&err);
    said = unpack(approval);
    show_approval(ctl_json() ? stderr : stdout, said);
    if (!ctl_confirms(options->yes, "approve this key?"))
        return 1;
    if (submit(options, approval, csr_der, &err, &reply) != RC_OK)
        return ctl_failed(&err);
    print_result(options, said, reply);
    return 0;
}

static bool take_days(const char *text, struct responder_options *options)
{
    char *end;
    unsigned long days = strtoul(text, &end, 10);

    options->days = (uint32_t)days;
    return !*end && days >= 1 && days <= 31;
}

static bool take_until(const char *text, struct responder_options *options)
{
    civil_day day;

    if (!clock_parse_day(text, &day))
        return false;
    options->expires_at = clock_day_start(day + 1);
    return true;
}

static bool take_option(struct responder_options *options, int option)
{
    switch (option) {
    case 'i':
        options->issuer = optarg;
        return true;
    case 'o':
        options->officer = optarg;
        return true;
    case 'k':
        options->key_file = optarg;
        return true;
    case 'c':
        options->csr_file = optarg;
        return true;
    case 'f':
        options->file = optarg;
        return true;
    case 'd':
        return take_days(optarg, options);
    case 'u':
        return take_until(optarg, options);
    case 'y':
        options->yes = true;
        return true;
    default:
        return false;
    }
}

int cmd_responder(int argc, char **argv)
{
    struct responder_options options = {.issuer = "issuing1", .days = DEFAULT_DAYS};

    options.expires_at = clock_day_start(clock_civil_day(clock_now()) + DEFAULT_APPROVAL_DAYS + 1);
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;)
        if (!take_option(&options, option))
            return ctl_misuse("responder", "unknown option or bad value");
    if (optind + 1 != argc || strcmp(argv[optind], "approve") != 0 || !options.officer)
        return ctl_misuse("responder", "approve needs --officer");
    if (!options.key_file)
        options.key_file = ctl_path("keys/%s.key", options.officer);
    if (!options.file)
        options.file = ctl_path("data/responder-%s.approval", options.issuer);
    return approve(&options);
}
