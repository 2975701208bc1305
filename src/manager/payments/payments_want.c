/* Writing one thing on the chain, once: meant in dsnd's database, then put into the outbox under the same id. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "manager/payments/payments_impl.h"

#define AGAIN_FIRST_MS 5000 /* after what was refused; doubled each time */
#define AGAIN_MOST_MS 3600000
#define SHOWN_MS 60000 /* until the ledger shows what was carried out */

static int64_t pause_ms(int64_t attempt)
{
	int64_t ms = AGAIN_FIRST_MS;

	for (int64_t i = 1; i < attempt && ms < AGAIN_MOST_MS; i++)
		ms *= 2;
	return ms < AGAIN_MOST_MS ? ms : AGAIN_MOST_MS;
}

static struct error *put(const struct payments *p, const struct payment_intent *i, const struct payments_wish *wish)
{
	char *id = payment_intent_id(NULL, i);
	struct error *e = payments_link_put(p->link, id, wish->function, wish->args);

	mem_free(id);
	return e;
}

static struct error *begin(struct payments *p, struct payment_intent *i, const struct payments_wish *wish)
{
	struct payment_intent undone = {.state = PAYMENT_INTENT_NONE};

	if (wish->undoes) {
		TRY(payment_intent_find(NULL, p->host->db, wish->undoes, &undone));
		mem_free(undone.why);
		undone.why = NULL;
		undone.next_ms = 0;
		if (undone.attempt)
			TRY(payment_intent_settle(p->host->db, &undone, PAYMENT_INTENT_NONE));
	}
	TRY(payment_intent_begin(p->host->db, i, service_term(p->host)));
	log_info("payments.wanted", "what=%s attempt=%lld", log_q(i->what), (long long)i->attempt);
	return put(p, i, wish);
}

/* What has become of it in the outbox; a crash may have been before it came there. */
static struct error *look(void *scope, struct payments *p, struct payment_intent *i, const struct payments_wish *wish)
{
	enum txbox_state state = TXBOX_WANTED;
	char *why = NULL;
	struct error *e = payments_link_find(scope, p->link, payment_intent_id(scope, i), &state, &why);

	if (e && e->code == ERROR_NOT_FOUND) {
		error_free(e);
		return put(p, i, wish);
	}
	if (e || !txbox_state_final(state))
		return e;
	if (state == TXBOX_DONE) {
		i->next_ms = clock_wall_ms() + SHOWN_MS;
		return payment_intent_settle(p->host->db, i, PAYMENT_INTENT_DONE);
	}
	i->why = why ? why : mem_strdup(scope, txbox_state_word(state));
	i->next_ms = clock_wall_ms() + pause_ms(i->attempt);
	log_warn("payments.refused", "what=%s attempt=%lld why=%s", log_q(i->what), (long long)i->attempt,
		 log_q(i->why));
	return payment_intent_settle(p->host->db, i, PAYMENT_INTENT_FAILED);
}

struct error *payments_want(struct payments *p, const struct payments_wish *wish, bool *ret_left)
{
	void *scope = mem_strdup(NULL, "");
	struct payment_intent i;
	struct error *e = payment_intent_find(scope, p->host->db, wish->what, &i);

	if (!e && i.state == PAYMENT_INTENT_OPEN)
		e = look(scope, p, &i, wish);
	else if (!e &&
		 (i.state == PAYMENT_INTENT_NONE || (i.state == PAYMENT_INTENT_FAILED && clock_wall_ms() >= i.next_ms)))
		e = begin(p, &i, wish);
	/* Carried out, and not in the ledger: that is behind, or somebody else has undone it. */
	*ret_left = *ret_left || i.state != PAYMENT_INTENT_DONE || clock_wall_ms() < i.next_ms;
	mem_free(scope);
	return e;
}
