/* trienctl init: makes an installation's folder. The work is done by compose/init.sh, which calls
 * `trienctl keys` for what no Debian program can make. Doing it again changes nothing that is
 * there; more officers than before are added.
 */
#include "services/trienctl/trienctl.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

int cmd_init(int argc, char **argv)
{
    static const struct option options[] = {{"dir", required_argument, NULL, 'd'},
                                            {"base-port", required_argument, NULL, 'p'},
                                            {"officers", required_argument, NULL, 'o'},
                                            {0}};
    char *dir = (char *)"var/demo", *base_port = (char *)"8080", *officers = NULL;
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'd')
            dir = optarg;
        else if (option == 'p')
            base_port = optarg;
        else if (option == 'o')
            officers = optarg;
        else
            return ctl_misuse("init", "unknown option");
    }
    if (optind != argc || atoi(base_port) < 1024 || atoi(base_port) > 65000)
        return ctl_misuse("init", "a folder and a port from 1024 to 65000");
    if (officers && (atoi(officers) < 2 || atoi(officers) > 99 || strlen(officers) > 2))
        return ctl_misuse("init", "2 to 99 officers");
    if (officers)
        setenv("TRIEN_OFFICERS", officers, 1);
    char *const script[] = {(char *)"compose/init.sh", dir, base_port, NULL};
    int status = ctl_run_script(script);
    if (status == 0) /* the script has told people what it did */
        ctl_show(json_pack("{s:s, s:i}", "dir", dir, "base_port", atoi(base_port)), "%s", "");
    return status;
}
