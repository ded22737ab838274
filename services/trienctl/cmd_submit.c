/* trienctl submit: posts a signed document as a portal would, over HTTP or (--bus) over the bus. */
#include "services/trienctl/submit.h"

#include <getopt.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "common/fetch.h"

const char *submit_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* --- over HTTP --- */

/* multipart/form-data of the files (RFC 7578). */
static struct bytes build_body(const struct submission *s, const char *boundary)
{
    size_t size = 0, at = 0;
    for (size_t i = 0; i < s->count; i++)
        size += s->contents[i].n + strlen(s->files[i]) + 256;
    char *body = arena_alloc(ctl_arena(), size + 64);
    for (size_t i = 0; i < s->count; i++) {
        at += (size_t)sprintf(body + at,
                              "--%s\r\nContent-Disposition: form-data; name=\"%s\"; "
                              "filename=\"%s\"\r\nContent-Type: application/pdf\r\n\r\n",
                              boundary, i == 0 ? "document" : "attachment",
                              submit_file_name(s->files[i]));
        memcpy(body + at, s->contents[i].p, s->contents[i].n);
        at += s->contents[i].n;
        at += (size_t)sprintf(body + at, "\r\n");
    }
    at += (size_t)sprintf(body + at, "--%s--\r\n", boundary);
    return bytes_of(body, at);
}

static enum rc post(const struct submission *s, struct err *err, int *ret_status,
                    struct bytes *ret_body)
{
    uint8_t random[16];
    CHECK(RAND_bytes(random, sizeof(random)) == 1, err, TRIEN__ERROR__INTERNAL, "no random bytes");
    const char *boundary = bytes_to_hex(ctl_arena(), bytes_of(random, sizeof(random)));
    struct fetch_request request = {
        .method = "POST",
        .url = ctl_url("intake", "/v1/requests"),
        .headers = {arena_printf(ctl_arena(), "Authorization: Bearer %s", s->token),
                    arena_printf(ctl_arena(), "Content-Type: multipart/form-data; boundary=%s",
                                 boundary)},
        .body = build_body(s, boundary),
        .timeout_ms = 60000,
        .max_bytes = 1024 * 1024,
    };
    if (s->key)
        request.headers[2] = arena_printf(ctl_arena(), "Idempotency-Key: %s", s->key);
    return fetch_http(&request, ctl_arena(), err, ret_status, ret_body);
}

/* --- what was answered --- */

static int show_receipt(json_t *receipt)
{
    ctl_show(json_incref(receipt), "%s %s\n",
             json_string_value(json_object_get(receipt, "receipt_number")),
             json_string_value(json_object_get(receipt, "request_id")));
    return 0;
}

static int submit_by_http(const struct submission *s)
{
    struct err err = {0};
    struct bytes body;
    int status = 0;
    if (post(s, &err, &status, &body) != RC_OK)
        return ctl_failed(&err);
    autoptr(json_t) answer = json_loadb((const char *)body.p, body.n, 0, NULL);
    if (status == 202)
        return show_receipt(answer);
    if (answer)
        ctl_show_rows(answer);
    fprintf(stderr, "trienctl: refused with %d: %.*s\n", status, (int)body.n, (const char *)body.p);
    return status >= 500 ? 69 : 1;
}

static int submit_over_bus(struct submission *s)
{
    struct err err = {0};
    autoptr(json_t) receipt = NULL;
    uint8_t digest[32];
    bytes_sha256(s->contents[0], digest);
    if (!s->key) /* pieces need one; the same document has the same */
        s->key = bytes_to_hex(ctl_arena(), bytes_of(digest, sizeof(digest)));
    if (submit_by_bus(s, &err, &receipt) != RC_OK)
        return ctl_failed(&err);
    return show_receipt(receipt);
}

/* --- the command --- */

static enum rc read_files(struct submission *s, const char *token_file, struct err *err)
{
    struct bytes token;
    TRY(ctl_read_file(token_file, 600, err, &token));
    const char *text = (const char *)token.p;
    s->token = arena_strndup(ctl_arena(), text, strcspn(text, "\r\n"));
    for (size_t i = 0; i < s->count; i++)
        TRY(ctl_read_file(s->files[i], SUBMIT_MAX_BYTES, err, &s->contents[i]));
    return RC_OK;
}

int cmd_submit(int argc, char **argv)
{
    static const struct option options[] = {{"attach", required_argument, NULL, 'a'},
                                            {"token-file", required_argument, NULL, 't'},
                                            {"key", required_argument, NULL, 'k'},
                                            {"bus", no_argument, NULL, 'b'},
                                            {0}};
    struct submission s = {.count = 1};
    const char *token_file = NULL;
    struct err err = {0};
    bool by_bus = false;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'a' && s.count < SUBMIT_MAX_FILES)
            s.files[s.count++] = optarg;
        else if (option == 't')
            token_file = optarg;
        else if (option == 'k')
            s.key = optarg;
        else if (option == 'b')
            by_bus = true;
        else
            return ctl_misuse("submit", "unknown option or too many attachments");
    }
    if (optind + 1 != argc)
        return ctl_misuse("submit", "one document");
    s.files[0] = argv[optind];
    if (read_files(&s, token_file ? token_file : ctl_path("keys/portal.token"), &err) != RC_OK)
        return ctl_failed(&err);
    return by_bus ? submit_over_bus(&s) : submit_by_http(&s);
}
