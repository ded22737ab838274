/* trienctl keys: makes the CURVE key pair of principals and enrols the public halves in the file
 * all parties read. A pair that is there stays. To replace one, remove its two files and its line.
 */
#include "services/trienctl/trienctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The public key as one line of the principals' file. */
static enum rc enrol(const char *name, const char *key, struct err *err)
{
    FILE *peers = fopen(ctl_conf()->peer_keys, "ae");
    CHECK(peers, err, TRIEN__ERROR__KEY_FILE, "%s: %s", ctl_conf()->peer_keys, strerror(errno));
    fprintf(peers, "%s = \"%s\"\n", name, key);
    CHECK(fclose(peers) == 0, err, TRIEN__ERROR__KEY_FILE, "%s: %s", ctl_conf()->peer_keys,
          strerror(errno));
    return RC_OK;
}

static enum rc make_pair(const char *name, json_t *pairs, struct err *err)
{
    struct bytes file;
    const char *secret = arena_printf(ctl_arena(), "%s/%s.secret", ctl_conf()->keys, name);
    const char *public = arena_printf(ctl_arena(), "%s/%s.public", ctl_conf()->keys, name);
    bool is_new = access(secret, F_OK) != 0;
    if (is_new)
        TRY(bus_make_keys(secret, public, err));
    TRY(ctl_read_file(public, 256, err, &file));
    const char *text = (const char *)file.p,
               *key = arena_strndup(ctl_arena(), text, strcspn(text, "\n"));
    if (is_new)
        TRY(enrol(name, key, err));
    ctl_show_row(pairs,
                 json_pack("{s:s, s:s, s:b}", "principal", name, "public_key", key, "made", is_new),
                 "%-14s %s%s\n", name, key, is_new ? "" : " (was there)");
    return RC_OK;
}

int cmd_keys(int argc, char **argv)
{
    struct err err = {0};
    autoptr(json_t) pairs = json_array();
    if (argc < 2)
        return ctl_misuse("keys", "which principals?");
    for (int i = 1; i < argc; i++) {
        if (strspn(argv[i], "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(argv[i]))
            return ctl_misuse("keys", "\"%s\" is no name of a principal", argv[i]);
        if (make_pair(argv[i], pairs, &err) != RC_OK)
            return ctl_failed(&err);
    }
    ctl_show_rows(pairs);
    return 0;
}
