#include "client/outbox.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "bus/outbox.h"
#include "client/folders.h"

/* What was sent or failed is shown by "outbox list" for this long. */
#define KEEP_MS (INT64_C(7) * 24 * 3600 * 1000)
#define MARKER "pending"

static const char detached_schema[] =
	"create table if not exists detached( id text primary key, node text not null, what text not null, put_ms integer not null, until_ms integer not null, state text not null, why text);";

/* What nodes that were away have still to learn (client/desired.c). */
static const char wanted_schema[] =
	"create table if not exists wanted_end( job text not null, node text not null, verb text not null, since_ms integer not null, told_ms integer not null, again_ms integer not null, primary key(job, node)) without rowid;";

/* Everything that says which bus it is, and who we are there. FNV-1a: a short name, not a secret. */
static char *store_name(const void *ctx, const struct client_options *client)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	const char *text = mem_printf(ctx, "%s\n%s\n%s", client->bus, client->network,
				      client->send_plain ? "plain"
				      : client->identity ? client->identity
							 : "");

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return mem_printf(ctx, "%016" PRIx64, h);
}

/* The settings that lead to a bus, by their names in bus.json. */
struct bus_setting {
	const char *key;
	size_t offset;
	bool file;
};
static const struct bus_setting bus_settings[] = {
	{"bus", offsetof(struct client_options, bus), false},
	{"network", offsetof(struct client_options, network), false},
	{"password_file", offsetof(struct client_options, password_file), true},
	{"ca_file", offsetof(struct client_options, ca_file), true},
	{"cert_file", offsetof(struct client_options, cert_file), true},
	{"key_file", offsetof(struct client_options, key_file), true},
	{"identity", offsetof(struct client_options, identity), true},
	{"passphrase_file", offsetof(struct client_options, passphrase.file), true},
	{"passphrase_agent", offsetof(struct client_options, passphrase.agent), true},
};
#define BUS_SETTINGS (sizeof(bus_settings) / sizeof(bus_settings[0]))

static char **setting(const struct client_options *client, size_t i)
{
	return (char **)((char *)client + bus_settings[i].offset);
}

static struct error *write_bus(struct client_outbox *s, const struct client_options *client)
{
	json_t *o = json_object();
	char *path = file_join(s, s->folder, "bus.json"), *text = NULL;

	for (size_t i = 0; i < BUS_SETTINGS; i++) {
		/* The sender runs in another folder. */
		char *value = *setting(client, i), *real = value && bus_settings[i].file ? realpath(value, NULL) : NULL;

		if (value)
			json_put(o, bus_settings[i].key, real ? real : value);
		free(real);
	}
	if (client->send_plain)
		json_put(o, "plain", "yes");
	text = json_text(s, o);
	json_decref(o);
	return file_write_atomic(path, text, strlen(text), 0600);
}

static struct error *read_bus(const void *ctx, struct client_outbox *s, struct client_options *client)
{
	const struct json_place at = {NULL, NULL, 0};
	char *path = file_join(s, s->folder, "bus.json");
	json_t *o = NULL;
	struct error *e = NULL;

	TRY(json_parse_file(path, 64 * 1024, &o));
	for (size_t i = 0; i < BUS_SETTINGS && !e; i++) {
		const char *value = NULL;

		e = json_read_string_opt(o, &at, bus_settings[i].key, &value);
		*setting(client, i) = value ? mem_strdup(ctx, value) : NULL;
	}
	client->send_plain = json_object_get(o, "plain") != NULL;
	json_decref(o);
	return e ? error_wrap(e, "%s", path) : NULL;
}

static const char *const first[] = {outbox_schema, detached_schema, wanted_schema, NULL};
static const struct db_migration migrations[] = {{first}};
static const char *const first_tables[] = {"outbox", "detached", "wanted_end", NULL};
const struct db_schema client_outbox_database = {
	.application_id = DB_APPLICATION_ID('O'),
	.name = "an outbox of vcli",
	.first_tables = first_tables,
	.migrations = migrations,
	.count = sizeof(migrations) / sizeof(migrations[0]),
};

static struct error *open_db(struct client_outbox *s)
{
	TRY(db_open(s, file_join(s, s->folder, "outbox.db"), &client_outbox_database, &s->db));
	/* What has become void while nobody looked was never told an outcome. */
	return db_exec(s->db, "delete from detached where put_ms < ? and (state <> 'waiting' or until_ms < ?)", "ii",
		       clock_wall_ms() - KEEP_MS, clock_wall_ms());
}

static struct error *store_at(const void *ctx, const struct client_options *client, const char *name,
			      struct client_outbox **ret_store)
{
	struct client_outbox *s = mem_new(ctx, struct client_outbox);
	struct error *e = client_state_make(s, &client->state, mem_printf(s, "outbox/%s", name), &s->folder);

	s->name = mem_strdup(s, name);
	if (!e)
		e = open_db(s);
	if (e) {
		mem_free(s);
		return error_wrap(e, "the outbox");
	}
	*ret_store = s;
	return NULL;
}

struct error *client_outbox_open(const void *ctx, const struct client_options *client, struct client_outbox **ret_store)
{
	struct client_outbox *s = NULL;

	TRY(store_at(ctx, client, store_name(ctx, client), &s));
	assert(s);
	TRY(write_bus(s, client));
	*ret_store = s;
	return NULL;
}

