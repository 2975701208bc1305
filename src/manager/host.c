#include "manager/host.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "client/link.h"
#include "http/server.h"
#include "manager/describe.h"
#include "manager/host_db.h"
#include "manager/network.h"
#include "manager/remote_describe.h"
#include "manager/remotes.h"
#include "manager/told.h"
#include "store/events.h"

#define SERVICES 16
#define OPEN_AGAIN_MS 1000
#define TICKS 15 /* in the life of a lease; each second at least */
#define TICK_MOST_MS 1000
#define EXPIRE_MS 10000 /* between two removals of old events, EVENTS_BATCH_MAX at most each */

struct manager_service {
	struct manager *manager;
	const struct service_ops *ops;
	struct service_host host;
	struct method_group group;
	struct lead *lead;
	void *state;
	int64_t term; /* that it was started in; 0: it was not, or was stopped */
};

struct manager_task {
	const struct manager_service *service;
	void (*run)(void *state);
};

struct manager {
	struct manager_options options;
	struct db *db;
	struct error *closed; /* why the database is not open; NULL: it is */
	struct timer *again;
	char *holder; /* see manager_lead() */
	struct methods *methods;
	struct client_link *link;
	struct manager_service services[SERVICES];
	size_t count;
	struct remotes_options remotes_options;
	struct remotes *remotes;
	struct remote_description description;
	void *open; /* what lives as long as the services are open */
	struct client_link_user *ear;
	bool up;
	struct error *why_down;
	uint64_t heard, expired;
};

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
		if (m->services[i].state && m->services[i].ops->heard)
			m->services[i].ops->heard(message, m->services[i].state);
	}
}

static struct error *listen_to_bus(struct manager *m)
{
	struct client_link_events events = {.state = on_state, .arg = m};

	for (size_t i = 0; i < m->count; i++) {
		if (m->services[i].ops->heard)
			events.status = on_status;
	}
	return client_link_join(m, m->link, &events, &m->ear);
}

/* --- who leads --- */

struct caller service_self(void)
{
	return (struct caller){.roles = CALLER_SERVICE | CALLER_ANYONE};
}

int64_t service_term(const struct service_host *host)
{
	return host->lead ? lead_term(host->lead) : 0;
}

static bool leads(const struct manager_service *s)
{
	return s->term && lead_term(s->lead) == s->term;
}

static struct error *not_leading(const struct manager_service *s)
{
	const struct manager_service *first = &s->manager->services[0];
	const char *holder = s->lead ? lead_holder(s->lead) : "";

	/* Who waits for the first of them has not asked for the others. */
	if (!*holder && first->lead)
		holder = lead_holder(first->lead);
	if (*holder && strcmp(holder, s->manager->holder) != 0)
		return error_new(ERROR_UNAVAILABLE, "this dsnd is a standby for %s: call %s, which leads it",
				 s->ops->name, holder);
	return error_new(ERROR_UNAVAILABLE, "nobody leads %s just now: a dsnd will within %lld s", s->ops->name,
			 (long long)s->manager->options.expire_ms / 1000 + 1);
}

static void stop(struct manager_service *s)
{
	struct error *why = not_leading(s);

	log_warn("dsnd.standby", "service=%s term=%lld why=%s", s->ops->name, (long long)s->term, log_q(why->message));
	s->term = 0;
	if (s->ops->stop)
		s->ops->stop(why, s->state);
	error_free(why);
}

static void start(struct manager_service *s)
{
	s->term = lead_term(s->lead);
	log_info("dsnd.leads", "service=%s term=%lld", s->ops->name, (long long)s->term);
	if (s->ops->start)
		s->ops->start(s->state);
}

/* Who leads the first of his services asks for the others, so that all of them are led at one place. */
static void tick(void *arg)
{
	struct manager *m = arg;

	for (size_t i = 0; i < m->count; i++) {
		struct manager_service *s = &m->services[i];

		lead_tick(s->lead, i == 0 || leads(&m->services[0]));
		if (s->term && !leads(s))
			stop(s);
		if (!s->term && lead_term(s->lead))
			start(s);
	}
}

