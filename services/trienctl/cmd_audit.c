/* trienctl audit: finds the sub-command. Each is a file of its own: cmd_audit_<name>.c. */
#include "services/trienctl/audit.h"

int cmd_audit(int argc, char **argv)
{
    static const struct ctl_act acts[] = {{"verify", audit_verify},
                                          {"export", audit_export},
                                          {"estimate", audit_estimate},
                                          {"check", audit_criteria},
                                          {"begin-journal", audit_begin_journal},
                                          {0}};

    return ctl_act("audit", acts, argc, argv);
}
