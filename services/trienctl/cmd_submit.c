/* trienctl submit: posts a signed document to the portal API, as a portal would. */
#include "services/trienctl/trienctl.h"

#include <getopt.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "common/fetch.h"

#define POST_LIMIT_BYTES ((size_t)20 * 1024 * 1024)
#define MAX_FILES 51

/* What is posted; files[0] is the document. */
struct submission {
    const char *files[MAX_FILES];
    size_t count;
    const char *token_file, *key;
    struct bytes contents[MAX_FILES];
    char boundary[40];
};

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static enum rc read_files(struct submission *s, struct err *err)
{
    uint8_t random[16];
    CHECK(RAND_bytes(random, sizeof(random)) == 1, err, TRIEN__ERROR__INTERNAL, "no random bytes");
    snprintf(s->boundary, sizeof(s->boundary), "%s",
             bytes_to_hex(ctl_arena(), bytes_of(random, sizeof(random))));
    for (size_t i = 0; i < s->count; i++)
        TRY(ctl_read_file(s->files[i], POST_LIMIT_BYTES, err, &s->contents[i]));
    return RC_OK;
}

/* multipart/form-data of the files (RFC 7578). */
static struct bytes build_body(const struct submission *s)
{
    size_t size = 0, at = 0;
    for (size_t i = 0; i < s->count; i++)
        size += s->contents[i].n + strlen(s->files[i]) + 256;
    char *body = arena_alloc(ctl_arena(), size + 64);
    for (size_t i = 0; i < s->count; i++) {
        at += (size_t)sprintf(body + at,
                              "--%s\r\nContent-Disposition: form-data; name=\"%s\"; "
                              "filename=\"%s\"\r\nContent-Type: application/pdf\r\n\r\n",
                              s->boundary, i == 0 ? "document" : "attachment",
                              file_name(s->files[i]));
        memcpy(body + at, s->contents[i].p, s->contents[i].n);
        at += s->contents[i].n;
        at += (size_t)sprintf(body + at, "\r\n");
    }
    at += (size_t)sprintf(body + at, "--%s--\r\n", s->boundary);
    return bytes_of(body, at);
}

static enum rc post(struct submission *s, struct err *err, int *ret_status, struct bytes *ret_body)
{
    struct bytes token;
    const char *token_file = s->token_file ? s->token_file : ctl_path("keys/portal.token");
    TRY(ctl_read_file(token_file, 600, err, &token));
    TRY(read_files(s, err));
    int token_length = (int)strcspn((const char *)token.p, "\r\n");
    struct fetch_request request = {
        .method = "POST",
        .url = ctl_url("http", 0, "/v1/requests"),
        .headers = {arena_printf(ctl_arena(), "Authorization: Bearer %.*s", token_length,
                                 (const char *)token.p),
                    arena_printf(ctl_arena(), "Content-Type: multipart/form-data; boundary=%s",
                                 s->boundary)},
        .body = build_body(s),
        .timeout_ms = 60000,
        .max_bytes = 1024 * 1024,
    };
    if (s->key)
        request.headers[2] = arena_printf(ctl_arena(), "Idempotency-Key: %s", s->key);
    return fetch_http(&request, ctl_arena(), err, ret_status, ret_body);
}

static int show_answer(int status, struct bytes body)
{
    autoptr(json_t) answer = json_loadb((const char *)body.p, body.n, 0, NULL);
    if (ctl_json() && answer)
        ctl_print_json(answer);
    if (status != 202) {
        fprintf(stderr, "trienctl: refused with %d: %.*s\n", status, (int)body.n,
                (const char *)body.p);
        return status >= 500 ? 69 : 1;
    }
    if (!ctl_json())
        printf("%s %s\n", json_string_value(json_object_get(answer, "receipt_number")),
               json_string_value(json_object_get(answer, "request_id")));
    return 0;
}

int cmd_submit(int argc, char **argv)
{
    static const struct option options[] = {{"attach", required_argument, NULL, 'a'},
                                            {"token-file", required_argument, NULL, 't'},
                                            {"key", required_argument, NULL, 'k'},
                                            {0}};
    struct submission s = {.count = 1};
    struct err err = {0};
    int status = 0;
    struct bytes body;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'a' && s.count < MAX_FILES)
            s.files[s.count++] = optarg;
        else if (option == 't')
            s.token_file = optarg;
        else if (option == 'k')
            s.key = optarg;
        else
            return ctl_misuse("submit", "unknown option or too many attachments");
    }
    if (optind + 1 != argc)
        return ctl_misuse("submit", "one document");
    s.files[0] = argv[optind];
    if (post(&s, &err, &status, &body) != RC_OK)
        return ctl_failed(&err);
    return show_answer(status, body);
}