/* In small batches: nobody waits for one. */
static void expire(void *arg)
{
	struct manager *m = arg;
	const struct events_bounds bounds = {clock_wall_ms(), m->options.keep_ms, m->options.keep_ms, EVENTS_BATCH_MAX};
	size_t removed = 0;
	struct error *e = NULL;

	for (size_t i = 0; i < m->count; i++) {
		if (m->services[i].ops->keeps_log && leads(&m->services[i]))
			e = events_expire(m->services[i].host.db, &bounds, &removed);
	}
	if (e)
		log_warn("dsnd.expire", "why=%s", log_q(e->message));
	else if (removed)
		log_info("dsnd.expire", "events=%zu", removed);
	m->expired += removed;
	error_free(e);
}

/* --- the services --- */

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

static bool is_told_by_standby(const struct service_ops *ops, const char *method)
{
	for (const char *const *p = ops->told_by_standby; p && *p; p++) {
		if (strcmp(*p, method) == 0)
			return true;
	}
	return false;
}

static struct error *closed(const struct method *row, const struct caller *caller, void *arg)
{
	const struct manager_service *s = arg;

	(void)caller;
	if (s->manager->closed)
		return error_wrap(error_copy(s->manager->closed), "the database is not open");
	if (leads(s) || is_told_by_standby(s->ops, row->name))
		return NULL;
	return not_leading(s);
}

static void add_service(struct manager *m, const struct service_ops *ops)
{
	struct manager_service *s = &m->services[m->count++];

	*s = (struct manager_service){.manager = m, .ops = ops};
	s->host = (struct service_host){.loop = client_link_loop(m->link),
					.methods = m->methods,
					.link = m->link,
					.start_ms = m->options.start_ms,
					.callers = m->options.callers,
					.network = m->options.network};
	s->group = (struct method_group){
		.rows = ops->methods, .count = ops->method_count, .closed = closed, .closed_arg = s};
	methods_add_group(m->methods, &s->group);
}

static void run_task(void *arg)
{
	const struct manager_task *t = arg;

	if (t->service->ops->warm || leads(t->service))
		t->run(t->service->state);
}

static struct error *open_service(struct manager_service *s)
{
	struct manager *m = s->manager;
	const struct lead_options options = {m->holder, m->options.expire_ms, !m->options.shared};

	TRY(host_db_migrate(m->db, s->ops, m->options.continues));
	TRY(lead_new(m->open, m->db, s->ops->name, &options, &s->lead));
	s->host.lead = s->lead;
	s->host.db = db_fenced(m->open, m->db, lead_fence, s->lead);
	TRY(s->ops->open(m->open, &s->host, &s->state));
	s->group.arg = s->state;
	for (const struct service_task *t = s->ops->tasks; t && t->run; t++) {
		struct manager_task *task = mem_new(m->open, struct manager_task);

		*task = (struct manager_task){s, t->run};
		timer_start(m->open, s->host.loop, t->every_ms, t->every_ms, run_task, task);
	}
	return NULL;
}

/* --- opening and closing --- */

static void close_services(struct manager *m)
{
	for (size_t i = m->count; i-- > 0;) {
		struct manager_service *s = &m->services[i];

		mem_free(s->state);
		if (s->lead)
			lead_end(s->lead);
		s->state = s->group.arg = NULL;
		s->lead = NULL;
		s->host.lead = NULL;
		s->host.db = NULL;
		s->term = 0;
	}
	mem_free(m->open);
	m->open = NULL;
	mem_free(m->db);
	m->db = NULL;
}

static struct error *try_to_open(struct manager *m)
{
	int64_t tick_ms = m->options.expire_ms / TICKS;

