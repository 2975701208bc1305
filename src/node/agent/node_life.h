/* The life of a node: opened from its row, stepped on as its nginx and its jobs change, and taken away. */
#ifndef DSN_NODE_AGENT_NODE_LIFE_H
#define DSN_NODE_AGENT_NODE_LIFE_H

#include "node/agent/agent_impl.h"
#include "node/node.h"

/* Make the node of a stored row and start it. */
struct error *node_open(struct agent *a, const struct node_row *row, struct node **ret_node) MUST_CHECK;
/* Start or go on with leaving: jobs end, nginx ends, the runtime forgets the node; then agent_drop_node(). */
void node_leave(struct node *n, bool purge);
/* Once a second. */
void node_tick(struct node *n, int64_t now_ms);

#endif
