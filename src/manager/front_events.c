/* GET /events: the event log as it grows, as server-sent events (HTML, section 9.2), for whom it concerns.
 *
 * A stream begins behind Last-Event-ID, or behind ?after=, or now, and goes on where it was: what it has not been told
 * stays in the log. A reader that is slow is told less at a time, and dropped when he takes nothing for STUCK_MS; he
 * comes back with the last id that he has seen. Each stream is looked at again every BEAT_MS: whose login is over is
 * told no more. Bounds: STREAMS, STREAMS_OTHERS of those that the callers' file does not name, STREAMS_EACH of an
 * address, BACKLOG of each; a look reads AT_ONCE_ALL of the log for all of them together. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/wire.h"
#include "crypto/passphrase.h"
#include "crypto/secret.h"
#include "manager/cookie.h"
#include "manager/front_impl.h"
#include "manager/told.h"
#include "manager/who.h"

#define STREAMS 256
#define STREAMS_OTHERS (STREAMS / 2)
#define STREAMS_EACH 8
#define BACKLOG ((size_t)65536)
#define LOOK_MS 250
#define BEAT_MS 15000
#define STUCK_MS 30000
#define AT_ONCE 100
#define AT_ONCE_ALL 1024
#define MEMBERS (CALLER_CUSTOMER | CALLER_SUPPLIER | CALLER_OPERATOR)

struct front_stream {
	struct front_events *all;
	struct front_stream *next, **at;
	struct wire *wire;
	struct caller caller;
	char *token;
	bool over;          /* he is to be told no more */
	int64_t done, told; /* ids: looked at, and known to the reader */
	int64_t beat_ms;    /* when the next one is due */
	int64_t stuck_ms;   /* since when he takes too little; 0: he does not */
};

struct front_events {
	struct front *front;
	struct front_stream *streams;
	size_t count;
	uint64_t told, dropped;
	struct timer *look;
};

static int stream_destroy(struct front_stream *s)
{
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
	s->all->count--;
	secret_wipe(s->token, strlen(s->token));
	return 0;
}

static void drop(struct front_stream *s, const char *why)
{
	log_info("front.events_dropped", "caller=%s after=%" PRId64 " why=%s", s->caller.address, s->told, log_q(why));
	s->all->dropped++;
	mem_free(s);
}

/* --- telling --- */

static struct error *tell(struct front_stream *s, const struct event *event, const json_t *o)
{
	char *data = json_text(NULL, o);
	char *text = mem_printf(data, "id: %" PRId64 "\nevent: %s\ndata: %s\n\n", event->id, event->type, data);
	struct error *e = wire_write(s->wire, text, strlen(text));

	mem_free(data);
	if (!e) {
		s->told = event->id;
		s->all->told++;
	}
	return e;
}

/* ERROR_LIMIT: he has enough to read; what follows waits in the log. */
static struct error *on_event(struct db *db, const struct event *event, void *arg)
{
	struct front_stream *s = arg;
	json_t *o = told_json(event, &s->caller);
	struct error *e = NULL;

	(void)db;
	if (o && wire_backlog(s->wire) >= BACKLOG)
		e = error_new(ERROR_LIMIT, "enough");
	else if (o)
		e = tell(s, event, o);
	json_decref(o);
	if (!e)
		s->done = event->id;
	return e;
}

/* An id without data is no event, but is what the reader comes back with. */
static struct error *beat(struct front_stream *s)
{
	char *text =
		s->done > s->told ? mem_printf(NULL, ":\nid: %" PRId64 "\n\n", s->done) : mem_strdup(NULL, ":\n\n");
	struct error *e = wire_write(s->wire, text, strlen(text));

	mem_free(text);
	s->told = s->done;
	return e;
}

/* Where it cannot be told, he is looked at the next time. */
static void on_caller(const struct caller *caller, const struct error *e, void *arg)
{
	struct front_stream *s = arg;

	if (e)
		s->over = s->over || e->code == ERROR_REFUSED;
	else if (caller->roles & MEMBERS)
		s->caller = *caller;
	else
		s->over = true;
}

