#include "manager/play/sources.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/client.h"

struct sources_waiter {
	struct sources_waiter *next;
	sources_fn *fn;
	void *arg;
};

struct sources_job {
	struct sources_job *next; /* of those asked later first */
	struct sources *all;
	char *name;
	struct play_source list[SOURCES_MOST];
	size_t count, open; /* fetches under way */
	bool busy;          /* a round is under way */
	bool told;          /* that one of its storages is out of reach */
	int64_t fetched_ms; /* 0: never */
	struct sources_waiter *waiters;
	size_t waiting;
};

struct sources {
	const struct service_host *host;
	struct sources_job *first;
	size_t count;
};

struct sources *sources_new(const void *ctx, const struct service_host *host)
{
	struct sources *all = mem_new(ctx, struct sources);

	all->host = host;
	return all;
}

/* --- who waits --- */

static size_t in_order(const struct sources_job *j, const struct play_source *ret[SOURCES_MOST])
{
	size_t n = 0;

	for (int alive = 1; alive >= 0; alive--) {
		for (size_t i = 0; i < j->count; i++) {
			if (j->list[i].alive == alive)
				ret[n++] = &j->list[i];
		}
	}
	return n;
}

static void answer(struct sources_job *j, const struct error *e)
{
	const struct play_source *list[SOURCES_MOST];
	size_t count = in_order(j, list);
	struct sources_waiter *w = j->waiters;

	j->waiters = NULL;
	j->waiting = 0;
	j->busy = false;
	while (w) {
		struct sources_waiter *next = w->next;

		w->fn(list, count, e, w->arg);
		mem_free(w);
		w = next;
	}
}

/* --- jobs that are kept --- */

static struct sources_job *find(struct sources *all, const char *name)
{
	for (struct sources_job **p = &all->first; *p; p = &(*p)->next) {
		struct sources_job *j = *p;

		if (strcmp(j->name, name) != 0)
			continue;
		*p = j->next;
		j->next = all->first;
		all->first = j;
		return j;
	}
	return NULL;
}

static void forget(struct sources_job *j)
{
	struct sources_job **p = &j->all->first;

	while (*p != j)
		p = &(*p)->next;
	*p = j->next;
	j->all->count--;
	mem_free(j);
}

/* The one that nobody has asked for the longest, of those that nothing is under way for. */
static void make_room(struct sources *all)
{
	struct sources_job *oldest = NULL;

	for (struct sources_job *j = all->first; j; j = j->next)
		oldest = j->busy ? oldest : j;
	if (all->count >= SOURCES_JOBS && oldest)
		forget(oldest);
}

static struct sources_job *add(struct sources *all, const char *name)
{
	struct sources_job *j;

	make_room(all);
	j = mem_new(all, struct sources_job);
	j->all = all;
	j->name = mem_strdup(j, name);
	j->next = all->first;
	all->first = j;
	all->count++;
	return j;
}

/* --- a round: where the storages are, then what each of them has --- */

struct sources_fetch {
	struct sources_job *job;
	struct play_source *source;
};

static struct error *read_answer(const struct sources_job *j, const struct http_answer *a, struct master **ret_master)
{
	if (a->error)
		return error_copy(a->error);
	if (a->status != 200)
		return error_new(ERROR_NOT_FOUND, "it answers with status %d", a->status);
	return master_read(j, j->name, a->body, a->len, ret_master);
}

/* Once: whoever watches asks again and again. */
static void tell_refused(struct sources_job *j, const struct play_source *s, const struct error *e)
{
	if (!j->told)
		log_warn("play.refused", "job=%s storage=%s why=%s hint=%s", j->name, s->pathway, log_q(e->message),
			 log_q("if it is one of this network's own, name its network with --media-network"));
	j->told = true;
}

static void on_fetched(const struct http_answer *a, void *arg)
{
	const struct sources_fetch f = *(struct sources_fetch *)arg;
	struct master *m = NULL;
	struct error *e = read_answer(f.job, a, &m);

	mem_free(arg);
	f.source->alive = !e;
	if (e && e->code == ERROR_REFUSED)
		tell_refused(f.job, f.source, e);
	else if (e && e->code != ERROR_NOT_FOUND)
		log_debug("play.fetch", "job=%s storage=%s why=%s", f.job->name, f.source->pathway, log_q(e->message));
	error_free(e);
	if (m) {
		mem_free(f.source->master);
		f.source->master = m;
	}
	if (--f.job->open)
		return;
	f.job->fetched_ms = clock_mono_ms();
	answer(f.job, NULL);
}

