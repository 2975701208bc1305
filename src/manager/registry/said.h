/* What a node's status says of it, as far as orders need it. Threads: any. */
#ifndef DSN_MANAGER_REGISTRY_SAID_H
#define DSN_MANAGER_REGISTRY_SAID_H

#include <jansson.h>
#include <stdbool.h>

#include "api/grammar.h"
#include "base/hex.h"

struct nodes_said {
	char agent_id[ID_DIGITS + 1];
	char name[API_NAME_LETTERS + 1]; /* "": none */
	char ip[API_HOST_LETTERS + 1];
	enum api_role role;
	int rtmp_port, http_port; /* 0: none */
	int job_count;
	bool classic, maintenance, serves;
};

/* False: it says nothing of a node, or not in the way nodes do. */
bool said_read(const json_t *body, struct nodes_said *ret_said);
bool said_same(const struct nodes_said *a, const struct nodes_said *b);

#endif