struct error *client_outbox_named(const void *ctx, const struct client_options *client, const char *name,
				  struct client_options *ret_client, struct client_outbox **ret_store)
{
	struct client_options own = *client;
	struct client_outbox *s = NULL;
	char *state = NULL;

	/* Looked for first: opening it makes it. */
	TRY(client_state_folder(ctx, &client->state, &state));
	if (strchr(name, '/') || !file_exists(mem_printf(ctx, "%s/outbox/%s/bus.json", state, name)))
		return error_new(ERROR_NOT_FOUND, "no outbox \"%s\" in %s/outbox", name, state);
	TRY(store_at(ctx, client, name, &s));
	assert(s);
	TRY(read_bus(ctx, s, &own));
	*ret_client = own;
	*ret_store = s;
	return NULL;
}

struct error *client_outbox_find(const void *ctx, const struct client_options *client, struct client_outbox **ret_store)
{
	struct client_options own;
	struct error *e = client_outbox_named(ctx, client, store_name(ctx, client), &own, ret_store);

	if (!e || e->code != ERROR_NOT_FOUND)
		return e;
	error_free(e);
	*ret_store = NULL;
	return NULL;
}

struct error *client_outbox_names(const void *ctx, const struct client_options *client, bool pending, char ***ret_names)
{
	char *state = NULL, *folder = NULL, **names = mem_array(ctx, char *, 1);
	struct dirent *entry = NULL;
	size_t count = 0;
	DIR *d = NULL;

	TRY(client_state_folder(ctx, &client->state, &state));
	folder = file_join(ctx, state, "outbox");
	d = opendir(folder);
	if (!d && errno != ENOENT)
		return error_sys(errno, "%s", folder);
	while (d && (entry = readdir(d))) {
		char *marker = mem_printf(ctx, "%s/%s/%s", folder, entry->d_name, pending ? MARKER : "bus.json");

		if (entry->d_name[0] == '.' || !file_exists(marker))
			continue;
		names = mem_resize(ctx, names, char *, count + 2);
		names[count++] = mem_strdup(names, entry->d_name);
	}
	if (d)
		closedir(d);
	names[count] = NULL;
	*ret_names = names;
	return NULL;
}

struct error *client_outbox_add(struct client_outbox *s, const struct message *m, const char *what)
{
	return db_exec(s->db,
		       "insert into detached(id, node, what, put_ms, until_ms, state) values(?,?,?,?,?,'waiting')",
		       "sssii", m->id, m->to, what, m->time_ms, m->time_ms + m->ttl_ms);
}

struct error *client_outbox_record_outcome(struct client_outbox *s, const char *message_id, const struct error *e)
{
	return db_exec(s->db, "update detached set state = ?, why = ? where id = ?", "sss", e ? "failed" : "sent",
		       e ? e->message : NULL, message_id);
}

struct state_query {
	const void *ctx;
	char *state, *why;
};

static struct error *on_state_row(const struct db_row *row, void *arg)
{
	struct state_query *q = arg;

	q->state = mem_strdup(q->ctx, db_text(row, 0));
	q->why = db_text(row, 1) ? mem_strdup(q->ctx, db_text(row, 1)) : NULL;
	return NULL;
}

struct error *client_outbox_state(const void *ctx, struct client_outbox *s, const char *message_id, char **ret_state,
				  char **ret_why)
{
	struct state_query q = {ctx, NULL, NULL};

	TRY(db_query(s->db, on_state_row, &q, "select state, why from detached where id = ?", "s", message_id));
	if (!q.state)
		return error_new(ERROR_NOT_FOUND, "message %s is not in the outbox", message_id);
	*ret_state = q.state;
	*ret_why = q.why;
	return NULL;
}

static struct error *on_row(const struct db_row *row, void *arg)
{
	json_t *rows = arg, *o = json_object();
	char *until = clock_format(NULL, db_int(row, 4));
	bool expired = strcmp(db_text(row, 3), "waiting") == 0 && db_int(row, 4) < clock_wall_ms();

	json_put(o, "message", db_text(row, 0));
	json_put(o, "node_id", db_text(row, 1));
	json_put(o, "what", db_text(row, 2));
	json_put(o, "state", expired ? "failed" : db_text(row, 3));
	json_put(o, "until", until);
	if (expired || db_text(row, 5))
		json_put(o, "why", expired ? "it was void before the broker could be reached" : db_text(row, 5));
	mem_free(until);
	json_array_append_new(rows, o);
	return NULL;
}

struct error *client_outbox_rows(struct client_outbox *s, json_t **ret_rows)
{
	json_t *rows = json_array();
	struct error *e =
		db_query(s->db, on_row, rows,
			 "select id, node, what, state, until_ms, why from detached order by put_ms, rowid", "");

	if (e) {
		json_decref(rows);
		return e;
	}
	*ret_rows = rows;
	return NULL;
}

static struct error *on_count(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

struct error *client_outbox_waiting(struct client_outbox *s, int64_t *ret_count)
{
	return db_query(s->db, on_count, ret_count,
			"select count(*) from detached where state = 'waiting' and until_ms > ?", "i", clock_wall_ms());
}

struct error *client_outbox_mark(struct client_outbox *s, bool pending)
{
	char *path = file_join(s, s->folder, MARKER);

	return pending ? file_write_atomic(path, "", 0, 0600) : file_remove(path);
}
