/* What a process tells another dsnd of its network that would call it (manager/remote.h). Threads: loop thread. */
#ifndef DSN_MANAGER_REMOTE_DESCRIBE_H
#define DSN_MANAGER_REMOTE_DESCRIBE_H

#include "manager/service.h"

struct remote_description {
	const struct service_network *network;
	json_t *(*services)(void *arg); /* {"jobs": true} of those that are hosted, true: and led; a new reference */
	void *arg;
};

/* Adds the method peer.describe; `d` outlives the methods. */
void remote_describe_add(struct methods *all, const struct remote_description *d);

#endif
