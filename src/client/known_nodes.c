#include "client/known_nodes.h"

#include <string.h>

#include "api/grammar.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/keyring.h"
#include "client/folders.h"
#include "store/db.h"

#define ROW_LIMIT 16384

static const char node_schema[] =
	"create table if not exists known_node(bus text not null, network text not null, id text not null, seen_ms integer not null, row text not null, primary key(bus, network, id)) without rowid;";

static const char *const first[] = {node_schema, keyring_schema, NULL};
static const struct db_migration migrations[] = {{first}};
static const char *const first_tables[] = {"known_node", "known_key", NULL};
const struct db_schema client_known_database = {
	.application_id = DB_APPLICATION_ID('K'),
	.name = "vcli's record of nodes and keys",
	.first_tables = first_tables,
	.migrations = migrations,
	.count = sizeof(migrations) / sizeof(migrations[0]),
};

/* Of a status what a list shows; the rest is long, and old soon. */
static const char *const kept[] = {"role", "name", "agent_id", "agent_name", "state",    "maintenance",
				   "mode", "ip",   "runtime",  "ports",      "job_count"};

static int node_destroy(struct client_known_node *n)
{
	json_decref(n->row);
	return 0;
}

static struct error *open_db(const void *ctx, const struct client_options *client, struct db **ret_db)
{
	char *folder = NULL;

	TRY(client_state_make(ctx, &client->state, NULL, &folder));
	return db_open(ctx, file_join(folder, folder, "known.db"), &client_known_database, ret_db);
}

struct client_known_node *client_known_find(const struct client_known *k, const char *id)
{
	for (size_t i = 0; i < k->count; i++) {
		if (strcmp(k->nodes[i]->id, id) == 0)
			return k->nodes[i];
	}
	return NULL;
}

static struct client_known_node *add(struct client_known *k, const char *id)
{
	struct client_known_node *n = mem_new(k, struct client_known_node);

	n->id = mem_strdup(n, id);
	talloc_set_destructor(n, node_destroy);
	k->nodes = mem_resize(k, k->nodes, struct client_known_node *, k->count + 1);
	k->nodes[k->count++] = n;
	return n;
}

/* What a stranger calls himself is shown, typed and completed by a shell: nothing else than a name. */
static void drop_unless_sound(json_t *row, const char *key)
{
	const struct json_place at = {NULL, key, 0};
	const char *text = json_string_value(json_object_get(row, key));
	bool id = strcmp(key, "agent_id") == 0;
	struct error *e = !text || id ? NULL : api_check_name(text, &at);

	if (!text || e || (id && !hex_id_valid(text)))
		json_object_del(row, key);
	error_free(e);
}

/* Takes over the reference to row. */
static void set_row(struct client_known_node *n, json_t *row)
{
	const struct {
		const char *key;
		char **text;
	} texts[] = {{"name", &n->name}, {"agent_id", &n->agent_id}, {"agent_name", &n->agent_name}};

	json_decref(n->row);
	n->row = row;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *value;

		drop_unless_sound(row, texts[i].key);
		value = json_string_value(json_object_get(row, texts[i].key));
		mem_free(*texts[i].text);
		*texts[i].text = value ? mem_strdup(n, value) : NULL;
	}
}

static struct error *read_row(const struct db_row *r, void *arg)
{
	struct client_known *k = arg;
	const char *id = db_text(r, 0), *text = db_text(r, 2);
	struct client_known_node *n;
	json_t *row = NULL;
	struct error *e = json_parse(text, strlen(text), ROW_LIMIT, &row);

	/* A row that somebody spoilt is no reason to know nothing. */
	if (e || !hex_id_valid(id) || !json_is_object(row)) {
		error_free(e);
		json_decref(row);
		return NULL;
	}
	n = add(k, id);
	n->seen_ms = db_int(r, 1);
	set_row(n, row);
	return NULL;
}

struct error *client_known_open(const void *ctx, const struct client_options *client, struct client_known **ret_known)
{
	struct client_known *k = mem_new(ctx, struct client_known);
	struct db *db = NULL;

