/* svc*.c among themselves. */
#pragma once

#include "common/svc_internal.h"

#define TRIEN_VERSION "0.1.0"

extern const struct conf_row svc_core_rows[];

/** Reads and checks the whole configuration; sets up the log. */
MUST_USE enum rc svc_configure(struct svc *svc, const char *path, struct err *err);

/** "127.0.0.1:8080", "tcp://127.0.0.1:8100" by the port plan; kind "http", "bus" or "admin". */
const char *svc_default_bind(const struct svc *svc, const char *kind);

/** --flow, --states, --metrics, --help-config: the service's tables for people (Markdown but for
 *  the last). */
void svc_print_flow(FILE *out, const struct service *service);
void svc_print_states(FILE *out, const struct service *service);
void svc_print_metrics(FILE *out);
void svc_print_config(FILE *out, const struct service *service);

/** Asks the process that runs with this configuration for its /healthz answer, over its own bus and
 *  with its own key; PEER_UNAVAILABLE, DEADLINE_PASSED when it does not answer. *ret_json lives in
 *  svc->arena. */
MUST_USE enum rc svc_ask_health(struct svc *svc, struct err *err, bool *ret_well,
                                const char **ret_json);

struct svc_waiting *svc_waiting_new(void);
void svc_waiting_free(struct svc_waiting **waiting);
