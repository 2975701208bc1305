#include "vcli/node/resolve.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "client/known_nodes.h"
#include "vcli/money.h"
#include "vcli/suggest.h"

#define LISTED 8

enum way { BY_NAME, BY_BEGINNING };

static bool meant(const struct resolve_entry *r, const char *text, enum way way)
{
	if (way == BY_NAME)
		return r->name && strcmp(r->name, text) == 0;
	return strncasecmp(r->id, text, strlen(text)) == 0;
}

static char *candidate(const void *ctx, const struct resolve_entry *r)
{
	return mem_printf(ctx, "%s (%s%s%s)", r->id, r->what ? r->what : "node", r->name ? " " : "",
			  r->name ? r->name : "");
}

static struct error *several(const char *text, const struct resolve_entry *entries, size_t count, enum way way)
{
	void *scope = mem_new(NULL, char);
	char *list = mem_strdup(scope, "");
	struct error *e;
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		if (!meant(&entries[i], text, way) || strstr(list, entries[i].id))
			continue;
		if (found++ < LISTED)
			list = mem_printf(scope, "%s%s%s", list, *list ? ", " : "", candidate(scope, &entries[i]));
	}
	e = error_new(ERROR_INVALID, "\"%.80s\" %s: %s%s; write more of the id", text,
		      way == BY_NAME ? "is the name of several" : "is the beginning of several ids", list,
		      found > LISTED ? ", ..." : "");
	mem_free(scope);
	return e;
}

const struct resolve_entry *resolve_match(const char *text, const struct resolve_entry *entries, size_t count,
					  struct error **ret_error)
{
	for (enum way way = BY_NAME; *text && way <= BY_BEGINNING; way++) {
		const struct resolve_entry *found = NULL;

		for (size_t i = 0; i < count; i++) {
			if (!meant(&entries[i], text, way))
				continue;
			if (found && strcasecmp(found->id, entries[i].id) != 0) {
				*ret_error = several(text, entries, count, way);
				return NULL;
			}
			found = &entries[i];
		}
		if (found)
			return found;
	}
	return NULL;
}

/* Nodes and agents as entries; an agent is known by the nodes it reports. */
static size_t entries_of(const struct client_known *k, enum resolve_kind kind, struct resolve_entry *entries)
{
	size_t count = 0;

	for (size_t i = 0; i < k->count; i++) {
		const struct client_known_node *n = k->nodes[i];
		const char *role = json_string_value(json_object_get(n->row, "role"));

		if (kind & RESOLVE_NODE)
			entries[count++] = (struct resolve_entry){n->id, n->name, role};
		if ((kind & RESOLVE_AGENT) && n->agent_id && hex_id_valid(n->agent_id))
			entries[count++] = (struct resolve_entry){n->agent_id, n->agent_name, "agent"};
	}
	return count;
}

static struct error *nobody(const char *text, const struct resolve_entry *entries, size_t count, enum resolve_kind kind)
{
	struct suggest_word s = {.word = text};
	const char *what = kind == RESOLVE_AGENT ? "agent" : "node";

	for (size_t i = 0; i < count; i++) {
		if (entries[i].name)
			suggest_try(&s, entries[i].name);
	}
	if (s.best)
		return error_new(ERROR_INVALID, "\"%.80s\" is no %s known here; did you mean \"%s\"?", text, what,
				 s.best);
	return error_new(
		ERROR_INVALID,
		"\"%.80s\" is no %s id: 40 hexadecimal digits are wanted, or the name or the beginning of the id of one that is known here (\"vcli node list\" shows those)",
		text, what);
}

static char *lower(const void *ctx, const char *text)
{
	char *out = mem_strdup(ctx, text);

	for (char *p = out; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return out;
}

struct error *resolve_id(const void *ctx, const struct client_options *client, const char *text, enum resolve_kind kind,
			 char **ret_id)
{
	struct client_known *k = NULL;
	struct resolve_entry *entries = NULL;
	const struct resolve_entry *found = NULL;
	struct error *e = NULL;
	size_t count = 0;

	if (hex_id_valid(text)) {
		*ret_id = lower(ctx, text);
		return NULL;
	}
	TRY(client_known_open(ctx, client, &k));
	entries = mem_array(k, struct resolve_entry, k->count * 2 + 1);
	count = entries_of(k, kind, entries);
	found = resolve_match(text, entries, count, &e);
	if (found)
		*ret_id = lower(ctx, found->id);
	else if (!e)
		e = nobody(text, entries, count, kind);
	mem_free(k);
	return e;
}

struct error *resolve_address(struct vcli *v, const char *what, const char *text, char **ret_address)
{
	struct error *e = money_address(v, what, text, ret_address), *unclear = NULL;
	const char *digits = strncasecmp(text, "0x", 2) == 0 ? text + 2 : text;
	const struct resolve_entry *found = NULL;
	struct resolve_entry *entries = NULL;
	struct client_known *k = NULL;
	size_t count = 0;

	if (!e || !hex_is(digits, strlen(digits)) || strlen(digits) >= ID_DIGITS)
		return e;
	error_free(e);
	TRY(client_known_open(v, &v->set.client, &k));
	entries = mem_array(k, struct resolve_entry, k->count * 2 + 1);
	count = entries_of(k, RESOLVE_NODE, entries);
	for (size_t i = 0; i < count; i++)
		entries[i].name = NULL;
	found = resolve_match(digits, entries, count, &unclear);
	if (unclear)
		return error_wrap(unclear, "%s", what);
	if (!found)
		return error_new(
			ERROR_INVALID,
			"%s: \"%.80s\" is no address: 40 hexadecimal digits, or the beginning of the id of a node that is known here (\"vcli node list\" shows those)",
			what, text);
	if (!v->set.quiet)
		fprintf(stderr, "note: %s is %s\n", text, found->id);
	return money_address(v, what, found->id, ret_address);
}
