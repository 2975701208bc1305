/* What is sent: looked at before it is kept, kept, waited for. */
#include <inttypes.h>
#include <string.h>

#include "base/loop.h"
#include "base/mem.h"
#include "contracts/contracts_impl.h"
#include "contracts/once.h"
#include "contracts/refusal.h"

#define LOOK_MS 100

struct contracts_sending {
	struct contracts *k;
	const void *ctx; /* the record belongs to it */
	struct contracts_intention in;
	uint8_t said[TXBOX_HASH_BYTES];
	uint64_t gas;
	bool waits; /* is in the list of those that wait */
	struct timer *look;
	struct txbox_record **ret;
	contracts_fn *fn;
	void *arg;
	struct contracts_sending *next;
};

static void leave(struct contracts_sending *s)
{
	struct contracts_sending **at = &s->k->waiting;

	while (s->waits && *at != s)
		at = &(*at)->next;
	if (s->waits)
		*at = s->next;
	s->waits = false;
}

static int sending_destroy(struct contracts_sending *s)
{
	leave(s);
	return 0;
}

static void finish(struct contracts_sending *s, struct error *e, enum contracts_refusal refusal)
{
	talloc_steal(NULL, s);
	leave(s);
	contracts_tell(e, refusal, s->fn, s->arg);
	mem_free(s);
}

const char *contracts_waiting(const struct contracts *k)
{
	return k->waiting ? k->waiting->in.what : NULL;
}

/* --- what became of it --- */

static struct error *judge(const struct contracts_sending *s, const struct txbox_record *record,
			   enum contracts_refusal *ret_refusal)
{
	char *why;
	struct error *e;

	switch (record->state) {
	case TXBOX_DONE:
		return NULL;
	case TXBOX_REVERTED:
		return error_new(ERROR_REFUSED,
				 "%s was carried out in block %" PRIu64
				 " and the contract refused it: something else came first; try again to hear what",
				 s->in.what, record->receipt.block);
	case TXBOX_REFUSED:
		if (!record->revert)
			return error_new(ERROR_REFUSED, "%s", record->why);
		*ret_refusal = refusal_of(record->revert, record->revert_n);
		why = refusal_text(NULL, record->revert, record->revert_n);
		e = error_new(ERROR_REFUSED, "%s", why);
		mem_free(why);
		return e;
	case TXBOX_ABANDONED:
		return error_new(ERROR_REFUSED, "%s was abandoned (vcli outbox abandon)", s->in.what);
	case TXBOX_WANTED:
	case TXBOX_SIGNED:
	case TXBOX_MINED:
		break;
	}
	return contracts_not_yet(s->k, s->in.what);
}

static void end(struct contracts_sending *s)
{
	struct txbox_record *record = NULL;
	enum contracts_refusal refusal = CONTRACTS_REFUSAL_NONE;
	struct error *e = txbox_get(s, s->k->db, s->in.intent.id, &record);

	if (!e)
		e = judge(s, record, &refusal);
	if (!e && s->k->config.on_done)
		s->k->config.on_done(s->in.what, record, s->k->config.arg);
	if (!e && s->ret)
		*s->ret = talloc_steal(s->ctx, record);
	finish(s, e, refusal);
}

static void on_end(void *arg)
{
	end(arg);
}

void contracts_final(const struct txbox_record *record, void *contracts)
{
	struct contracts *k = contracts;

	for (struct contracts_sending *s = k->waiting; s; s = s->next) {
		/* The sender is at work: in a turn of its own. */
		if (strcmp(s->in.intent.id, record->intent.id) == 0)
			timer_again(s->look, 0, 0);
	}
}

static void on_look(void *arg)
{
	struct contracts_sending *s = arg;
	struct txbox_record *record = NULL;
	struct error *e = txbox_get(s, s->k->db, s->in.intent.id, &record);
	bool over = e || txbox_state_final(record->state) || sender_unproved(s->k->sender);

	error_free(e);
	mem_free(record);
	if (over)
		end(s);
	else
		timer_again(s->look, LOOK_MS, 0);
}

/* --- before it is kept --- */

static void wait_for(struct contracts_sending *s)
{
	s->waits = true;
	s->next = s->k->waiting;
	s->k->waiting = s;
	s->look = timer_start(s, s->k->config.loop, LOOK_MS, 0, on_look, s);
	if (s->k->config.on_sent)
		s->k->config.on_sent(s->in.what, s->k->config.arg);
}

static void on_checked(const struct contracts_answer *a, void *arg)
{
	struct contracts_sending *s = arg;
	struct error *e = a->error ? error_copy(a->error) : NULL;

	if (!e)
		e = sender_put_estimated(s->k->sender, &s->in.intent, s->gas);
	if (e)
		finish(s, e, a->refusal);
	else
		wait_for(s);
}

