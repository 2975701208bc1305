/* The service that knows which nodes are there: from their status messages, and from whether they answer us, which
 * those do whose agent names us its manager, and from the heartbeats of their agents. In memory, but for the operator's
 * marks (marks.h) and the changes of state, which go into the event log. */
#ifndef DSN_MANAGER_REGISTRY_REGISTRY_H
#define DSN_MANAGER_REGISTRY_REGISTRY_H

#include "manager/service.h"

extern const struct service_ops registry_service;

#endif
