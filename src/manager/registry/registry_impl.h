/* Inside the registry: the service's state, and its methods. */
#ifndef DSN_MANAGER_REGISTRY_REGISTRY_IMPL_H
#define DSN_MANAGER_REGISTRY_REGISTRY_IMPL_H

#include "client/request.h"
#include "manager/registry/nodes.h"
#include "manager/service.h"

#define REGISTRY_METHODS 8

struct registry {
	const struct service_host *host;
	struct nodes *nodes;
	struct marks *marks;
	struct chain_bars *bars;
	/* The questions under way; NULL: none. */
	struct client_requests *asking;
	struct client_request_list *questions;
	int64_t tick_ms, listens_ms; /* the last tick, and since when it listens without a gap; monotonic */
	bool marking;                /* what moves now is told of as the operator's doing */
	uint64_t not_written;        /* events */
	uint64_t beats, bad_beats;
};

extern const struct method registry_methods[REGISTRY_METHODS];

#endif
