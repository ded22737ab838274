/* trienctl ceremony: makes the root and the issuing authority from one reviewed file, and writes
 * down what happened. The root key lies in a token of its own that no service opens; the issuing
 * key is made in the signer's token and leaves it only as a signing request. Refuses to overwrite
 * anything: a key, a certificate, a list. */
#include <errno.h>
#include <getopt.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/x509.h"
#include "services/trienctl/ceremony.h"
#include "services/trienctl/trienctl.h"

struct ceremony {
    struct ceremony_plan plan;
    struct transcript *transcript;
    const char *transcript_path;
    X509 *root, *issuing;
    X509_CRL *crl;
    X509_REQ *request;
};

/* --- what is there already
 * ------------------------------------------------------------------------- */

static const char *output(const struct ceremony *c, const char *id, const char *ending)
{
    return arena_printf(ctl_arena(), "%s/%s%s", c->plan.output, id, ending);
}

static enum rc refuse_to_overwrite(const struct ceremony *c, struct err *err)
{
    const char *const files[] = {
        output(c, c->plan.root.id, ".cer"),    output(c, c->plan.root.id, ".pem"),
        output(c, c->plan.root.id, ".crl"),    output(c, c->plan.issuing.id, ".cer"),
        output(c, c->plan.issuing.id, ".pem"),
    };

    for (size_t i = 0; i < COUNT_OF(files); i++)
        CHECK(access(files[i], F_OK) != 0, err, TRIEN__ERROR__ALREADY_EXISTS,
              "%s is there already; a ceremony never overwrites", files[i]);
    return RC_OK;
}

/* --- steps
 * ----------------------------------------------------------------------------------------- */

static const char *hex(struct bytes in)
{
    return bytes_to_hex(ctl_arena(), in);
}

static const char *sha256(struct bytes in)
{
    uint8_t digest[32];

    bytes_sha256(in, digest);
    return hex(bytes_of(digest, sizeof(digest)));
}

static enum rc begin(struct ceremony *c, struct err *err)
{
    const struct ceremony_plan *plan = &c->plan;
    struct utsname host;

    uname(&host);
    transcript_say(c->transcript, "BIÊN BẢN LỄ TẠO KHÓA · KEY CEREMONY TRANSCRIPT\n%s\n%s",
                   plan->title, plan->place);
    transcript_step(c->transcript, clock_now(), "Thành phần tham gia và kịch bản đã duyệt",
                    "Participants and the reviewed file");
    for (const struct conf_node *p = plan->participants->child; p; p = p->next)
        transcript_say(c->transcript, "  %s: %s", p->name, p->value);
    transcript_say(c->transcript,
                   "  host: %s, %s %s\n  OpenSSL: %s\n  PKCS#11 module: %s\n  file: %s\n  SHA-256 "
                   "of the file: %s",
                   host.nodename, host.sysname, host.release, OpenSSL_version(OPENSSL_VERSION),
                   plan->module, plan->path, hex(bytes_of(plan->sha256, 32)));
    return transcript_seal(c->transcript, err);
}

static enum rc open_token(const struct ceremony *c, const struct ceremony_authority *authority,
                          struct err *err, struct p11 **ret_token)
{
    struct p11_config config = {.module_path = c->plan.module,
                                .token_label = authority->token_label,
                                .pin_path = authority->token_pin,
                                .softhsm_config = authority->softhsm_config,
                                .writable = true};

    return p11_open(&config, err, ret_token);
}

static enum rc note_key(struct ceremony *c, const struct ceremony_authority *authority,
                        struct p11 *token, struct p11_key *key, struct err *err)
{
    struct p11_key_facts facts;
    struct bytes spki = x509_der(ctl_arena(), p11_key_public(key), i2d_PUBKEY);

    TRY(p11_read_key_facts(token, authority->id, err, &facts));
    CHECK(facts.sensitive && facts.never_extractable && facts.local, err,
          TRIEN__ERROR__TOKEN_REFUSED, "the token says that the key %s could leave it",
          authority->id);
    transcript_say(
        c->transcript,
        "  token: %s\n  key label: %s, kind: %s\n  sensitive, never extractable, made "
        "inside the token: yes\n  may sign: %s, may decrypt: %s\n  SHA-256 of the public "
        "key: %s",
        authority->token_label, authority->id, p11_key_kind(key), facts.sign ? "yes" : "no",
        facts.decrypt ? "yes" : "no", sha256(spki));
    return RC_OK;
}

