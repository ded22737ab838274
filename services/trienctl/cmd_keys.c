/* trienctl keys: makes the CURVE key pair of principals and enrols the public halves in the file
 * all parties read. A pair that is there stays. To replace one, remove its two files and its line.
 */
#include "services/trienctl/trienctl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The public key as one line of the principals' file. */
static enum rc enrol(const char *name, const char *public_file, struct err *err)
{
    struct bytes key;
    TRY(ctl_read_file(public_file, 256, err, &key));
    int length = (int)strcspn((const char *)key.p, "\n");
    FILE *peers = fopen(ctl_conf()->peer_keys, "ae");
    CHECK(peers, err, TRIEN__ERROR__KEY_FILE, "%s: %s", ctl_conf()->peer_keys, strerror(errno));
    fprintf(peers, "%s = \"%.*s\"\n", name, length, (const char *)key.p);
    CHECK(fclose(peers) == 0, err, TRIEN__ERROR__KEY_FILE, "%s: %s", ctl_conf()->peer_keys,
          strerror(errno));
    return RC_OK;
}

static enum rc make_pair(const char *name, struct err *err)
{
    const char *secret = arena_printf(ctl_arena(), "%s/%s.secret", ctl_conf()->keys, name);
    const char *public = arena_printf(ctl_arena(), "%s/%s.public", ctl_conf()->keys, name);
    if (access(secret, F_OK) == 0)
        return RC_OK;
    TRY(bus_make_keys(secret, public, err));
    return enrol(name, public, err);
}

int cmd_keys(int argc, char **argv)
{
    struct err err = {0};
    if (argc < 2)
        return ctl_misuse("keys", "which principals?");
    for (int i = 1; i < argc; i++) {
        if (strspn(argv[i], "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(argv[i]))
            return ctl_misuse("keys", "\"%s\" is no name of a principal", argv[i]);
        if (make_pair(argv[i], &err) != RC_OK)
            return ctl_failed(&err);
    }
    return 0;
}
