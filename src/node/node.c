#include "node/node.h"

#include <stdarg.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/store.h"

int64_t node_now(void)
{
	return clock_mono_ms();
}

void node_changed(struct node *n)
{
	n->status_changed = true;
	n->host->changed(n->host->agent);
}

void node_decide(struct node *n, const char *what, const char *why, ...)
{
	struct error *e;
	va_list ap;
	char *text;

	va_start(ap, why);
	text = mem_vprintf(NULL, why, ap);
	va_end(ap);
	log_info(what, "node=%s why=%s", n->row.id, log_q(text));
	e = store_put_decision(n->host->db, n->row.id, what, text);
	if (e) {
		log_warn("decision.lost", "node=%s what=%s reason=%s", n->row.id, what, log_q(e->message));
		error_free(e);
	}
	mem_free(text);
	node_changed(n);
}

void node_step(struct node *n)
{
	n->step(n);
}