static enum rc make_root(struct ceremony *c, struct err *err)
{
    autoptr(p11_t) token = NULL;
    struct p11_key *key = NULL;
    usec now = clock_now();

    transcript_step(c->transcript, now, "Tạo cặp khóa gốc và chứng thư gốc tự ký",
                    "Root key pair and self-signed root certificate");
    TRY(open_token(c, &c->plan.root, err, &token));
    TRY(p11_generate_key(token, c->plan.root.id, c->plan.root.key_kind, err, &key));
    TRY(note_key(c, &c->plan.root, token, key, err));
    TRY(ceremony_root(&c->plan, key, now, err, &c->root));
    TRY(p11_put_certificate(token, c->plan.root.id, x509_der(ctl_arena(), c->root, i2d_X509), err));
    transcript_certificate(c->transcript, c->root);
    return transcript_seal(c->transcript, err);
}

static enum rc make_request(struct ceremony *c, struct err *err)
{
    autoptr(p11_t) token = NULL;
    struct p11_key *key = NULL;

    transcript_step(
        c->transcript, clock_now(),
        "Tạo cặp khóa của cơ quan cấp chứng thư trong thiết bị của máy ký, và yêu cầu ký",
        "Issuing key pair in the signer's token, and its signing request");
    TRY(open_token(c, &c->plan.issuing, err, &token));
    TRY(p11_generate_key(token, c->plan.issuing.id, c->plan.issuing.key_kind, err, &key));
    TRY(note_key(c, &c->plan.issuing, token, key, err));
    TRY(ceremony_request(&c->plan, key, err, &c->request));
    transcript_request(c->transcript, c->request);
    return transcript_seal(c->transcript, err);
}

static enum rc make_issuing(struct ceremony *c, struct err *err)
{
    autoptr(p11_t) token = NULL;
    struct p11_key *key = NULL;
    usec now = clock_now();

    transcript_step(c->transcript, now,
                    "Khóa gốc ký chứng thư của cơ quan cấp chứng thư và danh sách thu hồi đầu tiên",
                    "The root signs the issuing certificate and its first list of revoked "
                    "authorities");
    TRY(open_token(c, &c->plan.root, err, &token));
    TRY(p11_find_key(token, c->plan.root.id, err, &key));
    CHECK(key, err, TRIEN__ERROR__TOKEN_UNAVAILABLE, "the root key is gone");
    TRY(ceremony_issuing(&c->plan, c->root, key, c->request, now, err, &c->issuing));
    TRY(ceremony_crl(&c->plan, c->root, key, now, err, &c->crl));
    transcript_certificate(c->transcript, c->issuing);
    transcript_crl(c->transcript, c->crl);
    return transcript_seal(c->transcript, err);
}

static enum rc put_issuing(struct ceremony *c, struct err *err)
{
    autoptr(p11_t) token = NULL;

    TRY(open_token(c, &c->plan.issuing, err, &token));
    return p11_put_certificate(token, c->plan.issuing.id,
                               x509_der(ctl_arena(), c->issuing, i2d_X509), err);
}

/* --- files
 * ----------------------------------------------------------------------------------------- */

static enum rc write_one(struct ceremony *c, const char *path, struct bytes content,
                         struct err *err)
{
    TRY(ctl_write_file(path, 0644, content, err));
    transcript_say(c->transcript, "  %s  SHA-256 %s", path, sha256(content));
    return RC_OK;
}

static enum rc write_certificate(struct ceremony *c, const char *id, X509 *cert, struct err *err)
{
    autoptr(BIO) memory = BIO_new(BIO_s_mem());
    char *text = NULL;
    long length;

    CHECK(memory && PEM_write_bio_X509(memory, cert) == 1, err, TRIEN__ERROR__INTERNAL,
          "certificate in PEM");
    length = BIO_get_mem_data(memory, &text);
    TRY(write_one(c, output(c, id, ".cer"), x509_der(ctl_arena(), cert, i2d_X509), err));
    return write_one(c, output(c, id, ".pem"), bytes_of(text, (size_t)length), err);
}

