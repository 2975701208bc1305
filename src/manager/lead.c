#include "manager/lead.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/lease.h"

#define AGAIN_MS 1000

struct lead {
	char *service;
	bool alone;
	struct lease *lease;
	struct error *trouble;
	int64_t again_ms; /* of lease_clock_ms(): not sooner after a failure */
};

static int lead_destroy(struct lead *l)
{
	error_free(l->trouble);
	return 0;
}

struct error *lead_new(const void *ctx, struct db *db, const char *service, const struct lead_options *options,
		       struct lead **ret_lead)
{
	const struct lease_times times = {options->expire_ms, options->expire_ms * 2 / 3, options->expire_ms / 3};
	struct lead *l = mem_new(ctx, struct lead);
	struct error *e;

	l->service = mem_strdup(l, service);
	l->alone = options->alone;
	e = lease_new(l, db, service, options->holder, &times, &l->lease);
	if (e) {
		mem_free(l);
		return e;
	}
	talloc_set_destructor(l, lead_destroy);
	*ret_lead = l;
	return NULL;
}

/* Takes e. */
static void note(struct lead *l, struct error *e)
{
	if (e && !l->trouble)
		log_warn("lead.ask", "service=%s why=%s", l->service, log_q(e->message));
	else if (!e && l->trouble)
		log_info("lead.ask", "service=%s why=%s", l->service, log_q("it could be asked for again"));
	error_free(l->trouble);
	l->trouble = e;
}

static struct error *ask(struct lead *l, int64_t now_ms)
{
	lease_least_term(l->lease, clock_wall_ms() / 1000);
	return l->alone ? lease_take(l->lease) : lease_ask(l->lease, now_ms);
}

void lead_tick(struct lead *l, bool wanted)
{
	int64_t now_ms = lease_clock_ms();

	if (!wanted) {
		lead_end(l);
		return;
	}
	if (now_ms < (l->trouble ? l->again_ms : lease_due_ms(l->lease)))
		return;
	note(l, ask(l, now_ms));
	l->again_ms = now_ms + AGAIN_MS;
}

void lead_end(struct lead *l)
{
	struct error *e = lease_release(l->lease);

	if (e)
		log_warn("lead.release", "service=%s why=%s", l->service, log_q(e->message));
	error_free(e);
}

int64_t lead_term(const struct lead *l)
{
	return lease_term(l->lease, lease_clock_ms());
}

const char *lead_holder(const struct lead *l)
{
	return lease_holder(l->lease);
}

const struct error *lead_trouble(const struct lead *l)
{
	return l->trouble;
}

struct error *lead_fence(struct db *db, const void *lead)
{
	const struct lead *l = lead;

	(void)db;
	if (!lead_term(l))
		return error_new(ERROR_UNAVAILABLE, "%s: this dsnd leads it no more: nothing is written", l->service);
	return lease_fence(l->lease);
}
