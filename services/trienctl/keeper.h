/* The keeper: one small process a service that starts it again when it breaks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** Milliseconds to wait before a service that has broken `failures` times in a row (from 1) is
 *  started again: twice as long each time, half of it by chance, never below 200 nor above 10000.
 *  `random` is any number. */
unsigned keeper_delay_ms(unsigned failures, uint32_t random);

/** Whether a service that ended so (status of waitpid()) is started again. Not after an exit that
 *  repeating cannot change: 0 done, 64 wrong use, 78 configuration. */
bool keeper_restarts(int wait_status);

/** Runs etc/<service>.conf's service until it ends for good or SIGTERM comes, which is passed on.
 *  To be called in a fresh session whose output is the service's log; `state_fd` is the locked
 *  state file (see processes.c), kept current. The exit status for _exit(). */
int keeper_run(const char *service, int state_fd);