static enum rc check_and_write(struct ceremony *c, struct err *err)
{
    transcript_step(c->transcript, clock_now(), "Kiểm tra chuỗi chứng thư và ghi kết quả",
                    "Check of the chain, and the results");
    TRY(ceremony_verify(c->root, c->issuing, c->crl, clock_now(), err));
    transcript_say(c->transcript, "  chain and list verify (strict)");
    TRY(put_issuing(c, err));
    TRY(write_certificate(c, c->plan.root.id, c->root, err));
    TRY(write_certificate(c, c->plan.issuing.id, c->issuing, err));
    TRY(write_one(c, output(c, c->plan.root.id, ".crl"),
                  x509_der(ctl_arena(), c->crl, i2d_X509_CRL), err));
    return transcript_seal(c->transcript, err);
}

static enum rc finish(struct ceremony *c, struct err *err)
{
    transcript_step(c->transcript, clock_now(),
                    "Kết thúc. Các thành viên ký xác nhận:", "End. The participants sign:");
    for (const struct conf_node *p = c->plan.participants->child; p; p = p->next)
        transcript_say(c->transcript, "\n  %s: %s  ________________________", p->name, p->value);
    return transcript_seal(c->transcript, err);
}

static enum rc hold(struct ceremony *c, struct err *err)
{
    TRY(begin(c, err));
    TRY(make_root(c, err));
    TRY(make_request(c, err));
    TRY(make_issuing(c, err));
    TRY(check_and_write(c, err));
    return finish(c, err);
}

/* --- the command
 * ----------------------------------------------------------------------------------- */

static enum rc prepare(struct ceremony *c, const char *path, struct err *err)
{
    char when[32];
    time_t now = (time_t)(clock_now() / USEC_PER_SECOND);
    struct tm parts;

    TRY(ceremony_plan_read(path, ctl_arena(), err, &c->plan));
    CHECK(mkdir(c->plan.output, 0755) == 0 || errno == EEXIST, err, TRIEN__ERROR__KEY_FILE,
          "%s: %s", c->plan.output, strerror(errno));
    TRY(refuse_to_overwrite(c, err));
    gmtime_r(&now, &parts);
    strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &parts);
    c->transcript_path = arena_printf(ctl_arena(), "%s/ceremony-%s-%s.txt", c->plan.output,
                                      c->plan.issuing.id, when);
    return transcript_open(c->transcript_path, ctl_arena(), err, &c->transcript);
}

static void report(const struct ceremony *c)
{
    if (ctl_json()) {
        json_t *document =
            json_pack("{s:s, s:s, s:s, s:s, s:s}", "root", output(c, c->plan.root.id, ".pem"),
                      "issuing", output(c, c->plan.issuing.id, ".pem"), "crl",
                      output(c, c->plan.root.id, ".crl"), "transcript", c->transcript_path,
                      "transcript_sha256", transcript_digest(c->transcript));
        ctl_print_json(document);
        json_decref(document);
        return;
    }
    printf("%s, %s: in %s\ntranscript: %s\n  last seal %s\n", c->plan.root.id, c->plan.issuing.id,
           c->plan.output, c->transcript_path, transcript_digest(c->transcript));
}

static void release(struct ceremony *c)
{
    X509_free(c->root);
    X509_free(c->issuing);
    X509_CRL_free(c->crl);
    X509_REQ_free(c->request);
}

int cmd_ceremony(int argc, char **argv)
{
    struct ceremony c = {0};
    struct err err = {0}, ignored = {0};
    enum rc rc;

    if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
        return ctl_misuse("ceremony", "one reviewed file at most");
    rc = prepare(&c, argc == 2 ? argv[1] : ctl_path("etc/ceremony.conf"), &err);
    if (rc != RC_OK)
        return ctl_failed(&err);
    rc = hold(&c, &err);
    if (rc == RC_OK)
        report(&c);
    else {
        transcript_say(c.transcript, "\nKHÔNG THÀNH · FAILED: %s", err.detail);
        if (transcript_seal(c.transcript, &ignored) != RC_OK)
            fprintf(stderr, "trienctl ceremony: %s\n", ignored.detail);
    }
    release(&c);
    return rc == RC_OK ? 0 : ctl_failed(&err);
}
