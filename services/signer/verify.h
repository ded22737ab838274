/* Checks a whole journal, from its first line to its last: what an auditor runs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/guard.h"
#include "services/signer/record.h"

struct verify_result {
    uint64_t records, intents, answers, opens;
    uint64_t sequence, position; /* of the last record */
    unsigned segments;
    char hash[RECORD_HASH_CHARS + 1]; /* of it: what to compare with a copy elsewhere */
    bool has_head;
};

/** Chain of hashes, dense sequence, files in order, every answer after the intent it names, every
 *  order answered once and intended once, every serial number once. Reads the files while the
 *  signer may be writing: an unfinished last line is not an error. Needs about 100 bytes of memory
 *  an order. With a head beside it (head.h): what was acknowledged is there. REJECT MALFORMED with
 *  file and line offset; FATAL JOURNAL_UNWRITABLE when the files cannot be read or the head's
 *  record is not there. */
enum rc verify_journal(const char *folder, struct err *err,
                       struct verify_result *ret_result) MUST_USE;

/** `signer --journal-verify DIR`: prints the result; the exit status. */
int verify_main(const char *folder);

/** `signer --journal-accept DIR`: an operator takes the journal as it stands, after a loss that
 *  nothing makes good: its last record becomes its head. Refuses a chain that does not hold, and a
 *  journal that a signer has open. Prints what was acknowledged before and what is now; the exit
 *  status. */
int verify_accept_main(const char *folder);
