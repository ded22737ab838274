/* RabbitMQ behind the same transactional outbox: a relay that empties the outbox into a quorum
 * queue with publisher confirms, and a consumer that writes and acknowledges in batches.
 *
 *     hop-peer-rabbit declare|relay|consume CONNINFO PORT TIMES
 *
 * `declare` makes the queue, before the other two are started.
 * `consume` prints "number microseconds" after each commit when TIMES is 1.
 */
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/bus_hop/peer.h"

#define BATCH 256
#define PREFETCH 256
#define IDLE_MS 3

/* Ends the program with what the broker has said last. */
static void refused(const char *what, amqp_rpc_reply_t reply)
{
    const amqp_channel_close_t *close = reply.reply.decoded;

    if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION &&
        reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD)
        fprintf(stderr, "%s: %.*s\n", what, (int)close->reply_text.len,
                (const char *)close->reply_text.bytes);
    else
        fprintf(stderr, "%s: %s\n", what, amqp_error_string2(reply.library_error));
    exit(1);
}

static amqp_connection_state_t open_broker(int port)
{
    amqp_connection_state_t broker = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(broker);

    if (amqp_socket_open(socket, "127.0.0.1", port) ||
        amqp_login(broker, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest")
                .reply_type != AMQP_RESPONSE_NORMAL ||
        !amqp_channel_open(broker, 1)) {
        fprintf(stderr, "no broker on port %d\n", port);
        exit(1);
    }
    return broker;
}

static void declare_queue(amqp_connection_state_t broker)
{
    amqp_table_entry_t entry = {
        .key = amqp_cstring_bytes("x-queue-type"),
        .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes("quorum")}};
    amqp_table_t arguments = {1, &entry};

    if (!amqp_queue_declare(broker, 1, amqp_cstring_bytes("hop"), 0, 1, 0, 0, arguments))
        refused("declare", amqp_get_rpc_reply(broker));
}

/* --- relay
 * ---------------------------------------------------------------------------------------- */

static void publish(amqp_connection_state_t broker, const char *number, const char *payload, int n)
{
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG |
                                                    AMQP_BASIC_MESSAGE_ID_FLAG,
                                          .delivery_mode = 2,
                                          .message_id = amqp_cstring_bytes(number)};
    amqp_bytes_t body = {(size_t)n, (void *)payload};

    if (amqp_basic_publish(broker, 1, amqp_empty_bytes, amqp_cstring_bytes("hop"), 0, 0,
                           &properties, body) != AMQP_STATUS_OK) {
        fprintf(stderr, "publish failed\n");
        exit(1);
    }
}

/* Waits until the broker has confirmed everything up to a tag. */
static void wait_confirmed(amqp_connection_state_t broker, uint64_t *confirmed, uint64_t wanted)
{
    static uint64_t single;

    while (*confirmed < wanted) {
        amqp_frame_t frame;
        amqp_basic_ack_t *ack;

        amqp_maybe_release_buffers(broker);
        if (amqp_simple_wait_frame(broker, &frame) != AMQP_STATUS_OK ||
            frame.frame_type != AMQP_FRAME_METHOD ||
            frame.payload.method.id != AMQP_BASIC_ACK_METHOD) {
            fprintf(stderr, "no confirm\n");
            exit(1);
        }
        ack = frame.payload.method.decoded;
        /* Confirms come one by one or for all up to a tag, not always in order: counting the single
         * ones is enough, since all of a batch are waited for. */
        if (ack->multiple) {
            if (ack->delivery_tag > *confirmed)
                *confirmed = ack->delivery_tag;
            single = 0;
        } else {
            single++;
            *confirmed = *confirmed + 1;
        }
    }
}

static int relay_batch(PGconn *conn, amqp_connection_state_t broker, uint64_t *sent,
                       uint64_t *confirmed)
{
    PGresult *rows = peer_outbox_begin(conn);
    int n = PQntuples(rows);

    for (int i = 0; i < n; i++)
        publish(broker, PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1), PQgetlength(rows, i, 1));
    *sent += (uint64_t)n;
    wait_confirmed(broker, confirmed, *sent);
    peer_outbox_end(conn, n > 0);
    PQclear(rows);
    return n;
}

static void relay(PGconn *conn, amqp_connection_state_t broker)
{
    uint64_t sent = 0, confirmed = 0;

    amqp_confirm_select(broker, 1);
    for (;;) {
        if (!relay_batch(conn, broker, &sent, &confirmed))
            peer_pause_ms(IDLE_MS);
    }
}

/* --- consumer
 * -------------------------------------------------------------------------------------- */

static int64_t number_of(const amqp_envelope_t *envelope)
{
    char text[32] = "";
    amqp_bytes_t id = envelope->message.properties.message_id;

    memcpy(text, id.bytes, id.len < sizeof(text) ? id.len : sizeof(text) - 1);
    return atoll(text);
}

static void consume(PGconn *conn, amqp_connection_state_t broker, bool times)
{
    static int64_t numbers[BATCH];
    struct peer_rows rows = {0};
    uint64_t tag = 0;

    amqp_basic_qos(broker, 1, 0, PREFETCH, 0);
    if (!amqp_basic_consume(broker, 1, amqp_cstring_bytes("hop"), amqp_empty_bytes, 0, 0, 0,
                            amqp_empty_table))
        refused("consume", amqp_get_rpc_reply(broker));
    for (;;) {
        struct timeval soon = {0, 0};
        amqp_envelope_t envelope;
        amqp_rpc_reply_t reply;

        amqp_maybe_release_buffers(broker);
        reply = amqp_consume_message(broker, &envelope, rows.count ? &soon : NULL, 0);
        if (reply.reply_type == AMQP_RESPONSE_NORMAL) {
            numbers[rows.count] = number_of(&envelope);
            peer_rows_add(&rows, numbers[rows.count], envelope.message.body.bytes,
                          envelope.message.body.len);
            tag = envelope.delivery_tag;
            amqp_destroy_envelope(&envelope);
            if (rows.count < BATCH / 2)
                continue;
        } else if (reply.library_error != AMQP_STATUS_TIMEOUT) {
            refused("next message", reply);
        }
        if (!rows.count)
            continue;
        size_t n = rows.count;
        peer_rows_write(conn, &rows, NULL);
        for (size_t i = 0; times && i < n; i++)
            printf("%lld %lld\n", (long long)numbers[i], (long long)peer_now_us());
        if (times)
            fflush(stdout);
        amqp_basic_ack(broker, 1, tag, 1);
    }
}

int main(int argc, char **argv)
{
    PGconn *conn;
    amqp_connection_state_t broker;

    if (argc != 5)
        return 64;
    broker = open_broker(atoi(argv[3]));
    if (!strcmp(argv[1], "declare")) {
        declare_queue(broker);
        return 0;
    }
    conn = peer_connect(argv[2]);
    if (!strcmp(argv[1], "relay"))
        relay(conn, broker);
    else
        consume(conn, broker, !strcmp(argv[4], "1"));
    return 0;
}
