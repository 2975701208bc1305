/* What `vcli top` shows: nodes and jobs of a dsnd as a screenful of lines, for any size of terminal. Threads: any. */
#ifndef DSN_VCLI_ORDER_TOP_FRAME_H
#define DSN_VCLI_ORDER_TOP_FRAME_H

#include <jansson.h>
#include <stddef.h>

struct top_frame_view {
	const json_t *nodes, *orders; /* arrays as nodes.list and orders.list answer; NULL: none are known yet */
	const char *dsnd;             /* its address, shown while there is no trouble */
	const char *trouble;          /* why what is shown is old; NULL: it is not */
	const char *clock;            /* "18:22:07" */
};

struct top_frame {
	char **lines; /* of plain ASCII, none wider than the screen; the last one is the bar */
	size_t count; /* at most the screen's height */
};

/* Columns that do not fit are left out, the less important first; rows that do not fit are counted. What is troubled
 * stands first. Belongs to ctx. */
struct top_frame *top_frame_make(const void *ctx, const struct top_frame_view *view, size_t width, size_t height);

#endif