	TRY((m->options.open_db ? m->options.open_db : db_open)(m, m->options.database, &manager_database, &m->db));
	m->open = mem_new(m, char);
	for (size_t i = 0; i < m->count; i++) {
		struct error *e = open_service(&m->services[i]);

		if (e)
			return error_wrap(e, "service %s", m->services[i].ops->name);
	}
	error_free(m->closed);
	m->closed = NULL;
	tick_ms = tick_ms < TICK_MOST_MS ? tick_ms : TICK_MOST_MS;
	timer_start(m->open, client_link_loop(m->link), tick_ms, tick_ms, tick, m);
	timer_start(m->open, client_link_loop(m->link), EXPIRE_MS, EXPIRE_MS, expire, m);
	tick(m);
	return NULL;
}

static void open_again(void *arg);

/* A server that is away will be back; what else is wrong somebody has to mend. */
static struct error *open_database(struct manager *m, bool first)
{
	struct error *e = try_to_open(m);

	if (!e)
		return NULL;
	close_services(m);
	if (first && e->code != ERROR_UNAVAILABLE)
		return e;
	if (first || strcmp(e->message, m->closed->message) != 0)
		log_error("dsnd.database", "why=%s hint=%s", log_q(e->message), log_q("tried again until it opens"));
	error_free(m->closed);
	m->closed = e;
	if (first)
		m->again = timer_start(m, client_link_loop(m->link), OPEN_AGAIN_MS, 0, open_again, m);
	else
		timer_again(m->again, OPEN_AGAIN_MS, 0);
	return NULL;
}

static void open_again(void *arg)
{
	struct manager *m = arg;
	struct error *e = open_database(m, false);

	error_free(e); /* it is kept in m->closed */
	if (!m->closed)
		log_info("dsnd.database", "why=%s", log_q("it is open now"));
}

struct error *manager_lead(struct manager *m, const char *holder)
{
	m->holder = mem_strdup(m, holder);
	return open_database(m, true);
}

static json_t *services(void *arg)
{
	const struct manager *m = arg;
	json_t *o = json_object();

	for (size_t i = 0; i < m->count; i++)
		json_object_set_new(o, m->services[i].ops->name, json_boolean(leads(&m->services[i])));
	return o;
}

static struct error *open_remotes(struct manager *m, uv_loop_t *loop)
{
	m->description = (struct remote_description){m->options.network, services, m};
	m->remotes_options = (struct remotes_options){.words = m->options.peers,
						      .token = m->options.peer_token,
						      .known = m->options.known,
						      .hosted = m->options.names,
						      .network = m->options.network};
	remote_describe_add(m->methods, &m->description);
	return remotes_open(m, loop, m->methods, &m->remotes_options, &m->remotes);
}

static struct error *open_all(struct manager *m, uv_loop_t *loop)
{
	TRY(check_names(&m->options));
	TRY(client_link_open(m, loop, m->options.client, &m->link));
	for (const struct service_ops *const *s = m->options.known; *s && m->count < SERVICES; s++) {
		if (remotes_named(m->options.names, (*s)->name))
			add_service(m, *s);
	}
	TRY(open_remotes(m, loop));
	return listen_to_bus(m);
}

static int manager_destroy(struct manager *m)
{
	/* What still runs for them ends before the methods, the link and the database go. */
	mem_free(m->remotes);
	mem_free(m->ear);
	close_services(m);
	error_free(m->closed);
	error_free(m->why_down);
	return 0;
}

struct error *manager_open(const void *ctx, uv_loop_t *loop, const struct manager_options *options,
			   struct manager **ret_manager)
{
	struct manager *m = mem_new(ctx, struct manager);
	struct error *e;

	m->options = *options;
	m->options.database = mem_strdup(m, options->database);
	m->methods = methods_new(m);
	m->closed = error_new(ERROR_UNAVAILABLE, "dsnd is starting");
	describe_add(m->methods);
	network_add(m->methods, options->network);
	told_add(m->methods, &m->db);
	talloc_set_destructor(m, manager_destroy);
	e = open_all(m, loop);
	if (e) {
		mem_free(m);
		return e;
	}
	*ret_manager = m;
	return NULL;
}

