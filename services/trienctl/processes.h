/* The processes of an installation: one pid file each under run/, found again by it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "services/trienctl/trienctl.h"

/** Pid of the running service, 0 when it does not run. A pid that was given to another program in
 *  the meantime is noticed by its executable. */
pid_t process_find(const char *service);

/** Starts bin/trien-<service> with etc/<service>.conf in a session of its own; output is appended
 *  to log/<service>.log. FATAL INTERNAL when it cannot be started. */
MUST_USE enum rc process_start(const char *service, struct err *err);

/** Asks the service to stop (SIGTERM), waits up to timeout_ms, then SIGKILL. True when it stopped
 *  by itself or was not running. */
bool process_stop(const char *service, int timeout_ms);

/** The installation has a configuration for the service. */
bool process_is_configured(const char *service);

/** Health as the service itself says it over the bus, waiting deadline_ms. RETRY while it cannot be
 *  asked. *ret_json as /healthz. */
MUST_USE enum rc process_health(const char *service, int deadline_ms, struct err *err, bool *ret_ok,
                                const char **ret_json);