static struct db *db_of(const struct front *f)
{
	return f->options.db(f->options.db_arg);
}

size_t front_events_share(size_t behind)
{
	const size_t share = AT_ONCE_ALL / (behind ? behind : 1);

	return share > AT_ONCE ? AT_ONCE : share ? share : 1;
}

static size_t count_behind(const struct front_events *all, int64_t last)
{
	size_t n = 0;

	for (const struct front_stream *s = all->streams; s; s = s->next)
		n += s->done < last && wire_backlog(s->wire) < BACKLOG;
	return n;
}

static struct error *go_on(struct front_stream *s, int64_t last, size_t most, int64_t now_ms)
{
	size_t count = 0;
	struct error *e = NULL;

	if (now_ms >= s->beat_ms) {
		s->beat_ms = now_ms + BEAT_MS;
		who_token(s, s->all->front->options.callers, s->all->front->options.methods, s->token, on_caller, s);
		if (!s->over && wire_backlog(s->wire) < BACKLOG)
			TRY(beat(s));
	}
	if (s->over)
		return error_new(ERROR_REFUSED, "his login is over, or he is none of this network's any more");
	if (s->done < last && wire_backlog(s->wire) < BACKLOG)
		e = events_read(db_of(s->all->front), s->done, most, on_event, s, &count);
	if (e && e->code == ERROR_LIMIT) {
		error_free(e);
		e = NULL;
	}
	if (wire_backlog(s->wire) < BACKLOG)
		s->stuck_ms = 0;
	else if (!s->stuck_ms)
		s->stuck_ms = now_ms;
	else if (!e && now_ms - s->stuck_ms >= STUCK_MS)
		e = error_new(ERROR_TIMEOUT, "he reads nothing");
	return e;
}

static void look(void *arg)
{
	struct front_events *all = arg;
	const int64_t now_ms = clock_mono_ms();
	int64_t last = 0;
	size_t most;
	struct db *db = db_of(all->front);
	struct error *e = db && all->streams ? events_last(db, &last) : NULL;

	if (!db)
		return; /* it will be open again, and nothing in it is lost */
	if (e)
		log_warn("front.events", "why=%s", log_q(e->message));
	most = front_events_share(count_behind(all, last));
	for (struct front_stream *s = e ? NULL : all->streams, *next; s; s = next) {
		struct error *ended;

		next = s->next;
		ended = go_on(s, last, most, now_ms);
		if (ended)
			drop(s, ended->message);
		error_free(ended);
	}
	error_free(e);
}

/* --- beginning --- */

static void on_data(const char *bytes, ssize_t len, void *arg)
{
	(void)bytes;
	if (len <= 0)
		mem_free(arg);
}

static void on_written(int status, void *arg)
{
	if (status < 0)
		mem_free(arg);
}

/* Behind which id; `ret_said`: the request says it. */
static struct error *read_after(const struct http_request *r, int64_t *ret_after, bool *ret_said)
{
	const char *text = http_request_header(r, "Last-Event-ID");
	char *end = NULL;

	if (!text)
		text = http_request_field(r, "after");
	*ret_said = text && *text;
	if (!*ret_said)
		return NULL;
	errno = 0;
	*ret_after = strtoll(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9')
		return error_new(ERROR_INVALID, "\"%.40s\" is no id of an event\n", text);
	return NULL;
}

static struct error *nothing(struct db *db, const struct event *event, void *arg)
{
	(void)db;
	(void)event;
	(void)arg;
	return NULL;
}

/* ERROR_NOT_FOUND: what followed is removed. */
static struct error *find_start(struct front *f, const struct http_request *r, int64_t *ret_after)
{
	struct db *db = db_of(f);
	bool said = false;
	size_t count = 0;

