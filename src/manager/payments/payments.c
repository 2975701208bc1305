#include "manager/payments/payments.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "contracts/order_document.h"
#include "manager/payments/payments_impl.h"
#include "store/events.h"

#define CURSOR "payments"
#define TICK_MS 500
#define WHOLE_EVERY 60 /* rounds: then each escrow is looked at, whether something happened or not */
#define OWED_MOST 16   /* orders of one owner, owed or stopped as unpaid within a day: who has more gets no time */
#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define UP_LEAST_MS 2000 /* the chain is read to its end by then */

static void set_trouble(struct payments *p, const char *why)
{
	if (why && (!p->trouble || strcmp(why, p->trouble) != 0))
		log_warn("payments.trouble", "why=%s", log_q(why));
	mem_free(p->trouble);
	p->trouble = why ? mem_strdup(p, why) : NULL;
}

/* --- what became of orders --- */

/* May come twice: that a job is looked at once more does no harm. */
static struct error *on_event(struct db *db, const struct event *event, void *arg)
{
	if (strncmp(event->type, "order.", 6) != 0 && strncmp(event->type, "job.", 4) != 0)
		return NULL;
	payments_mark(arg, event->subject);
	return payment_rows_take(db, event);
}

static struct error *follow(struct payments *p)
{
	size_t count = EVENTS_BATCH_MAX;

	if (!p->cursor)
		TRY(events_cursor_make(p->host->db, CURSOR, true));
	p->cursor = true;
	while (count == EVENTS_BATCH_MAX)
		TRY(events_take(p->host->db, CURSOR, EVENTS_BATCH_MAX, on_event, p, &count));
	return NULL;
}

/* --- stopping --- */

static void on_stopped(const struct method *method, const json_t *result, const struct error *e, void *arg)
{
	(void)method;
	(void)result;
	(void)arg;
	if (e)
		log_info("payments.stop", "why=%s", log_q(e->message));
}

static struct error *stop(struct payments *p, const struct payment_row *row, const char *why)
{
	const struct caller self = service_self();
	json_t *params;

	log_info("payments.unpaid", "job=%s why=%s", row->job, log_q(why));
	if (row->state != PAYMENT_OVERDUE)
		TRY(payment_rows_overdue(p->host->db, row));
	params = json_pack("{s:s,s:s}", "job", row->job, "why", why);
	method_begin(p, p->host->methods, &self, "pipelines.stop", params, on_stopped, p);
	json_decref(params);
	return NULL;
}

/* --- the escrow --- */

static bool is_enough(const struct payments *p, const struct ledger_job *job)
{
	return job->number && !job->over && job->deadline_s > clock_wall_ms() / 1000 &&
	       u256_cmp(job->budget, p->host->network->chain_paid_on->least_budget) >= 0;
}

/* A chain that is away is nobody's fault: time counts since it is read again. */
static bool is_late(const struct payments *p, const struct payment_row *row, int64_t owed)
{
	int64_t up_ms = payments_link_up_ms(p->link), age_ms = clock_wall_ms() - row->created_ms;
	int64_t may_ms = owed > OWED_MOST ? UP_LEAST_MS : p->host->network->chain_paid_on->unpaid_ms;

	return up_ms >= UP_LEAST_MS && up_ms >= may_ms && age_ms >= may_ms;
}

static struct error *find_escrow(struct payments *p, const struct payment_row *row)
{
	uint8_t document[ABI_WORD];
	struct ledger_job job;
	int64_t owed = 0;

	order_document(row->job, p->host->network->manager, document);
	TRY(ledger_find_job(payments_link_ledger(p->link), document, row->owner, &job));
	if (is_enough(p, &job)) {
		log_info("payments.paid", "job=%s chain_job=%" PRId64, row->job, job.number);
		TRY(payment_rows_bind(p->host->db, row, job.number));
		payments_mark(p, row->job);
		return NULL;
	}
	if (!row->works)
		return NULL;
	TRY(payment_rows_owed(p->host->db, row->owner, clock_wall_ms() - DAY_MS, &owed));
	if (!is_late(p, row, owed))
		return NULL;
	return stop(p, row,
		    job.number ? "its escrow on the chain is over or too small: vcli order pay, then vcli order start"
			       : "nobody has paid for it in time: vcli order pay, then vcli order start");
}

/* The chain has ended its job before the order was. */
static struct error *check_escrow(struct payments *p, const struct payment_row *row, bool *ret_good)
{
	struct ledger_job job;

