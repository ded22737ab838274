/* trienctl token: makes an empty token with PINs of its own. The PINs come from files and go to the
 * module only: never into arguments, which every process of the machine can read. A token that is
 * there is never initialised again. */
#include "services/trienctl/trienctl.h"

#include <getopt.h>
#include <stdio.h>

#include "common/p11.h"

int cmd_token(int argc, char **argv)
{
    static const struct option options[] = {{"pin-file", required_argument, NULL, 'p'},
                                            {"so-pin-file", required_argument, NULL, 's'},
                                            {"softhsm-config", required_argument, NULL, 'c'},
                                            {"module", required_argument, NULL, 'm'},
                                            {0}};
    struct p11_config config = {.module_path = "/usr/lib/softhsm/libsofthsm2.so"};
    const char *so_pin_file = NULL;
    struct err err = {0};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (option == 'p')
            config.pin_path = optarg;
        else if (option == 's')
            so_pin_file = optarg;
        else if (option == 'c')
            config.softhsm_config = optarg;
        else if (option == 'm')
            config.module_path = optarg;
        else
            return ctl_misuse("token", "unknown option");
    }
    if (optind + 1 != argc || !config.pin_path || !so_pin_file)
        return ctl_misuse("token", "a label, --pin-file and --so-pin-file");
    config.token_label = argv[optind];
    if (p11_init_token(&config, so_pin_file, &err) != RC_OK)
        return ctl_failed(&err);
    ctl_show(json_pack("{s:s, s:b}", "token", config.token_label, "initialised", true),
             "token %s is initialised\n", config.token_label);
    return 0;
}
