/* audit's state machines as tables. An entry has no states: it is appended, and that is all. */
#include "services/audit/audit.h"

static const struct state_step head_steps[] = {
    {"", "events appended", "unsigned", "the tree has grown"},
    {"unsigned", "SignCheckpoint", "being signed",
     "interval or number of entries reached, and "
     "all that was signed before is borne out"},
    {"unsigned", "a signed past that is not borne out", "refused", "alarm; people decide"},
    {"refused", "borne out again", "unsigned", "the right database was put back"},
    {"refused", "JournalBegun", "unsigned",
     "two officers gave up what was signed; a new journal begins with this entry"},
    {"being signed", "CheckpointSigned", "signed", "kept, told, written for the witness"},
    {NULL, NULL, NULL, NULL},
};

const struct state_table audit_states[] = {
    {"head of the tree", head_steps},
    {NULL, NULL},
};
