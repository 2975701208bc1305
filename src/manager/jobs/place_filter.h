/* The filters: what keeps a node from a part. One row each in place_filter.c, in the order in which they are asked. */
#ifndef DSN_MANAGER_JOBS_PLACE_FILTER_H
#define DSN_MANAGER_JOBS_PLACE_FILTER_H

#include <stdbool.h>

enum place_why {
	PLACE_WHY_OFFLINE,
	PLACE_WHY_SUSPECT,
	PLACE_WHY_DRAINING,
	PLACE_WHY_TOO_OLD,
	PLACE_WHY_BARRED,
	PLACE_WHY_SET_ASIDE,
	PLACE_WHY_STRANGE,
	PLACE_WHY_NOT_SERVING,
	PLACE_WHY_NO_PORTS,
	PLACE_WHY_REPUTATION,
	PLACE_WHY_USED,
	PLACE_WHY_ADDRESS,
	PLACE_WHY_EXCLUDED,
	PLACE_WHY_ROLE,
	PLACE_WHY_CUSTOMER,
	PLACE_WHY_REGION,
	PLACE_WHY_LABELS,
	PLACE_WHY_GPU,
	PLACE_WHY_PRICE,
	PLACE_WHY_AGENT,
	PLACE_WHY_OWNER,
	PLACE_WHY_NET,
	PLACE_WHY_REALTIME,
	PLACE_WHY_ROOM,
	PLACE_WHYS,
};

/* "too_old": in records. */
const char *place_why_name(enum place_why why);
/* "are too old": for people, behind a number of nodes. */
const char *place_why_text(enum place_why why);
/* "a newer version on the nodes": what would help. */
const char *place_why_mend(enum place_why why);
/* Did the customer ask for it, so that he can ask for less? */
bool place_why_is_wish(enum place_why why);

#endif
