/* The nodes of an agent: those that are open, and those that could not be opened. */
#include <string.h>

#include "base/mem.h"
#include "node/agent/agent_impl.h"
#include "node/node.h"

struct node *agent_node(struct agent *a, const char *id)
{
	for (size_t i = 0; i < a->node_count; i++) {
		if (!strcmp(a->nodes[i]->row.id, id))
			return a->nodes[i];
	}
	return NULL;
}

void agent_add_node(struct agent *a, struct node *n)
{
	a->nodes = mem_resize(a, a->nodes, struct node *, a->node_count + 1);
	a->nodes[a->node_count++] = n;
}

void agent_drop_node(struct agent *a, struct node *n)
{
	for (size_t i = 0; i < a->node_count; i++) {
		if (a->nodes[i] == n) {
			memmove(&a->nodes[i], &a->nodes[i + 1], (--a->node_count - i) * sizeof(struct node *));
			break;
		}
	}
	agent_unclaim(a, n->row.id);
	mem_free(n);
	agent_changed(a);
}

const char *agent_lost(const struct agent *a, const char *id)
{
	for (size_t i = 0; i < a->lost_count; i++) {
		if (!strcmp(a->lost[i].id, id))
			return a->lost[i].why;
	}
	return NULL;
}
