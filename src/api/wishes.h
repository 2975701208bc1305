/* [ext] What an order asks of the nodes that are chosen for it, and of those who choose them: `constraints`,
 * `redundancy`, `transcoders`, `schedule` and `retain` of a public pipeline. Who names nodes himself needs none of it.
 * Threads: any. */
#ifndef DSN_API_WISHES_H
#define DSN_API_WISHES_H

#include "api/task.h"

#define API_WISH_REGIONS 8
#define API_WISH_LABELS 16
#define API_WISH_TRANSCODERS 31
#define API_WISH_PRICE INT64_C(1000000000000)
#define API_WISH_ANY_PRICE (-1)
#define API_WISH_RETAIN 30 /* days */
#define API_WISH_RETAIN_MOST 3650

struct api_wishes {
	char **regions; /* nowhere else; none: anywhere */
	size_t region_count;
	char **labels; /* a node needs all of them */
	size_t label_count;
	bool gpu;                       /* of transcoders */
	int64_t price_limit;            /* of each node, of a second; or API_WISH_ANY_PRICE */
	bool apart_owner, apart_net;    /* a standby does not share it with the node that it stands in for */
	bool standby[API_ROLE_COUNT];   /* each node of the role has one */
	size_t transcoders;             /* the ladder is made by so many, fewer where there are no more; 0: not said */
	int64_t start_at_ms, end_at_ms; /* wall clock; 0: at once, until it is ended */
	int retain_days;                /* how long what was stored stays after the end */
};

/* Of the object `pipeline` at `at`; texts belong to ctx. ERROR_INVALID names the place. */
struct error *api_wishes_read(const void *ctx, const json_t *pipeline, const struct json_place *at,
			      struct api_wishes *ret) MUST_CHECK;

#endif
