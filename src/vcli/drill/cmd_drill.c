/* vcli drill kill: what viewers miss when a part of a development network dies. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "http/client.h"
#include "http/origin.h"
#include "vcli/commands.h"
#include "vcli/drill/gaps.h"
#include "vcli/drill/victims.h"
#include "vcli/order/ask.h"
#include "vcli/render.h"

#define LOOK_MS 400
#define FETCH_MS 2000
#define PLAYLIST_BYTES ((size_t)1 << 20)
#define PLAYLISTS 128

struct drill {
	struct vcli *v;
	struct gaps *gaps;
	char *play;             /* the job's master playlist */
	char *urls[PLAYLISTS];  /* media playlists that it has named so far */
	char *names[PLAYLISTS]; /* the rendition of each */
	size_t count;
	int64_t deadline_ms;
};

/* --- what a viewer sees --- */

/* NULL: it cannot be had. Belongs to ctx. */
static const struct http_answer *fetch(const void *ctx, const char *url)
{
	const char *path = strstr(url, "://") ? strchr(strstr(url, "://") + 3, '/') : NULL;
	struct http_origin o;
	struct error *e = path ? http_origin_read(mem_printf(ctx, "%.*s", (int)(path - url), url), 0, &o)
			       : error_new(ERROR_INVALID, "no path");
	const struct http_answer *a = NULL;

	if (!e) {
		const struct http_exchange x = {.host = o.host,
						.port = o.port,
						.tls = o.tls,
						.method = "GET",
						.path = path,
						.deadline_ms = FETCH_MS,
						.limit = PLAYLIST_BYTES};

		a = http_fetch_sync(ctx, &x);
	}
	error_free(e);
	return a && !a->error && a->status == 200 ? a : NULL;
}

static void add_playlist(struct drill *d, const char *line)
{
	char *url = mem_strdup(d->v, line), *end = strrchr(url, '/'), *begin;

	for (size_t i = 0; i < d->count; i++) {
		if (strcmp(d->urls[i], url) == 0)
			return;
	}
	if (!end || d->count == PLAYLISTS)
		return;
	*end = '\0';
	begin = strrchr(url, '/');
	d->names[d->count] = mem_strdup(d->v, begin ? begin + 1 : url);
	*end = '/';
	d->urls[d->count++] = url;
}

/* Its media playlists; while it is away, those that it named before. */
static void look_at_master(struct drill *d)
{
	void *scope = mem_strdup(NULL, "");
	const struct http_answer *a = fetch(scope, d->play);
	char *text = a ? mem_strdup(scope, a->body) : NULL, *line;

	while ((line = strsep(&text, "\r\n"))) {
		if (*line && *line != '#')
			add_playlist(d, line);
	}
	mem_free(scope);
}

static void look(struct drill *d)
{
	look_at_master(d);
	for (size_t i = 0; i < d->count; i++) {
		void *scope = mem_strdup(NULL, "");
		const struct http_answer *a = fetch(scope, d->urls[i]);

		if (a)
			gaps_see(d->gaps, d->names[i], a->body, a->len, clock_mono_ms());
		mem_free(scope);
	}
}

/* False: the time is over. */
static bool look_until(struct drill *d, bool (*enough)(const struct gaps *g))
{
	for (;;) {
		look(d);
		if (enough(d->gaps))
			return true;
		if (clock_mono_ms() >= d->deadline_ms)
			return false;
		usleep(LOOK_MS * 1000);
	}
}

/* --- the drill --- */

static struct error *find_job(struct drill *d, json_t **ret_nodes)
{
	const struct json_place root = {NULL, "dsnd", 0};
	const char *play = NULL, *state = NULL;
	json_t *order = NULL, *nodes = NULL;
	struct error *e = ask_dsnd(d->v, "orders.status", json_pack("{s:s}", "job", d->v->set.order.job), &order);

	if (!e)
		e = json_read_string(order, &root, "play", &play);
	if (!e)
		e = json_read_string(order, &root, "state", &state);
	if (!e)
		e = json_read_array(order, &root, "nodes", 1, PLAYLISTS, &nodes);
	if (!e && strcmp(state, "running") != 0)
		e = error_new(ERROR_REFUSED, "job %s is %.32s: a drill wants one that runs", d->v->set.order.job,
			      state);
	if (!e) {
		d->play = mem_strdup(d->v, play);
		*ret_nodes = json_incref(nodes);
	}
	json_decref(order);
	return e;
}

static struct error *answer(struct drill *d, const struct victim *victim, size_t count, bool over)
{
	static const char *const columns[] = {"rendition", "missing", "wait_ms", "back", NULL};
	json_t *rows = gaps_json(d->gaps, clock_mono_ms());

	if (!d->v->set.json) {
		printf("killed %s: %zu process%s\n", victim->name, count, count == 1 ? "" : "es");
		render_table(stdout, rows, columns);
	}
	vcli_answer(d->v, json_pack("{s:s,s:s,s:I,s:o}", "what", d->v->args[0], "killed", victim->name, "processes",
				    (json_int_t)count, "renditions", rows));
	return over ? NULL
		    : error_new(ERROR_TIMEOUT, "not every rendition has come back; \"missing\" and \"wait_ms\" go on");
}

static struct error *kill_and_look(struct drill *d, const struct victim *victim)
{
	size_t count = 0;
	bool over;

	if (!look_until(d, gaps_ready))
		return error_new(ERROR_TIMEOUT, "%s: no rendition has a segment: is anything sent to the job?",
				 d->play);
	gaps_begin(d->gaps, clock_mono_ms());
	TRY(victims_kill(victim, &count));
	over = look_until(d, gaps_over);
	return answer(d, victim, count, over);
}

struct error *cmd_drill_kill(struct vcli *v)
{
	struct drill d = {.v = v, .deadline_ms = clock_mono_ms() + v->timeout_ms};
	struct victim victim = {NULL, NULL, false};
	json_t *all = NULL, *nodes = NULL;
	struct error *e;

	if (!v->set.order.job || !v->set.order.demo)
		return error_new(ERROR_INVALID,
				 "name the job (--job ID) and the folder of the development network (--demo DIR)");
	d.gaps = gaps_new(v);
	TRY(victims_read(v->set.order.demo, &all));
	e = find_job(&d, &nodes);
	if (!e)
		e = victims_choose(all, v->args[0], nodes, &victim);
	if (!e)
		e = kill_and_look(&d, &victim);
	json_decref(nodes);
	json_decref(all);
	return e;
}