static void fetch(struct sources_job *j, struct play_source *s)
{
	const struct service_network *network = j->all->host->network;
	struct sources_fetch *f = mem_new(j, struct sources_fetch);
	const struct http_exchange x = {.host = s->host,
					.port = s->port,
					.method = "GET",
					.path = s->path,
					.deadline_ms = SOURCES_FETCH_MS,
					.limit = MASTER_BYTES,
					.reach = network ? network->reach : NULL};

	*f = (struct sources_fetch){j, s};
	http_fetch(f, j->all->host->loop, &x, on_fetched, f);
}

/* What was kept of the storage, when it is where it was. */
static struct master *take_kept(struct play_source *before, size_t count, const struct play_source *s)
{
	for (size_t i = 0; i < count; i++) {
		struct master *m = before[i].master;

		if (!m || strcmp(before[i].base, s->base) != 0 || strcmp(before[i].pathway, s->pathway) != 0)
			continue;
		before[i].master = NULL;
		return m;
	}
	return NULL;
}

static void read_source(const struct sources_job *j, const json_t *o, struct play_source *s)
{
	const char *id = json_string_value(json_object_get(o, "node_id"));
	const char *host = json_string_value(json_object_get(o, "host"));
	const char *path = json_string_value(json_object_get(o, "path")), *slash = strrchr(path, '/');
	bool v6 = strchr(host, ':') != NULL;

	snprintf(s->pathway, sizeof(s->pathway), "%s", id);
	s->host = mem_strdup(j, host);
	s->port = (int)json_integer_value(json_object_get(o, "port"));
	s->path = mem_strdup(j, path);
	s->base = mem_printf(j, "http://%s%s%s:%d%.*s/", v6 ? "[" : "", host, v6 ? "]" : "", s->port,
			     (int)(slash - path), path);
}

static void drop(struct play_source *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		mem_free(list[i].host);
		mem_free(list[i].path);
		mem_free(list[i].base);
		mem_free(list[i].master);
	}
}

static void take_sources(struct sources_job *j, const json_t *list)
{
	struct play_source before[SOURCES_MOST];
	size_t count = j->count;

	memcpy(before, j->list, sizeof(before));
	memset(j->list, 0, sizeof(j->list));
	for (j->count = 0; j->count < SOURCES_MOST && j->count < json_array_size(list); j->count++) {
		struct play_source *s = &j->list[j->count];

		read_source(j, json_array_get(list, j->count), s);
		s->master = take_kept(before, count, s);
	}
	drop(before, count);
}

static void on_sources(const struct method *row, const json_t *result, const struct error *e, void *arg)
{
	struct sources_job *j = arg;

	(void)row;
	if (e) {
		bool gone = e->code == ERROR_NOT_FOUND;

		answer(j, e);
		if (gone)
			forget(j);
		return;
	}
	take_sources(j, json_object_get(result, "sources"));
	if (!j->count) {
		answer(j, NULL);
		return;
	}
	j->open = j->count;
	for (size_t i = 0; i < j->count; i++)
		fetch(j, &j->list[i]);
}

static void begin(struct sources_job *j)
{
	const struct service_host *host = j->all->host;
	const struct caller self = service_self();
	json_t *params = json_pack("{s:s}", "job", j->name);

	j->busy = true;
	method_begin(j, host->methods, &self, "orders.sources", params, on_sources, j);
	json_decref(params);
}

static bool has_some(const struct sources_job *j)
{
	bool some = false;

	for (size_t i = 0; i < j->count; i++)
		some = some || j->list[i].master;
	return some;
}

/* What is not there yet may be there now. */
static bool is_fresh(const struct sources_job *j)
{
	return has_some(j) && clock_mono_ms() - j->fetched_ms < SOURCES_FRESH_MS;
}

static void refuse(sources_fn *fn, void *arg)
{
	struct error *e = error_new(ERROR_LIMIT, "%d wait for it already", SOURCES_WAITERS);

	fn(NULL, 0, e, arg);
	error_free(e);
}

static void line_up(struct sources_job *j, sources_fn *fn, void *arg)
{
	struct sources_waiter *w = mem_new(j, struct sources_waiter);

	*w = (struct sources_waiter){j->waiters, fn, arg};
	j->waiters = w;
	j->waiting++;
}

void sources_ask(struct sources *all, const char *job, sources_fn *fn, void *arg)
{
	const struct play_source *list[SOURCES_MOST];
	struct sources_job *j = find(all, job);

	if (!j)
		j = add(all, job);
	if (is_fresh(j) || (j->busy && has_some(j))) {
		size_t count = in_order(j, list);

		fn(list, count, NULL, arg);
	} else if (j->waiting >= SOURCES_WAITERS) {
		refuse(fn, arg);
	} else {
		line_up(j, fn, arg);
		if (!j->busy)
			begin(j);
	}
}
