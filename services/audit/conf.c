/* audit's configuration: its rows, what is built from it at start, its health. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/journal_break.h"
#include "common/json_text.h"
#include "services/audit/audit.h"

#define ROW(row_key, row_type, member, row_fallback, ...)                                          \
    {                                                                                              \
        .key = (row_key), .type = (row_type), .offset = offsetof(struct audit_conf, member),       \
        .fallback = (row_fallback), __VA_ARGS__                                                    \
    }

const struct conf_row audit_conf_rows[] = {
    ROW("checkpoint/origin", CONF_TEXT, origin, NULL,
        .doc = "Name of this journal for ever, like trien.example/journal: first line of every "
               "checkpoint, and the name of its key."),
    ROW("checkpoint/every", CONF_MS, every_ms, "10s", .min = 500, .max = 3600000,
        .doc = "Longest time that something new stays unsigned."),
    ROW("checkpoint/entries", CONF_INT, every_entries, "100000", .min = 1, .max = 1000000000,
        .doc = "A checkpoint is signed earlier when so many entries are new."),
    ROW("checkpoint/directory", CONF_NEW_PATH, directory, NULL,
        .doc = "Folder of the daily files YYYY-MM-DD.checkpoint (a second journal's: "
               "YYYY-MM-DD.2.checkpoint), for an outside witness to fetch; "
               "made when it is not there."),
    TOKEN_CONF_ROWS("key/", offsetof(struct audit_conf, key.token), "1"),
    ROW("key/token", CONF_TEXT, key.token.label, "trien-audit", .doc = "Label of the token."),
    ROW("key/label", CONF_TEXT, key.token.key_label, "journal", .doc = "Label of the key."),
    ROW("key/make", CONF_TEXT, key.token.key_kind, "p256",
        .doc = "Kind of the key to make when the token has none of that label; empty: never."),
    ROW("key/public_file", CONF_NEW_PATH, key.public_file, NULL,
        .doc = "PEM of the public half: written once, compared ever after. What a copy of the "
               "journal is checked with."),
    ROW("keys/officer", CONF_FILE, officer_keys, "",
        .doc =
            "PEM file of the officers' enrolled public keys, two of whom begin a new journal after "
            "a restore; read when they do. Absent: nobody can."),
    {.key = NULL},
};

enum rc audit_early(const void *conf_, struct err *err, void **ret_state)
{
    struct arena *arena = arena_new((size_t)1024 * 1024);
    struct audit_state *state = ARENA_NEW(arena, struct audit_state);
    const struct audit_conf *conf = conf_;

    CHECK(checkpoint_is_origin(conf->origin), err, TRIEN__ERROR__CONFIG_INVALID,
          "checkpoint/origin: printable ASCII without spaces and '+', %d characters at most",
          CHECKPOINT_MAX_ORIGIN);
    CHECK(strcmp(journal_first(arena, conf->origin), conf->origin) == 0 &&
              strlen(conf->origin) <= CHECKPOINT_MAX_ORIGIN - JOURNAL_NUMBER_ROOM,
          err, TRIEN__ERROR__CONFIG_INVALID,
          "checkpoint/origin: /<number> is put behind it when a new journal begins");
    state->conf = conf;
    pthread_mutex_init(&state->lock, NULL);
    TRY(journal_key_new(&conf->key, arena, err, &state->key));
    TRY(file_open_folder(conf->directory, "checkpoint/directory", err, &state->folder));
    *ret_state = state;
    return RC_OK;
}

bool audit_health(void *state_, struct arena *arena, const char **ret_json_members)
{
    struct audit_state *state = state_;
    unsigned workers = journal_key_workers(state->key);
    char alarm[sizeof(state->alarm)];

    pthread_mutex_lock(&state->lock);
    memcpy(alarm, state->alarm, sizeof(alarm));
    pthread_mutex_unlock(&state->lock);
    *ret_json_members =
        arena_printf(arena,
                     "\"token\":{\"ok\":%s,\"workers\":%u},\"journal\":{\"ok\":%s,\"number\":%u,"
                     "\"alarm\":%s}",
                     workers ? "true" : "false", workers, *alarm ? "false" : "true",
                     atomic_load(&state->number), json_quote(arena, alarm));
    return workers > 0 && !*alarm;
}

void audit_late(void *state_)
{
    struct audit_state *state = state_;

    journal_key_free(&state->key);
    close(state->folder);
}
