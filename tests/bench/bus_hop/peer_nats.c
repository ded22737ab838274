/* NATS JetStream (stream on disk) behind the same transactional outbox: a relay that empties the
 * outbox and waits for every acknowledgement, and a consumer that writes and acknowledges in
 * batches. The broker acknowledges what it has written but not synced: a promise less than the
 * others'.
 *
 *     hop-peer-nats declare|relay|consume CONNINFO PORT TIMES
 *
 * `declare` makes the stream, before the other two are started.
 * `consume` prints "number microseconds" after each commit when TIMES is 1.
 */
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bus_hop/peer.h"

#define BATCH 256
#define PREFETCH 256
#define IDLE_MS 3
#define NUMBER_SIZE 20 /* before the payload: the event's number as text, padded */

static void must(natsStatus status, const char *what)
{
    if (status == NATS_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(status));
    exit(1);
}

static jsCtx *open_broker(const char *port)
{
    natsConnection *connection = NULL;
    jsCtx *stream = NULL;
    char url[64];

    snprintf(url, sizeof(url), "nats://127.0.0.1:%s", port);
    must(natsConnection_ConnectTo(&connection, url), url);
    must(natsConnection_JetStream(&stream, connection, NULL), "JetStream");
    return stream;
}

static void declare_stream(jsCtx *stream)
{
    const char *subjects[] = {"hop"};
    jsStreamConfig config;
    jsErrCode code = 0;

    jsStreamConfig_Init(&config);
    config.Name = "HOP";
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    config.Retention = js_WorkQueuePolicy; /* as a queue: acknowledged messages leave */
    must(js_AddStream(NULL, stream, &config, NULL, &code), "stream");
}

/* --- relay -------------------------------------------------------------------------------------
 */

static void publish(jsCtx *stream, const PGresult *rows, int row)
{
    static char message[NUMBER_SIZE + 65536];
    int length = PQgetlength(rows, row, 1);

    snprintf(message, NUMBER_SIZE, "%s", PQgetvalue(rows, row, 0));
    memcpy(message + NUMBER_SIZE, PQgetvalue(rows, row, 1), (size_t)length);
    must(js_PublishAsync(stream, "hop", message, NUMBER_SIZE + length, NULL), "publish");
}

static void wait_acknowledged(jsCtx *stream)
{
    natsMsgList refused = {0};

    must(js_PublishAsyncComplete(stream, NULL), "acknowledgements");
    if (js_PublishAsyncGetPendingList(&refused, stream) == NATS_OK)
        must(NATS_ERR, "a message was refused");
}

static void relay(PGconn *conn, jsCtx *stream)
{
    for (;;) {
        PGresult *rows = peer_outbox_begin(conn);
        int n = PQntuples(rows);

        for (int i = 0; i < n; i++)
            publish(stream, rows, i);
        if (n)
            wait_acknowledged(stream);
        peer_outbox_end(conn, n > 0);
        PQclear(rows);
        if (!n)
            peer_pause_ms(IDLE_MS);
    }
}

/* --- consumer ----------------------------------------------------------------------------------
 */

static natsSubscription *subscribe(jsCtx *stream)
{
    natsSubscription *subscription = NULL;
    jsSubOptions options;
    jsErrCode code = 0;

    jsSubOptions_Init(&options);
    options.ManualAck = true;
    options.Config.AckPolicy = js_AckExplicit;
    options.Config.MaxAckPending = PREFETCH;
    options.Config.Durable = "reader";
    must(js_SubscribeSync(&subscription, stream, "hop", NULL, &options, &code), "subscribe");
    return subscription;
}

static void write_batch(PGconn *conn, struct peer_rows *rows, natsMsg **messages, bool times)
{
    size_t n = rows->count;

    peer_rows_write(conn, rows, NULL);
    for (size_t i = 0; i < n; i++) {
        if (times)
            printf("%lld %lld\n", atoll(natsMsg_GetData(messages[i])), (long long)peer_now_us());
        must(natsMsg_Ack(messages[i], NULL), "ack");
        natsMsg_Destroy(messages[i]);
    }
    if (times)
        fflush(stdout);
}

static void consume(PGconn *conn, jsCtx *stream, bool times)
{
    natsSubscription *subscription = subscribe(stream);
    natsMsg *messages[BATCH];
    struct peer_rows rows = {0};

    for (;;) {
        natsStatus status =
            natsSubscription_NextMsg(&messages[rows.count], subscription, rows.count ? 0 : 1000);

        if (status == NATS_OK) {
            natsMsg *message = messages[rows.count];
            peer_rows_add(&rows, atoll(natsMsg_GetData(message)),
                          natsMsg_GetData(message) + NUMBER_SIZE,
                          (size_t)natsMsg_GetDataLength(message) - NUMBER_SIZE);
            if (rows.count < BATCH / 2)
                continue;
        } else if (status != NATS_TIMEOUT) {
            must(status, "next message");
        }
        if (rows.count)
            write_batch(conn, &rows, messages, times);
    }
}

int main(int argc, char **argv)
{
    PGconn *conn;
    jsCtx *stream;

    if (argc != 5)
        return 64;
    stream = open_broker(argv[3]);
    if (!strcmp(argv[1], "declare")) {
        declare_stream(stream);
        return 0;
    }
    conn = peer_connect(argv[2]);
    if (!strcmp(argv[1], "relay"))
        relay(conn, stream);
    else
        consume(conn, stream, !strcmp(argv[4], "1"));
    return 0;
}
