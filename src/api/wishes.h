/* [ext] What an order asks of the nodes that are chosen for it: `constraints`, `redundancy` and `transcoders` of a
 * public pipeline. Who names nodes himself needs none of it. Threads: any. */
#ifndef DSN_API_WISHES_H
#define DSN_API_WISHES_H

#include "api/task.h"

#define API_WISH_REGIONS 8
#define API_WISH_LABELS 16
#define API_WISH_TRANSCODERS 31
#define API_WISH_PRICE INT64_C(1000000000000)
#define API_WISH_ANY_PRICE (-1)

struct api_wishes {
	char **regions; /* nowhere else; none: anywhere */
	size_t region_count;
	char **labels; /* a node needs all of them */
	size_t label_count;
	bool gpu;                     /* of transcoders */
	int64_t price_limit;          /* of each node, of a second; or API_WISH_ANY_PRICE */
	bool apart_owner, apart_net;  /* a standby does not share it with the node that it stands in for */
	bool standby[API_ROLE_COUNT]; /* each node of the role has one */
	size_t transcoders;           /* the ladder is made by so many, fewer where there are no more; 0: not said */
};

/* Of the object `pipeline` at `at`; texts belong to ctx. ERROR_INVALID names the place. */
struct error *api_wishes_read(const void *ctx, const json_t *pipeline, const struct json_place *at,
			      struct api_wishes *ret) MUST_CHECK;

#endif