	k->client = client;
	k->nodes = mem_array(k, struct client_known_node *, 0);
	k->gone = mem_array(k, char *, 0);
	TRY(open_db(k, client, &db));
	TRY(db_query(db, read_row, k, "select id, seen_ms, row from known_node where bus=? and network=? order by id",
		     "ss", client->bus, client->network));
	mem_free(db);
	*ret_known = k;
	return NULL;
}

static json_t *row_of(const json_t *from)
{
	json_t *row = json_object();

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		json_t *value = json_object_get(from, kept[i]);

		if (value)
			json_object_set(row, kept[i], value);
	}
	return row;
}

/* A line of a list may lack what a status has told of the agent. */
static void keep_agent(const struct client_known_node *n, json_t *row)
{
	json_t *id = json_object_get(n->row, "agent_id"), *name = json_object_get(n->row, "agent_name");

	if (!id || json_object_get(row, "agent_id"))
		return;
	json_object_set(row, "agent_id", id);
	if (name)
		json_object_set(row, "agent_name", name);
}

void client_known_see(struct client_known *k, const char *id, const json_t *row)
{
	struct client_known_node *n = client_known_find(k, id);
	bool tells = json_object_get(row, "role") && json_object_get(row, "ports");

	if (!hex_id_valid(id) || (!n && (!tells || k->count >= 2 * CLIENT_KNOWN_NODES)))
		return;
	if (!n)
		n = add(k, id);
	n->seen_ms = clock_wall_ms();
	n->heard = true;
	if (tells) {
		json_t *fresh = row_of(row);

		keep_agent(n, fresh);
		set_row(n, fresh);
	}
}

void client_known_forget(struct client_known *k, const char *id)
{
	for (size_t i = 0; i < k->count; i++) {
		if (strcmp(k->nodes[i]->id, id) != 0)
			continue;
		k->gone = mem_resize(k, k->gone, char *, k->gone_count + 1);
		k->gone[k->gone_count++] = mem_strdup(k, id);
		mem_free(k->nodes[i]);
		memmove(&k->nodes[i], &k->nodes[i + 1], (--k->count - i) * sizeof(struct client_known_node *));
		return;
	}
}

static struct error *write_rows(struct client_known *k, struct db *db)
{
	const struct client_options *client = k->client;

	for (size_t i = 0; i < k->count; i++) {
		struct client_known_node *n = k->nodes[i];
		char *text = n->heard ? json_text(n, n->row) : NULL;

		if (text && strlen(text) < ROW_LIMIT)
			TRY(db_exec(db, "insert or replace into known_node values(?,?,?,?,?)", "sssis", client->bus,
				    client->network, n->id, n->seen_ms, text));
		mem_free(text);
	}
	return db_exec(
		db,
		"delete from known_node where bus=?1 and network=?2 and id not in (select id from known_node where bus=?1 and network=?2 order by seen_ms desc limit ?3)",
		"ssi", client->bus, client->network, (int64_t)CLIENT_KNOWN_NODES);
}

static struct error *write_all(struct client_known *k, struct db *db)
{
	for (size_t i = 0; i < k->gone_count; i++)
		TRY(db_exec(db, "delete from known_node where bus=? and network=? and id=?", "sss", k->client->bus,
			    k->client->network, k->gone[i]));
	return write_rows(k, db);
}

struct error *client_known_save(struct client_known *k)
{
	struct db *db = NULL;
	struct error *e;

	TRY(open_db(k, k->client, &db));
	e = db_begin(db);
	if (!e)
		e = write_all(k, db);
	if (!e)
		e = db_commit(db);
	if (e)
		db_rollback(db);
	mem_free(db);
	return e;
}

static void note(const struct client_options *client, const char *id, const json_t *row, bool gone)
{
	void *scope = mem_new(NULL, char);
	struct client_known *k = NULL;
	struct error *e = client_known_open(scope, client, &k);

	if (!e && gone)
		client_known_forget(k, id);
	else if (!e)
		client_known_see(k, id, row);
	if (!e)
		e = client_known_save(k);
	if (e)
		log_warn("known.lost", "id=%s reason=%s", id, log_q(e->message));
	error_free(e);
	mem_free(scope);
}

void client_known_learn(const struct client_options *client, const char *id, const json_t *row)
{
	note(client, id, row, false);
}

void client_known_unlearn(const struct client_options *client, const char *id)
{
	note(client, id, NULL, true);
}
