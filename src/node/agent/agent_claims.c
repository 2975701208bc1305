/* Claims on mailboxes: one agent serves an id, and one that another agent holds is waited for. */
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/agent/agent_impl.h"

#define CLAIM_CHECK_MS 200

static struct agent_claim *find_claim(const struct agent *a, const char *id)
{
	for (size_t i = 0; i < a->claim_count; i++) {
		if (!strcmp(a->claims[i].id, id))
			return &a->claims[i];
	}
	return NULL;
}

void agent_claim(struct agent *a, const char *id)
{
	struct error *e;

	if (find_claim(a, id))
		return;
	a->claims = mem_resize(a, a->claims, struct agent_claim, a->claim_count + 1);
	a->claims[a->claim_count++] = (struct agent_claim){.id = mem_strdup(a, id)};
	e = bus_serve(a->bus, id, true);
	if (e)
		log_error("bus.serve", "id=%s reason=%s", id, log_q(e->message));
	error_free(e);
}

bool agent_claimed(const struct agent *a, const char *id, const struct error **ret_refusal)
{
	const struct agent_claim *c = find_claim(a, id);

	*ret_refusal = c ? c->refusal : NULL;
	return c && c->served;
}

static bool configured(const struct agent *a, const char *id)
{
	for (char **n = a->host.settings.nodes; n && *n; n++) {
		if (!strcasecmp(*n, id))
			return true;
	}
	return false;
}

void agent_unclaim(struct agent *a, const char *id)
{
	struct agent_claim *c = find_claim(a, id);

	if (!c || configured(a, id))
		return;
	bus_unserve(a->bus, id, true);
	mem_free(c->id);
	error_free(c->refusal);
	*c = a->claims[--a->claim_count];
}

static void on_claim_timer(void *arg)
{
	struct agent *a = arg;
	int64_t now_ms = clock_mono_ms();

	for (size_t i = 0; i < a->claim_count; i++) {
		struct agent_claim *c = &a->claims[i];

		if (!c->refused_since_ms || !c->from_start ||
		    now_ms - c->refused_since_ms < a->host.settings.claim_timeout_ms)
			continue;
		log_error(
			"claim.refused", "id=%s why=%s", c->id,
			log_q("another agent serves this id; two agents for one node would undo each other's work: stop the other one, or take the id from --node here"));
		mem_free(a->claim_timer); /* said once */
		a->claim_timer = NULL;
		agent_finish(a, AGENT_EXIT_CLAIMED);
		return;
	}
}

void agent_claim_refused(const char *id, const struct error *why, void *arg)
{
	struct agent *a = arg;
	struct agent_claim *c = find_claim(a, id);

	if (!c)
		return;
	c->served = false;
	error_free(c->refusal);
	c->refusal = error_copy(why);
	agent_changed(a);
	if (c->refused_since_ms)
		return;
	c->refused_since_ms = clock_mono_ms();
	c->from_start = c->refused_since_ms - a->started_ms < a->host.settings.claim_timeout_ms;
	log_warn("claim.waits", "id=%s why=%s", id, log_q(why->message));
	if (!a->claim_timer)
		a->claim_timer = timer_start(a, a->host.loop, CLAIM_CHECK_MS, CLAIM_CHECK_MS, on_claim_timer, a);
}

void agent_claim_served(const char *id, void *arg)
{
	struct agent *a = arg;
	struct agent_claim *c = find_claim(a, id);

	if (!c)
		return;
	if (c->refused_since_ms)
		log_info("claim.granted", "id=%s", id);
	c->refused_since_ms = 0;
	error_free(c->refusal);
	c->refusal = NULL;
	c->served = true;
	agent_changed(a);
}
