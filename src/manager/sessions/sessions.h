/* The service "sessions": who has proved by a key who he is (Sign-In with Ethereum), and calls by a token from then on.
 * It is the source of host->callers. */
#ifndef DSN_MANAGER_SESSIONS_SESSIONS_H
#define DSN_MANAGER_SESSIONS_SESSIONS_H

#include "manager/service.h"

extern const struct service_ops sessions_service;

#endif
