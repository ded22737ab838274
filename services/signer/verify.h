/* Checks a whole journal, from its first line to its last: what an auditor runs. */
#pragma once

#include <stdint.h>

#include "common/guard.h"
#include "services/signer/record.h"

struct verify_result {
    uint64_t records, intents, answers, opens;
    unsigned segments;
    char
        hash[RECORD_HASH_CHARS + 1]; /* of the last record: what to compare with a copy elsewhere */
};

/** Chain of hashes, dense sequence, files in order, every answer after the intent it names, every
 *  order answered once and intended once, every serial number once. Reads the files while the
 *  signer may be writing: an unfinished last line is not an error. Needs about 100 bytes of memory
 *  an order. REJECT MALFORMED with file and line offset; FATAL JOURNAL_UNWRITABLE when the files
 *  cannot be read. */
enum rc verify_journal(const char *folder, struct err *err,
                       struct verify_result *ret_result) MUST_USE;

/** `signer --journal-verify DIR`: prints the result; the exit status. */
int verify_main(const char *folder);
