#include "manager/host.h"

#include <string.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "client/link.h"
#include "http/server.h"
#include "manager/describe.h"
#include "manager/network.h"
#include "store/events.h"

#define SERVICES 16

struct manager_service {
	const struct service_ops *ops;
	void *state;
};

struct manager {
	struct service_host host;
	struct manager_service services[SERVICES];
	size_t count;
	struct client_link_user *ear; /* what is heard */
	bool up;
	struct error *why_down;
	uint64_t heard;
};

/* --- the database --- */

static const char *const services_table[] = {
	"create table service(name text primary key, version bigint not null)",
	NULL,
};
static const struct db_migration own_migrations[] = {{events_tables}, {services_table}};

const struct db_schema manager_database = {
	.application_id = DB_APPLICATION_ID('M'),
	.name = "dsnd's database",
	.migrations = own_migrations,
	.count = sizeof(own_migrations) / sizeof(own_migrations[0]),
};

static struct error *on_version(const struct db_row *row, void *arg)
{
	*(int64_t *)arg = db_int(row, 0);
	return NULL;
}

static struct error *migrate(struct db *db, const void *arg)
{
	const struct service_ops *ops = arg;
	int64_t version = 0;

	TRY(db_query(db, on_version, &version, "select version from service where name=?", "s", ops->name));
	if (version > (int64_t)ops->migration_count)
		return error_new(
			ERROR_REFUSED,
			"%s: the tables of %s were made by a newer dsnd (version %lld, this one knows %zu): install that one",
			db_path(db), ops->name, (long long)version, ops->migration_count);
	for (size_t i = (size_t)version; i < ops->migration_count; i++) {
		for (const char *const *sql = ops->migrations[i].statements; *sql; sql++)
			TRY(db_exec(db, *sql, ""));
	}
	return db_exec(db, "insert into service values(?,?) on conflict(name) do update set version=excluded.version",
		       "si", ops->name, (int64_t)ops->migration_count);
}

/* --- the bus --- */

static void on_state(bool up, const struct error *why, void *arg)
{
	struct manager *m = arg;

	if (up != m->up || !m->why_down)
		log_info(up ? "dsnd.bus_up" : "dsnd.bus_down", "why=%s", log_q(why ? why->message : "none"));
	m->up = up;
	error_free(m->why_down);
	m->why_down = error_copy(why);
}

static void on_status(const struct message *message, void *arg)
{
	struct manager *m = arg;

	m->heard++;
	for (size_t i = 0; i < m->count; i++) {
		if (m->services[i].ops->heard)
			m->services[i].ops->heard(message, m->services[i].state);
	}
}

static struct error *listen_to_bus(struct manager *m)
{
	const struct client_link_events events = {.state = on_state, .status = on_status, .arg = m};

	return client_link_join(m, m->host.link, &events, &m->ear);
}

/* --- the services --- */

struct caller service_self(void)
{
	return (struct caller){.roles = CALLER_SERVICE | CALLER_ANYONE};
}

static bool is_wanted(char **names, const char *name)
{
	for (char **p = names; p && *p; p++) {
		if (strcmp(*p, name) == 0)
			return true;
	}
	return !names;
}

static struct error *check_names(const struct manager_options *options)
{
	for (char **p = options->names; p && *p; p++) {
		bool known = false;

		for (const struct service_ops *const *s = options->known; *s; s++)
			known = known || strcmp((*s)->name, *p) == 0;
		if (!known)
			return error_new(ERROR_NOT_FOUND, "--services: there is no service \"%.40s\"", *p);
	}
	return NULL;
}

static struct error *open_service(struct manager *m, const struct service_ops *ops)
{
	struct manager_service *s = &m->services[m->count];

	TRY(db_together(m->host.db, migrate, ops));
	s->ops = ops;
	TRY(ops->open(m, &m->host, &s->state));
	m->count++;
	methods_add(m->host.methods, ops->methods, ops->method_count, s->state);
	for (const struct service_task *t = ops->tasks; t && t->run; t++)
		timer_start(m, m->host.loop, t->every_ms, t->every_ms, t->run, s->state);
	return NULL;
}

static struct error *open_all(struct manager *m, const struct manager_options *options)
{
	TRY(check_names(options));
	TRY(db_open(m, options->database, &manager_database, &m->host.db));
	TRY(client_link_open(m, m->host.loop, options->client, &m->host.link));
	for (const struct service_ops *const *s = options->known; *s && m->count < SERVICES; s++) {
		struct error *e = is_wanted(options->names, (*s)->name) ? open_service(m, *s) : NULL;

		if (e)
			return error_wrap(e, "service %s", (*s)->name);
	}
	TRY(listen_to_bus(m));
	for (size_t i = 0; i < m->count; i++) {
		if (m->services[i].ops->start)
			m->services[i].ops->start(m->services[i].state);
	}
	return NULL;
}

static int manager_destroy(struct manager *m)
{
	/* What still runs for them ends before the methods, the link and the database go. */
	mem_free(m->ear);
	while (m->count > 0)
		mem_free(m->services[--m->count].state);
	error_free(m->why_down);
	return 0;
}

struct error *manager_open(const void *ctx, uv_loop_t *loop, const struct manager_options *options,
			   struct manager **ret_manager)
{
	struct manager *m = mem_new(ctx, struct manager);
	struct error *e;

	m->host = (struct service_host){.loop = loop,
					.methods = methods_new(m),
					.start_ms = options->start_ms,
					.callers = options->callers,
					.network = options->network};
	describe_add(m->host.methods);
	network_add(m->host.methods, options->network);
	talloc_set_destructor(m, manager_destroy);
	e = open_all(m, options);
	if (e) {
		mem_free(m);
		return e;
	}
	*ret_manager = m;
	return NULL;
}

struct methods *manager_methods(const struct manager *m)
{
	return m->host.methods;
}

struct db *manager_db(const struct manager *m)
{
	return m->host.db;
}

struct error *manager_health(const struct manager *m)
{
	if (!m->up)
		return error_new(ERROR_UNAVAILABLE, "the bus is not reached: %s",
				 m->why_down ? m->why_down->message : "no answer yet");
	for (size_t i = 0; i < m->count; i++) {
		const struct manager_service *s = &m->services[i];
		struct error *e = s->ops->health ? s->ops->health(s->state) : NULL;

		if (e)
			return error_wrap(e, "%s", s->ops->name);
	}
	return NULL;
}

bool manager_request(struct http_request *r, void *manager)
{
	struct manager *m = manager;
	const char *path = http_request_path(r);

	for (size_t i = 0; i < m->count; i++) {
		const struct service_ops *ops = m->services[i].ops;

		if (!ops->path || strncmp(path, ops->path, strlen(ops->path)) != 0)
			continue;
		ops->request(r, m->services[i].state);
		return true;
	}
	return false;
}

void manager_measure(struct metrics_text *t, void *manager)
{
	struct manager *m = manager;
	uint64_t begun = 0, failed = 0;
	size_t open = 0;

	methods_count(m->host.methods, &begun, &failed, &open);
	metrics_gauge(t, "bus_up", "Is the bus connected?", m->up);
	metrics_counter(t, "statuses_heard_total", "Status messages heard.", m->heard);
	metrics_counter(t, "calls_total", "Calls of methods, those between services too.", begun);
	metrics_counter(t, "calls_failed_total", "Calls that were answered with an error.", failed);
	metrics_gauge(t, "calls_open", "Calls under way.", (double)open);
	for (size_t i = 0; i < m->count; i++) {
		if (m->services[i].ops->measure)
			m->services[i].ops->measure(t, m->services[i].state);
	}
}
