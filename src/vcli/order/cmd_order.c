/* vcli order: streams ordered from dsnd, which picks the nodes. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "vcli/commands.h"
#include "vcli/confirm.h"
#include "vcli/order/ask.h"
#include "vcli/order/pay.h"
#include "vcli/render.h"
#include "vcli/wait.h"

#define LOOK_MS 300
#define FILE_LIMIT (4 * 1024 * 1024)

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static void print_line(const char *what, const char *text)
{
	printf("%-16s", what);
	render_text(stdout, text);
	fputc('\n', stdout);
}

/* --- one order --- */

static void print_publish(const struct vcli *v, const json_t *order)
{
	const json_t *ingest = json_object_get(order, "ingest");
	const char *key = text_of(ingest, "key"), *shown = !*key ? NULL : v->set.pipeline.show_key ? key : "KEY";

	if (!ingest || v->set.quiet)
		return;
	print_line("publish to:", text_of(ingest, "url"));
	printf("%-16s", "  stream key:");
	render_text(stdout, text_of(ingest, "stream"));
	if (shown) {
		fputs("?key=", stdout);
		render_text(stdout, shown);
	}
	fputc('\n', stdout);
	if (shown && !v->set.pipeline.show_key)
		printf("  KEY is shown by \"vcli order status %s --show-key\"\n", text_of(order, "job"));
}

/* dsnd's address stays whichever storages keep it. */
static void print_watch(const struct vcli *v, const json_t *order)
{
	const char *play = text_of(order, "play"), *watch = text_of(order, "watch");

	if (v->set.quiet || !*watch)
		return;
	print_line("watch it at:", *play ? play : watch);
	if (*play)
		print_line("  its storage:", watch);
}

/* Only what was said, or follows from it. */
static void print_times(const json_t *order)
{
	static const struct {
		const char *key, *what;
	} times[] = {{"start_at", "starts at:"}, {"end_at", "ends at:"}, {"delete_at", "deleted at:"}};
	const json_t *days = json_object_get(order, "retain_days");

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (json_object_get(order, times[i].key))
			print_line(times[i].what, text_of(order, times[i].key));
	}
	if (days && !json_object_get(order, "delete_at"))
		printf("%-16s%lld days after its end\n", "deleted:", (long long)json_integer_value(days));
}

static void print_order(const struct vcli *v, const json_t *order)
{
	printf("job %s: %s\n", text_of(order, "job"), text_of(order, "state"));
	if (json_object_get(order, "why"))
		print_line("why:", text_of(order, "why"));
	print_times(order);
	render_table(stdout, json_object_get(order, "nodes"), NULL);
	print_publish(v, order);
	print_watch(v, order);
}

static void hide_key(const struct vcli *v, json_t *order)
{
	json_t *ingest = json_object_get(order, "ingest");

	if (v->set.pipeline.show_key)
		return;
	json_object_del(ingest, "key");
	json_object_del(ingest, "stream_key");
}

static void answer_order(struct vcli *v, json_t *order)
{
	if (!v->set.json)
		print_order(v, order);
	hide_key(v, order);
	vcli_answer(v, order);
}

static struct error *ask_of_job(struct vcli *v, const char *method)
{
	json_t *order = NULL;

	TRY(ask_dsnd(v, method, json_pack("{s:s}", "job", v->args[0]), &order));
	answer_order(v, order);
	return NULL;
}

struct error *cmd_order_status(struct vcli *v)
{
	return ask_of_job(v, "orders.status");
}

struct error *cmd_order_start(struct vcli *v)
{
	return ask_of_job(v, "pipelines.start");
}

struct error *cmd_order_stop(struct vcli *v)
{
	return ask_of_job(v, "pipelines.stop");
}

struct error *cmd_order_cancel(struct vcli *v)
{
	if (!v->set.order.yes)
		TRY(confirm(v, mem_printf(v, "job %s ends for good", v->args[0])));
	return ask_of_job(v, "orders.cancel");
}

struct error *cmd_order_give_up(struct vcli *v)
{
	if (!v->set.order.yes)
		TRY(confirm(v, mem_printf(v, "job %s is over, whatever its nodes know of it", v->args[0])));
	return ask_of_job(v, "orders.give_up");
}

/* --- a new one --- */

static struct error *ask_with_file(struct vcli *v, const char *method, const char *once, json_t **ret_result)
{
	json_t *document = NULL, *params;
	struct error *e;

	TRY(json_parse_file(v->args[0], FILE_LIMIT, &document));
	params = json_pack("{s:o}", "order", document);
	if (once)
		json_put(params, "once", once);
	e = ask_dsnd(v, method, params, ret_result);
	return e && e->code == ERROR_INVALID ? error_wrap(e, "%s", v->args[0]) : e;
}

struct error *cmd_order_plan(struct vcli *v)
{
	json_t *answer = NULL;

	TRY(ask_with_file(v, "orders.plan", NULL, &answer));
	if (!v->set.json)
		render_table(stdout, json_object_get(answer, "nodes"), NULL);
	vcli_answer(v, answer);
	return NULL;
}