	TRY(ledger_get_job(payments_link_ledger(p->link), row->chain_job, &job));
	*ret_good = is_enough(p, &job);
	if (*ret_good || !row->works || payments_link_up_ms(p->link) < UP_LEAST_MS)
		return NULL;
	return stop(p, row, "its job on the chain is over: vcli order pay, then vcli order start");
}

static struct error *look_at(struct payments *p, const struct payment_row *row, enum ledger_role role)
{
	bool dirty = json_object_get(p->dirty, row->job) != NULL, good = false;

	/* It is looked for when somebody asks, and in each whole round. */
	if (row->state == PAYMENT_OVERDUE)
		json_object_del(p->dirty, row->job);
	if (row->state != PAYMENT_BOUND)
		return find_escrow(p, row);
	TRY(check_escrow(p, row, &good));
	if (!good && row->ended)
		return payment_rows_end(p->host->db, row);
	return good && dirty && role == LEDGER_ROLE_HELD ? payments_settle(p, row) : NULL;
}

/* Of the jobs that are marked. */
static struct error *add_marked(struct payments *p, void *scope, struct payment_row **rows, size_t *count)
{
	const char *job;
	json_t *yes, *marked = json_copy(p->dirty);

	json_object_foreach (marked, job, yes) {
		struct payment_row *row = NULL;
		struct error *e = payment_rows_find(scope, p->host->db, job, NULL, &row);

		/* Ordered before there was a chain, or over. */
		if (e || row->state == PAYMENT_OVER)
			json_object_del(p->dirty, job);
		error_free(e);
		if (!row || row->state == PAYMENT_OWED)
			continue;
		*rows = mem_resize(scope, *rows, struct payment_row, *count + 1);
		(*rows)[(*count)++] = *row;
	}
	json_decref(marked);
	return NULL;
}

/* One that goes wrong does not hold the others up. */
static struct error *look_at_all(struct payments *p, void *scope)
{
	enum ledger_role role = LEDGER_ROLE_NONE;
	struct payment_row *rows = NULL;
	struct error *first = NULL;
	bool whole = p->rounds++ % WHOLE_EVERY == 0;
	size_t count = 0;

	TRY(payments_settle_role(p, &role));
	TRY(payment_rows_open(scope, p->host->db, whole, &rows, &count));
	if (!whole)
		TRY(add_marked(p, scope, &rows, &count));
	for (size_t i = 0; i < count; i++) {
		struct error *e = look_at(p, &rows[i], role);

		if (first)
			error_free(e);
		else
			first = e;
	}
	return first;
}

/* --- who is barred --- */

static struct error *on_bar(const struct ledger_bar *bar, void *arg)
{
	json_array_append_new(arg, json_pack("{s:s,s:I,s:s}", "subject", bar->subject, "until_s",
					     (json_int_t)bar->until_s, "why", bar->why ? bar->why : ""));
	return NULL;
}

static void on_told(const struct method *method, const json_t *result, const struct error *e, void *arg)
{
	struct payments *p = arg;

	(void)method;
	(void)result;
	p->bars_asked = false;
	if (!e)
		return;
	p->bars_block = 0;
	log_debug("payments.bars", "why=%s", log_q(e->message));
}

/* All of them, whenever the chain has said something new: who was not told of a part of it would not know. */
static struct error *tell_bars(struct payments *p)
{
	const struct caller self = service_self();
	uint64_t block = payments_link_block(p->link);
	json_t *params, *list;
	struct error *e;

	if (p->bars_asked || (p->bars_block == block + 1))
		return NULL;
	list = json_array();
	e = ledger_bars(payments_link_ledger(p->link), clock_wall_ms() / 1000, on_bar, list);
	params = json_pack("{s:{s:o}}", "bars", "list", list);
	if (!e) {
		p->bars_asked = true;
		p->bars_block = block + 1;
		method_begin(p, p->host->methods, &self, "nodes.chain_bars", params, on_told, p);
	}
	json_decref(params);
	return e;
}

/* --- rounds --- */

static struct error *open_outbox(struct payments *p)
{
	if (p->sending)
		return NULL;
	TRY(payments_link_lead(p->link));
	p->sending = true;
	return NULL;
}

static void round_of(struct payments *p)
{
	void *scope = mem_strdup(NULL, "");
	struct error *e = open_outbox(p);

	if (!e)
		e = follow(p);
	if (!e)
		e = look_at_all(p, scope);
	set_trouble(p, e ? e->message : NULL);
	error_free(e);
	mem_free(scope);
}