struct methods *manager_methods(const struct manager *m)
{
	return m->methods;
}

struct db *manager_db(const struct manager *m)
{
	return m->db;
}

/* --- how it is --- */

static struct error *service_health(const struct manager_service *s)
{
	const struct error *trouble = lead_trouble(s->lead);

	if (trouble)
		return error_wrap(error_copy(trouble), "the database");
	if (!leads(s))
		return not_leading(s);
	return s->ops->health ? s->ops->health(s->state) : NULL;
}

struct error *manager_health(const struct manager *m)
{
	if (m->closed)
		return error_wrap(error_copy(m->closed), "the database is not open");
	if (!m->up)
		return error_new(ERROR_UNAVAILABLE, "the bus is not reached: %s",
				 m->why_down ? m->why_down->message : "no answer yet");
	for (size_t i = 0; i < m->count; i++) {
		struct error *e = service_health(&m->services[i]);

		if (e)
			return error_wrap(e, "%s", m->services[i].ops->name);
	}
	return remotes_health(m->remotes);
}

char *manager_degraded(const void *ctx, const struct manager *m)
{
	char *all = NULL;

	for (size_t i = 0; i < m->count; i++) {
		const struct manager_service *s = &m->services[i];
		char *text = s->state && s->ops->degraded ? s->ops->degraded(ctx, s->state) : NULL;

		if (text)
			all = mem_printf(ctx, "%s%s%s: %s", all ? all : "", all ? "; " : "", s->ops->name, text);
	}
	return all;
}

bool manager_request(struct http_request *r, void *manager)
{
	struct manager *m = manager;
	const char *path = http_request_path(r);

	for (size_t i = 0; i < m->count; i++) {
		const struct service_ops *ops = m->services[i].ops;

		if (!ops->path || strncmp(path, ops->path, strlen(ops->path)) != 0)
			continue;
		if (m->services[i].state)
			ops->request(r, m->services[i].state);
		else
			http_respond(r, 503, "text/plain", "dsnd is starting\n", strlen("dsnd is starting\n"));
		return true;
	}
	return remotes_request(m->remotes, r);
}

static void measure_lead(struct metrics_text *t, const struct manager *m)
{
	metrics_head(t, METRICS_GAUGE, "leads", "Does this process lead the service?");
	for (size_t i = 0; i < m->count; i++)
		metrics_line(t, "leads", "service", m->services[i].ops->name, leads(&m->services[i]));
	metrics_head(t, METRICS_GAUGE, "term", "The term in which this process leads the service; 0: it does not.");
	for (size_t i = 0; i < m->count; i++)
		metrics_line(t, "term", "service", m->services[i].ops->name,
			     leads(&m->services[i]) ? (double)m->services[i].term : 0);
}

void manager_measure(struct metrics_text *t, void *manager)
{
	struct manager *m = manager;
	uint64_t begun = 0, failed = 0;
	size_t open = 0;

	methods_count(m->methods, &begun, &failed, &open);
	metrics_gauge(t, "bus_up", "Is the bus connected?", m->up);
	metrics_gauge(t, "database_open", "Is the database open?", !m->closed);
	metrics_counter(t, "statuses_heard_total", "Status messages heard.", m->heard);
	metrics_counter(t, "calls_total", "Calls of methods, those between services too.", begun);
	metrics_counter(t, "calls_failed_total", "Calls that were answered with an error.", failed);
	metrics_gauge(t, "calls_open", "Calls under way.", (double)open);
	metrics_counter(t, "events_expired_total", "Events removed from the log by age.", m->expired);
	measure_lead(t, m);
	remotes_measure(t, m->remotes);
	for (size_t i = 0; i < m->count; i++) {
		if (m->services[i].state && m->services[i].ops->measure)
			m->services[i].ops->measure(t, m->services[i].state);
	}
}
