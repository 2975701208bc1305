/* What the client is tried in: a loop, a hub of the memory bus, a node that answers as a test wishes, and a state
 * folder of its own. */
#ifndef DSN_TESTS_CLIENT_WORLD_H
#define DSN_TESTS_CLIENT_WORLD_H

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "bus/bus.h"
#include "bus/memory.h"
#include "client/link.h"

#define WORLD_HUB "client"
#define WORLD_NODE "1111111111111111111111111111111111111111"
#define WORLD_NOBODY "3333333333333333333333333333333333333333"
/* Long enough for anything that is to come. */
#define WORLD_FAR_MS 10000

enum world_node { WORLD_ANSWERS, WORLD_REFUSES, WORLD_IS_SILENT };

struct world {
	uv_loop_t loop;
	char *folder;
	struct client_options client; /* plain: seals are tried elsewhere */
	struct bus *bus;              /* the node's; NULL: no node is there */
	enum world_node node;
	json_t *data;         /* what it answers; owned, may be NULL */
	json_t *of_id;        /* what it answers as one of its ids, by id; owned, may be NULL */
	int got;              /* commands that have come to it */
	struct message *last; /* the newest of them */
	bool up, served;
	struct client_link *link; /* ours; NULL: not opened so far */
};

/* For cmocka: *state is the world, with a node that serves WORLD_NODE and answers. */
int world_set_up(void **state);
int world_tear_down(void **state);
void world_node_starts(struct world *w);
/* The node has another id too. */
void world_node_serves(struct world *w, const char *id);
void world_node_leaves(struct world *w);
/* Our link, opened when it is first wanted; closing it lets the next one begin anew. */
struct client_link *world_link(struct world *w);
void world_link_closes(struct world *w);
/* Turns the loop until *flag, or *counter has come to `want`; fails after WORLD_FAR_MS. */
void world_until(struct world *w, const bool *flag);
void world_until_count(struct world *w, const int *counter, int want);
/* Turns it this long: nothing more is to come. */
void world_run_ms(struct world *w, int64_t ms);

#endif
