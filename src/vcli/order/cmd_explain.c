/* vcli order explain, node explain: why an order has its nodes, and why a node gets nothing. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "vcli/commands.h"
#include "vcli/order/ask.h"
#include "vcli/render.h"

#define FILE_LIMIT (4 * 1024 * 1024)
#define SHOWN 4 /* candidates that did worse */

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static void print_text(const char *before, const char *text, const char *after)
{
	fputs(before, stdout);
	render_text(stdout, text);
	fputs(after, stdout);
}

/* --- an order --- */

static void print_pairs(const json_t *object, const char *before, const char *between)
{
	const char *key = NULL;
	json_t *value = NULL;

	json_object_foreach ((json_t *)object, key, value) {
		print_text(before, key, "");
		print_text(between, json_is_string(value) ? json_string_value(value) : "", "");
	}
}

/* "looked at 8 of 512, 300 of them online; 2 are too old" by the filters' names. */
static void print_counts(const json_t *counts)
{
	print_text("    looked at ", text_of(counts, "looked"), "");
	print_text(" of ", text_of(counts, "of"), "");
	print_text(", ", text_of(counts, "online"), " of them online");
	print_pairs(json_object_get(counts, "refused"), "; kept out by ", ": ");
	fputc('\n', stdout);
}

static void print_candidate(const json_t *c)
{
	print_text("    ", text_of(c, "node"), "");
	print_text(" ", text_of(c, "score"), ":");
	print_pairs(json_object_get(c, "terms"), " ", " ");
	fputc('\n', stdout);
}

static void print_part(const json_t *part)
{
	const json_t *candidates = json_object_get(part, "candidates");
	const size_t count = json_array_size(candidates);

	print_text("  ", text_of(part, "role"), "");
	print_text(json_object_get(part, "standby_of") ? " (standby) " : " ", text_of(part, "node"), "");
	print_text(" of ", text_of(part, "owner"), "\n");
	print_counts(json_object_get(part, "counts"));
	for (size_t i = 0; i < count && i <= SHOWN; i++)
		print_candidate(json_array_get(candidates, i));
	if (count > SHOWN + 1)
		printf("    and %zu more\n", count - SHOWN - 1);
}

static void print_decision(const json_t *d)
{
	const json_t *record = json_object_get(d, "record"), *parts = json_object_get(record, "parts"),
		     *remarks = json_object_get(record, "remarks");

	print_text("", text_of(d, "at"), "");
	print_text(" ", text_of(d, "kind"), ":\n");
	for (size_t i = 0; i < json_array_size(parts); i++)
		print_part(json_array_get(parts, i));
	for (size_t i = 0; i < json_array_size(remarks); i++) {
		const char *remark = json_string_value(json_array_get(remarks, i));

		print_text("  ", remark ? remark : "", "\n");
	}
}

struct error *cmd_order_explain(struct vcli *v)
{
	json_t *answer = NULL, *decisions;

	TRY(ask_dsnd(v, "orders.explain", json_pack("{s:s}", "job", v->args[0]), &answer));
	decisions = json_object_get(answer, "decisions");
	for (size_t i = 0; !v->set.json && i < json_array_size(decisions); i++)
		print_decision(json_array_get(decisions, i));
	if (!v->set.json && !json_array_size(decisions))
		printf("nothing is kept of this order's nodes\n");
	vcli_answer(v, answer);
	return NULL;
}

/* --- a node --- */

static void print_reasons(const json_t *answer)
{
	const json_t *list = json_object_get(answer, "keeps_out"), *promised = json_object_get(answer, "promised");

	print_text("", text_of(answer, "role"), "");
	print_text(" ", text_of(answer, "node_id"), ": ");
	printf("%s; %lld jobs are promised on it\n",
	       json_is_true(json_object_get(answer, "would_do")) ? "nothing keeps it from work" : "gets no work",
	       (long long)json_integer_value(json_object_get(promised, "jobs")));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *reason = json_array_get(list, i);

		print_text("  it is one of those that ", text_of(reason, "text"), "");
		print_text("; what helps: ", text_of(reason, "helps"), "\n");
	}
}

struct error *cmd_node_explain(struct vcli *v)
{
	json_t *answer = NULL, *document = NULL, *params;

	if (v->arg_count > 1)
		TRY(json_parse_file(v->args[1], FILE_LIMIT, &document));
	params = json_pack("{s:s}", "node_id", v->args[0]);
	if (document)
		json_object_set_new(params, "order", document);
	TRY(ask_dsnd(v, "nodes.explain", params, &answer));
	if (!v->set.json)
		print_reasons(answer);
	vcli_answer(v, answer);
	return NULL;
}