static void print_terms(const json_t *plan)
{
	const char *start = text_of(plan, "start_at"), *end = text_of(plan, "end_at");

	fprintf(stderr, "it starts %s%s and ends %s%s; what is stored is deleted %lld days after that\n",
		*start ? "at " : "at once", start, *end ? "at " : "when it is stopped", end,
		(long long)json_integer_value(json_object_get(plan, "retain_days")));
	if (*start)
		fputs("its nodes are chosen then: these are the ones that it would get now\n", stderr);
}

/* What it would get is shown to whoever is asked whether to go on. */
static struct error *confirm_plan(struct vcli *v)
{
	json_t *answer = NULL;
	struct error *e;

	if (v->set.order.yes)
		return NULL;
	TRY(ask_with_file(v, "orders.plan", NULL, &answer));
	render_table(stderr, json_object_get(answer, "nodes"), NULL);
	print_terms(answer);
	json_decref(answer);
	e = confirm(v, "these nodes would be started");
	return e;
}

/* The order does not end with whoever waits for it. */
static void on_interrupt(int number)
{
	static const char text[] =
		"\nvcli: dsnd goes on with the order if it has taken it: vcli order list shows it, vcli order cancel JOB ends it\n";
	ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)written;
	raise(number); /* once more, as it was before */
}

static void tell_when_interrupted(void)
{
	struct sigaction told = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND | SA_NODEFER}, was;

	/* Who had it ignored, nohup for one, goes on waiting. */
	if (sigaction(SIGINT, NULL, &was) == 0 && was.sa_handler == SIG_DFL)
		sigaction(SIGINT, &told, NULL);
}

static struct error *create(struct vcli *v, json_t **ret_order)
{
	TRY(confirm_plan(v));
	tell_when_interrupted();
	TRY(ask_with_file(v, "orders.create", v->set.chain.once, ret_order));
	answer_order(v, *ret_order);
	return NULL;
}

/* --- what it costs --- */

static struct error *pay(struct vcli *v, const json_t *network, const json_t *order, const struct escrow_job *terms)
{
	const json_t *payment;
	struct error *e;

	/* A word for the order is none for its payment. */
	v->set.chain.once = NULL;
	e = pay_order(v, network, order, terms);
	if (e)
		return error_wrap(e, "the order goes on, and is not paid for yet (vcli order pay %s)",
				  text_of(order, "job"));
	payment = json_object_get(v->answer, "payment");
	if (!v->set.json && !v->set.quiet)
		printf("paid: job %s on the chain, %s in escrow until %s\n", text_of(payment, "chain_job"),
		       text_of(payment, "budget"), text_of(payment, "deadline"));
	return NULL;
}

struct error *cmd_order_create(struct vcli *v)
{
	struct escrow_job terms = {.for_ms = 0};
	json_t *order = NULL, *network = NULL;
	struct error *e;

	if (!v->set.market.budget)
		return create(v, &order);
	TRY(pay_prepare(v, &terms, &network));
	e = create(v, &order);
	if (!e)
		e = pay(v, network, order, &terms);
	json_decref(network);
	return e;
}

/* dsnd looks at final blocks only: until then an order that was stopped for want of money would be stopped again. */
static struct error *wait_until_found(struct vcli *v)
{
	int64_t end_ms = v->timeout_ms ? clock_mono_ms() + v->timeout_ms : INT64_MAX;
	bool never = false, found = false;

	while (!found) {
		json_t *status = NULL;

		TRY(ask_dsnd(v, "payments.status", json_pack("{s:s}", "job", v->args[0]), &status));
		found = strcmp(text_of(status, "state"), "bound") == 0;
		json_decref(status);
		if (!found && clock_mono_ms() >= end_ms)
			return error_new(
				ERROR_TIMEOUT,
				"the escrow is in the chain, and dsnd has not found it yet: it looks at final blocks");
		if (!found)
			vcli_wait(&v->loop, &never, clock_mono_ms() + LOOK_MS);
	}
	return NULL;
}

struct error *cmd_order_pay(struct vcli *v)
{
	struct escrow_job terms = {.for_ms = 0};
	json_t *order = NULL, *network = NULL;
	struct error *e;

	TRY(pay_prepare(v, &terms, &network));
	e = ask_dsnd(v, "orders.status", json_pack("{s:s}", "job", v->args[0]), &order);
	if (!e) {
		vcli_answer(v, json_pack("{s:s}", "job", v->args[0]));
		e = pay_order(v, network, order, &terms);
	}
	if (!e)
		e = wait_until_found(v);
	if (!e && !v->set.json)
		printf("paid: job %s on the chain\n", text_of(json_object_get(v->answer, "payment"), "chain_job"));
	json_decref(order);
	json_decref(network);
	return e;
}

/* --- all --- */

struct error *cmd_order_list(struct vcli *v)
{
	static const char *const columns[] = {"job",    "state",     "created", "start_at",
					      "end_at", "delete_at", "why",     NULL};
	json_t *answer = NULL, *orders;

	TRY(ask_dsnd(v, "orders.list", json_object(), &answer));
	orders = json_object_get(answer, "orders");
	if (!v->set.json && json_array_size(orders))
		render_table(stdout, orders, columns);
	else if (!v->set.json)
		printf("no orders\n");
	vcli_answer(v, answer);
	return NULL;
}
