#include "manager/sessions/owners.h"

#include <ctype.h>
#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "manager/service.h"

struct owners {
	struct methods *methods;
	json_t *nodes;  /* node id: its owner's address */
	json_t *counts; /* address: how many nodes */
	char *epoch;    /* NULL: nothing is known yet */
	int64_t version;
	bool asking;
};

static int owners_destroy(struct owners *o)
{
	json_decref(o->nodes);
	json_decref(o->counts);
	return 0;
}

struct owners *owners_new(const void *ctx, struct methods *methods)
{
	struct owners *o = mem_new(ctx, struct owners);

	o->methods = methods;
	o->nodes = json_object();
	o->counts = json_object();
	talloc_set_destructor(o, owners_destroy);
	return o;
}

static void count(struct owners *o, const char *address, json_int_t change)
{
	json_int_t n = json_integer_value(json_object_get(o->counts, address)) + change;

	if (n > 0)
		json_object_set_new(o->counts, address, json_integer(n));
	else
		json_object_del(o->counts, address);
}

static void forget(struct owners *o, const char *node)
{
	const char *before = json_string_value(json_object_get(o->nodes, node));

	if (before)
		count(o, before, -1);
	json_object_del(o->nodes, node);
}

static void take_node(struct owners *o, const json_t *row)
{
	const char *node = json_string_value(json_object_get(row, "node_id")),
		   *told = json_string_value(json_object_get(row, "owner"));
	char address[ID_DIGITS + 1];

	if (!node)
		return;
	forget(o, node);
	if (!told || !hex_id_valid(told) || !json_is_true(json_object_get(row, "obeys")))
		return;
	for (size_t i = 0; i <= ID_DIGITS; i++)
		address[i] = (char)tolower((unsigned char)told[i]);
	json_put(o->nodes, node, address);
	count(o, address, 1);
}

void owners_take(struct owners *o, const json_t *answer)
{
	const char *epoch = json_string_value(json_object_get(answer, "epoch"));
	json_t *row;
	size_t i;

	if (!epoch)
		return;
	if (!o->epoch || strcmp(o->epoch, epoch) != 0) {
		json_object_clear(o->nodes);
		json_object_clear(o->counts);
		mem_free(o->epoch);
		o->epoch = mem_strdup(o, epoch);
	}
	json_array_foreach (json_object_get(answer, "nodes"), i, row)
		take_node(o, row);
	json_array_foreach (json_object_get(answer, "gone"), i, row) {
		if (json_is_string(row))
			forget(o, json_string_value(row));
	}
	o->version = json_integer_value(json_object_get(answer, "version"));
}

static void on_answer(const struct method *row, const json_t *result, const struct error *e, void *arg)
{
	struct owners *o = arg;

	(void)row;
	o->asking = false;
	if (e)
		log_debug("sessions.owners", "why=%s", log_q(e->message));
	else
		owners_take(o, result);
}

void owners_ask(struct owners *o)
{
	const struct caller self = service_self();
	json_t *params;

	if (o->asking)
		return;
	o->asking = true;
	params = o->epoch ? json_pack("{s:s,s:I}", "epoch", o->epoch, "since", (json_int_t)o->version) : json_object();
	method_begin(o, o->methods, &self, "nodes.changes", params, on_answer, o);
	json_decref(params);
}

bool owners_has(const struct owners *o, const char *address)
{
	return json_object_get(o->counts, address) != NULL;
}
