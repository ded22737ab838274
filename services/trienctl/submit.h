/* What `trienctl submit` posts, by either door. */
#pragma once

#include "services/trienctl/trienctl.h"

#define SUBMIT_MAX_FILES 51
#define SUBMIT_MAX_BYTES ((size_t)20 * 1024 * 1024)

struct submission {
    const char *files[SUBMIT_MAX_FILES]; /* files[0] is the document */
    size_t count;
    struct bytes contents[SUBMIT_MAX_FILES];
    const char *token, *key; /* key: NULL without one */
};

/** The name of a file without its folders. View. */
const char *submit_file_name(const char *path);

/** Submits over the bus as the principal `portal`, in pieces what does not fit into a call. */
MUST_USE enum rc submit_by_bus(const struct submission *submission, struct err *err,
                               json_t **ret_answer);
