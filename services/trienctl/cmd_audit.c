/* trienctl audit: finds the sub-command. Each is a file of its own: cmd_audit_<name>.c. */
#include <stdio.h>
#include <string.h>

#include "services/trienctl/audit.h"

static const struct {
    const char *name;
    int (*fn)(int argc, char **argv);
} commands[] = {
    {"verify", audit_verify},
    {"export", audit_export},
    {"estimate", audit_estimate},
    {"check", audit_criteria},
};

int cmd_audit(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < COUNT_OF(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].fn(argc - 1, argv + 1);
    return ctl_misuse("audit", "which of its commands?");
}
