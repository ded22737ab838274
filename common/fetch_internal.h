/* fetch*.c among themselves. */
#pragma once

#include <curl/curl.h>

#include "common/fetch.h"
#include "common/secret.h"

/** The thread's handle, reset, with our limits; `protocols` as in "http,https". */
CURL *fetch_handle(const char *url, const char *protocols, int timeout_ms);

MUST_USE enum rc fetch_credentials(CURL *curl, const char *user, const char *password_file,
                                   const char *ca_file, struct err *err);

/** Fills err for a failed exchange; `unreachable` is the code of anything that may pass. */
MUST_USE enum rc fetch_error(CURL *curl, CURLcode code, Trien__Error unreachable, struct err *err);
