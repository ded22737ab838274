/* The smallest service with a database and a door: POST /post inserts its body in one statement,
 * GET /static answers from memory. It measures what the frame itself costs (bench_http.py).
 *
 *     post-service --make-keys SECRET_FILE PUBLIC_FILE        once, before the first start */
#include <stdio.h>

#include "common/bus.h"
#include "common/svc.h"

static const struct db_statement statements[] = {
    {"insert_post",
     "INSERT INTO post (at, body) VALUES ($1, $2)",
     2,
     0,
     {DB_TIMESTAMPTZ, DB_BYTEA},
     {}},
    {0},
};
#define stmt_insert_post statements[0]

static enum rc on_post(struct tx *tx, const struct http_request *request,
                       struct http_response *response)
{
    TRY(DB_PUSH(tx, insert_post, db_time(tx->now), db_bytea(request->body)));
    http_json(response, 202, "{}");
    return RC_OK;
}

static enum rc on_static(struct tx *tx, const struct http_request *request,
                         struct http_response *response)
{
    static const uint8_t answer[1500];

    (void)tx;
    (void)request;
    response->content_type = "application/octet-stream";
    response->body = bytes_of(answer, sizeof(answer));
    return RC_OK;
}

static const struct http_route routes[] = {
    {.method = "POST", .path = "/post", .fn = on_post, .max_body_bytes = (size_t)1 << 20},
    {.method = "GET", .path = "/static", .fn = on_static, .no_transaction = true},
    {0},
};

static const struct svc_part *const parts[] = {&svc_part_database, &svc_part_http, NULL};

static const struct service service = {
    .name = "bench",
    .sentence = "Takes posts, to measure the frame.",
    .number = 9,
    .parts = parts,
    .statements = statements,
    .routes = routes,
};

int main(int argc, char **argv)
{
    struct err err = {0};

    if (argc == 4 && !strcmp(argv[1], "--make-keys")) {
        if (bus_make_keys(argv[2], argv[3], &err) == RC_OK)
            return 0;
        fprintf(stderr, "%s\n", err.detail);
        return 1;
    }
    return svc_main(&service, argc, argv);
}
