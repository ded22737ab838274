/* One entry, or one checkpoint, of a copy as a line of JSON: what others can read without our code.
 * Refuses what is not exactly in this form. */
#include <string.h>

#include "services/trienctl/audit.h"

static bool take_bytes(struct arena *arena, const json_t *line, const char *name,
                       struct bytes *ret_bytes)
{
    const json_t *value = json_object_get(line, name);

    return json_is_string(value) &&
           bytes_from_base64(arena, bytes_of(json_string_value(value), json_string_length(value)),
                             ret_bytes);
}

enum rc audit_line_read(struct arena *arena, struct bytes line, struct err *err,
                        struct audit_entry *ret_entry)
{
    autoptr(json_t) json = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
    const json_t *sequence = json_object_get(json, "sequence");
    struct audit_entry entry = {.has_content = json_object_get(json, "content") != NULL};
    struct bytes kept;

    CHECK(json_is_integer(sequence) && json_integer_value(sequence) >= 0 &&
              take_bytes(arena, json, "leaf", &entry.leaf) &&
              take_bytes(arena, json, "leaf_hash", &kept) && kept.n == sizeof(entry.kept.b),
          err, TRIEN__ERROR__MALFORMED, "no entry of a journal");
    CHECK(!entry.has_content || (take_bytes(arena, json, "content", &entry.content) &&
                                 take_bytes(arena, json, "salt", &entry.salt)),
          err, TRIEN__ERROR__MALFORMED, "content or salt is not base64");
    entry.sequence = (uint64_t)json_integer_value(sequence);
    memcpy(entry.kept.b, kept.p, sizeof(entry.kept.b));
    *ret_entry = entry;
    return RC_OK;
}

enum rc audit_note_read(struct arena *arena, struct bytes line, struct err *err,
                        struct bytes *ret_note)
{
    autoptr(json_t) json = json_loadb((const char *)line.p, line.n, JSON_REJECT_DUPLICATES, NULL);
    const json_t *note = json_object_get(json, "note");

    CHECK(json_is_string(note), err, TRIEN__ERROR__MALFORMED, "no checkpoint");
    *ret_note = arena_bytes(arena, bytes_of(json_string_value(note), json_string_length(note)));
    return RC_OK;
}

struct bytes audit_line_write(struct arena *arena, const struct audit_entry *entry)
{
    const char *content = "";

    /* base64 needs no escaping. */
    if (entry->has_content)
        content = arena_printf(arena, ",\"salt\":\"%s\",\"content\":\"%s\"",
                               bytes_to_base64(arena, entry->salt),
                               bytes_to_base64(arena, entry->content));
    return bytes_of_text(arena_printf(
        arena, "{\"sequence\":%llu,\"leaf\":\"%s\",\"leaf_hash\":\"%s\"%s}\n",
        (unsigned long long)entry->sequence, bytes_to_base64(arena, entry->leaf),
        bytes_to_base64(arena, bytes_of(entry->kept.b, sizeof(entry->kept.b))), content));
}