/* How often the same was sent before: a command that is said again may need only the later ones of its transactions. */
static unsigned count_sent(struct contracts *k, const char *what)
{
	unsigned before = 0;

	for (size_t i = 0; i < k->sent_count; i++)
		before += strcmp(k->sent[i], what) == 0;
	k->sent = mem_resize(k, k->sent, char *, k->sent_count + 1);
	k->sent[k->sent_count++] = mem_strdup(k, what);
	return before;
}

/* What `once` has named before was carried out when the outbox was opened, or stays refused. */
static struct error *begin(struct contracts_sending *s, bool *ret_known)
{
	struct contracts *k = s->k;
	struct txbox_record *record = NULL;
	char *id = NULL;
	struct error *e;

	TRY(once_id(s, k->config.once, sender_account(k->sender), s->in.what,
		    k->config.once ? count_sent(k, s->in.what) : 0, &id));
	s->in.intent.id = id;
	TRY(once_hash(&s->in, s->said));
	s->in.intent.said = s->said;
	e = txbox_get(s, k->db, id, &record);
	if (e && e->code != ERROR_NOT_FOUND)
		return e;
	*ret_known = !e;
	error_free(e);
	return *ret_known ? once_check(k->config.once, &s->in, record) : NULL;
}

void contracts_put(const void *ctx, struct contracts *k, const struct contracts_intention *in,
		   struct txbox_record **ret, contracts_fn *fn, void *arg)
{
	struct contracts_sending *s = mem_new(ctx, struct contracts_sending);
	bool known = false;
	struct error *e;

	*s = (struct contracts_sending){.k = k, .ctx = ctx, .in = *in, .ret = ret, .fn = fn, .arg = arg};
	talloc_set_destructor(s, sending_destroy);
	s->in.what = mem_strdup(s, in->what);
	s->in.intent.data = mem_memdup(s, in->intent.data, in->intent.n ? in->intent.n : 1);
	e = begin(s, &known);
	s->in.besides = NULL;
	if (e) {
		mem_free(s);
		contracts_fail(ctx, k, e, fn, arg);
	} else if (known) {
		timer_start(s, k->config.loop, 0, 0, on_end, s);
	} else {
		contracts_check(s, k, &s->in.intent, &s->gas, on_checked, s);
	}
}

bool contracts_is_named(const struct contracts *k)
{
	return k->config.once != NULL;
}

struct error *contracts_said(const struct contracts *k, const struct codec_function *f, bool *ret_said)
{
	char *what = mem_printf(NULL, "%s.%s", f->contract, f->name), *id = NULL;
	struct txbox_record *record = NULL;
	struct error *e = NULL;

	*ret_said = false;
	if (contracts_is_named(k))
		e = once_id(what, k->config.once, sender_account(k->sender), what, 0, &id);
	if (!e && id) {
		e = txbox_get(what, k->db, id, &record);
		*ret_said = !e;
		if (e && e->code == ERROR_NOT_FOUND) {
			error_free(e);
			e = NULL;
		}
	}
	mem_free(what);
	return e;
}

/* --- by its form --- */

void contracts_send(const void *ctx, struct contracts *k, const struct codec_function *f, const void *args,
		    const struct contracts_terms *terms, struct txbox_record **ret, contracts_fn *fn, void *arg)
{
	struct buf *data = buf_new(NULL, ABI_CALL_BYTES);
	struct contracts_intention in = {.what = mem_printf(data, "%s.%s", f->contract, f->name), .function = f};
	struct error *e = contracts_address(k, f->contract, in.intent.to);

	if (!e)
		e = codec_call(f, args, data);
	in.intent.data = (const uint8_t *)data->data;
	in.intent.n = data->len;
	if (terms) {
		in.intent.value = terms->value;
		in.forget = terms->forget;
		in.besides = terms->besides;
	}
	if (e)
		contracts_fail(ctx, k, e, fn, arg);
	else
		contracts_put(ctx, k, &in, ret, fn, arg);
	mem_free(data);
}

void contracts_create(const void *ctx, struct contracts *k, const struct codec_constructor *c, const void *args,
		      struct txbox_record **ret, contracts_fn *fn, void *arg)
{
	struct buf *data = buf_new(NULL, ABI_CALL_BYTES);
	struct contracts_intention in = {.what = mem_printf(data, "%s.constructor", c->contract),
					 .intent = {.creates = true}};
	struct error *e = codec_construct(c, args, data);

	in.intent.data = (const uint8_t *)data->data;
	in.intent.n = data->len;
	if (e)
		contracts_fail(ctx, k, e, fn, arg);
	else
		contracts_put(ctx, k, &in, ret, fn, arg);
	mem_free(data);
}

void contracts_pay(const void *ctx, struct contracts *k, const uint8_t to[ETH_ADDRESS_BYTES], struct u256 value,
		   struct txbox_record **ret, contracts_fn *fn, void *arg)
{
	struct contracts_intention in = {.what = "payment", .intent = {.value = value, .data = (const uint8_t *)""}};

	memcpy(in.intent.to, to, ETH_ADDRESS_BYTES);
	contracts_put(ctx, k, &in, ret, fn, arg);
}
