/* The processes of an installation: one state file each under run/, found again by it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "services/trienctl/trienctl.h"

/* What run/<service>.pid says: three numbers on one line. */
struct process_state {
    pid_t keeper;  /* process that keeps the service running; 0: nobody does */
    pid_t service; /* 0 while it waits to be started again */
    unsigned restarts;
};

/** State of the service; false, and zeros, when nobody keeps it. The keeper holds a lock on the
 *  file, so a number that belongs to another program by now is never believed. */
bool process_find(const char *service, struct process_state *ret_state);

/** Writes the state into the open file. For the keeper. */
void process_write_state(int fd, const struct process_state *state);

/** Starts a keeper that runs bin/trien-<service> with etc/<service>.conf in a session of its own;
 *  output is appended to log/<service>.log. A service that is kept already is left alone. FATAL
 *  INTERNAL when it cannot be started. */
MUST_USE enum rc process_start(const char *service, struct err *err);

/** Asks keeper and service to stop (SIGTERM), waits up to timeout_ms, then SIGKILL for their whole
 *  group. True when they stopped by themselves or did not run. */
bool process_stop(const char *service, int timeout_ms);

/** SIGHUP: the service reads the keys of principals and of statements again. False when it does not
 *  run. */
bool process_reload(const char *service);

/** The installation has a configuration for the service. */
bool process_is_configured(const char *service);

/** The services named, or without names all that are configured; ends with NULL. The list lives as
 *  long as the process. */
const char **process_chosen(int argc, char **argv);

/** All services there are, wherever they run; ends with NULL. */
const char **process_all(void);

/** Health as the service itself says it over the bus, waiting deadline_ms. RETRY while it cannot be
 *  asked. *ret_json as /healthz. */
MUST_USE enum rc process_health(const char *service, int deadline_ms, struct err *err, bool *ret_ok,
                                const char **ret_json);