	TRY(read_after(r, ret_after, &said));
	if (!db)
		return error_new(ERROR_UNAVAILABLE, "the database is not open\n");
	if (!said)
		return events_last(db, ret_after);
	return events_read(db, *ret_after, 1, nothing, NULL, &count);
}

static size_t streams_of(const struct front_events *all, const char *address)
{
	size_t n = 0;

	for (const struct front_stream *s = all->streams; s; s = s->next)
		n += strcmp(s->caller.address, address) == 0;
	return n;
}

/* Keys cost nothing: those of whom nobody has named leave room for the others. */
static bool has_room(const struct front_events *all, const char *address)
{
	const struct callers *callers = all->front->options.callers;
	size_t others = 0;

	if (all->count >= STREAMS || streams_of(all, address) >= STREAMS_EACH)
		return false;
	if (callers_listed(callers, address))
		return true;
	for (const struct front_stream *s = all->streams; s; s = s->next)
		others += !callers_listed(callers, s->caller.address);
	return others < STREAMS_OTHERS;
}

static struct error *begin(struct front_events *all, struct http_request *r, const struct caller *caller, char *token,
			   int64_t after)
{
	static const struct wire_events events = {.data = on_data, .written = on_written};
	struct front_stream *s = mem_new(all, struct front_stream);
	struct error *e;

	*s = (struct front_stream){.all = all,
				   .next = all->streams,
				   .at = &all->streams,
				   .caller = *caller,
				   .token = secret_text(s, token, strlen(token)),
				   .done = after};
	if (s->next)
		s->next->at = &s->next;
	all->streams = s;
	all->count++;
	talloc_set_destructor(s, stream_destroy);
	e = http_request_stream(r, s, "text/event-stream", &events, s, &s->wire);
	if (e)
		mem_free(s);
	return e;
}

static struct error *token_of(struct front *f, const struct http_request *r, char ret_token[COOKIE_TOKEN_MOST + 1])
{
	const char *bearer = front_bearer(r);

	if (!bearer)
		return cookie_token(r, f->options.origin, ret_token);
	if (strlen(bearer) > COOKIE_TOKEN_MOST)
		return error_new(ERROR_INVALID, "the token is too long");
	memcpy(ret_token, bearer, strlen(bearer) + 1);
	return NULL;
}

static int status_of(enum error_code code)
{
	return code == ERROR_NOT_FOUND ? 410 : code == ERROR_INVALID ? 400 : 503;
}

static void open_stream(struct front *f, struct http_request *r, const struct caller *caller)
{
	char token[COOKIE_TOKEN_MOST + 1];
	int64_t after = 0;
	struct error *e;

	if (!(caller->roles & MEMBERS)) {
		http_answer_header(r, "WWW-Authenticate", "Bearer");
		front_text(r, 401, "events are for who has logged in\n");
		return;
	}
	if (!has_room(f->events, caller->address)) {
		front_text(r, 429, "too many streams of events are open\n");
		return;
	}
	e = find_start(f, r, &after);
	if (!e)
		e = token_of(f, r, token);
	if (!e)
		e = begin(f->events, r, caller, token, after);
	secret_wipe(token, sizeof(token));
	if (e)
		front_text(r, status_of(e->code), e->message);
	error_free(e);
}

void front_events(struct front *f, struct http_request *r)
{
	front_who(f, r, open_stream);
}

void front_events_open(struct front *f, uv_loop_t *loop)
{
	f->events = mem_new(f, struct front_events);
	f->events->front = f;
	f->events->look = timer_start(f->events, loop, LOOK_MS, LOOK_MS, look, f->events);
}

void front_events_measure(struct metrics_text *t, const struct front *f)
{
	metrics_gauge(t, "event_streams", "Streams of events that are open.", (double)f->events->count);
	metrics_counter(t, "events_told_total", "Events told in streams.", f->events->told);
	metrics_counter(t, "event_streams_dropped_total", "Streams ended: a slow reader, a login that is over.",
			f->events->dropped);
}