static void tick(void *state)
{
	struct payments *p = state;
	struct error *e;

	if (!p->link)
		return;
	if (p->leads)
		round_of(p);
	/* The registry of this process, which may stand by too. */
	e = tell_bars(p);
	if (e)
		log_warn("payments.bars", "why=%s", log_q(e->message));
	error_free(e);
}

static void on_moved(void *arg)
{
	(void)arg;
}

/* What was left: nobody knows what has changed meanwhile. */
static void start(void *state)
{
	struct payments *p = state;
	void *scope = mem_strdup(NULL, "");
	struct payment_row *rows = NULL;
	size_t count = 0;
	struct error *e;

	p->leads = true;
	p->cursor = false;
	if (p->link) {
		e = payment_rows_open(scope, p->host->db, true, &rows, &count);
		for (size_t i = 0; !e && i < count; i++)
			payments_mark(p, rows[i].job);
		set_trouble(p, e ? e->message : NULL);
		error_free(e);
		tick(p);
	}
	mem_free(scope);
}

static void stop_leading(const struct error *why, void *state)
{
	struct payments *p = state;

	(void)why;
	p->leads = p->sending = false;
	if (p->link)
		payments_link_rest(p->link);
}

static int payments_destroy(struct payments *p)
{
	mem_free(p->link);
	json_decref(p->dirty);
	json_decref(p->asking);
	return 0;
}

static struct error *open_payments(const void *ctx, const struct service_host *host, void **ret_state)
{
	struct payments *p = mem_new(ctx, struct payments);

	*p = (struct payments){.host = host, .dirty = json_object(), .asking = json_object()};
	talloc_set_destructor(p, payments_destroy);
	if (host->network && host->network->chain_paid_on)
		TRY(payments_link_open(p, host, on_moved, p, &p->link));
	*ret_state = p;
	return NULL;
}

/* --- how it is --- */

static char *degraded(const void *ctx, void *state)
{
	struct payments *p = state;
	enum ledger_role role = LEDGER_ROLE_HELD;
	const char *trouble;

	if (!p->link)
		return NULL;
	trouble = payments_link_trouble(p->link);
	if (trouble)
		return mem_printf(ctx, "the chain: %s; orders start all the same, what is to be written waits",
				  trouble);
	if (p->trouble)
		return mem_strdup(ctx, p->trouble);
	error_free(ledger_role_of(payments_link_ledger(p->link), payments_link_account(p->link), &role));
	return role == LEDGER_ROLE_HELD ? NULL
					: mem_printf(ctx, "dsnd may not assign nodes yet: vcli role grant manager %s",
						     payments_link_account(p->link));
}

static void measure(struct metrics_text *t, void *state)
{
	const struct payments *p = state;
	int64_t counts[PAYMENT_STATES], pending = 0;
	struct error *e;

	metrics_gauge(t, "chain_up", "Is the chain that orders are paid on being read?",
		      p->link && payments_link_up_ms(p->link) > 0);
	if (!p->link)
		return;
	metrics_gauge(t, "chain_block", "The last final block that was read.", (double)payments_link_block(p->link));
	e = payments_link_pending(p->link, &pending);
	error_free(e);
	metrics_gauge(t, "transactions_pending", "Transactions that are not final.", (double)pending);
	metrics_gauge(t, "payments_unsettled", "Orders whose nodes may not all be assigned yet.",
		      (double)json_object_size(p->dirty));
	e = payment_rows_count(p->host->db, counts);
	metrics_head(t, METRICS_GAUGE, "payments", "Orders, by state of their payment.");
	for (enum payment_state s = 0; !e && s < PAYMENT_STATES; s++)
		metrics_line(t, "payments", "state", payment_state_name(s), (double)counts[s]);
	error_free(e);
}

static const struct db_migration migrations[] = {{payment_tables}};
static const struct service_task tasks[] = {{TICK_MS, tick}, {0, NULL}};

const struct service_ops payments_service = {
	.name = "payments",
	.text = "escrow and assignment on the chain; the only one that sends transactions",
	.calls = "jobs",
	.migrations = migrations,
	.migration_count = 1,
	.methods = payments_methods,
	.method_count = PAYMENTS_METHODS,
	.tasks = tasks,
	.warm = true,
	.open = open_payments,
	.start = start,
	.stop = stop_leading,
	.degraded = degraded,
	.measure = measure,
};
