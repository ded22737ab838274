/* What main() and ctl.c share; commands use trienctl.h. */
#pragma once

/** Takes --config FILE, --json and --as NAME out of argv, wherever they stand before a "--";
 *  returns the new argc. Ends the program with 64 when an argument is missing. */
int ctl_take_options(int argc, char **argv);

/** The usage line of the command that runs, without its name; for ctl_misuse(). Borrowed. */
void ctl_set_usage(const char *usage);
const char *ctl_usage(void);
