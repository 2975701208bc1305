/* vcli whisper receive: messages of all who know the password, as they come; the words start and stop become deeds. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "vcli/commands.h"
#include "vcli/render.h"
#include "vcli/wait.h"
#include "vcli/whisper/whisper_action.h"
#include "vcli/whisper/whisper_message.h"
#include "vcli/whisper/whisper_nodes.h"
#include "vcli/whisper/whisper_password.h"

#define SEEN 4096      /* words that are remembered against being sent again by a stranger */
#define SEEN_DIGITS 64 /* of a message's random padding */
#define SEEN_LEAST 16
#define CLOSE_MS 2000

struct receiver {
	struct vcli *v;
	struct rpc_client_address address;
	char *url, *authorization, *password;
	char *key_id;
	struct rpc_client *rpc;
	struct whisper_actions *actions;
	struct backoff backoff;
	struct timer *retry, *deadline;
	int64_t up_since_ms;
	bool was_up, ending, over;
	int64_t seen_count;
	char (*seen)[SEEN_DIGITS + 1];
	size_t seen_next;
	struct error *error;
};

static void check_over(struct receiver *r)
{
	r->over = r->ending && whisper_actions_idle(r->actions);
}

/* No more messages; what was started is ended first. */
static void end(struct receiver *r)
{
	r->ending = true;
	whisper_actions_end(r->actions);
	check_over(r);
}

/* Takes `e`. */
static void fail(struct receiver *r, struct error *e)
{
	if (r->error)
		error_free(e);
	else
		r->error = e;
	end(r);
}

/* --- what is printed --- */

/* Takes `about`. */
static void print_event(struct receiver *r, const char *event, json_t *about)
{
	char *time = clock_format(NULL, clock_wall_ms()), *text;
	json_t *line = json_object();
	const char *key;
	json_t *value;

	if (r->v->set.json) {
		json_put(line, "event", event);
		json_put(line, "time", time);
		json_object_update(line, about);
		text = json_text(time, line);
		printf("%s\n", text);
	} else {
		printf("%s  [%s]", time, event);
		json_object_foreach (about, key, value) {
			printf(" %s=", key);
			render_text(stdout, json_string_value(value));
		}
		printf("\n");
	}
	fflush(stdout);
	json_decref(line);
	json_decref(about);
	mem_free(time);
}

static void on_told(const char *event, const json_t *about, void *arg)
{
	struct receiver *r = arg;

	print_event(r, event, json_incref((json_t *)about));
	check_over(r);
}

static void put_copy(json_t *o, const json_t *message, const char *key)
{
	const char *text = json_string_value(json_object_get(message, key));

	if (text)
		json_put(o, key, text);
}

static void print_message(struct receiver *r, const json_t *message, const char *text)
{
	const char *payload = json_string_value(json_object_get(message, "payload"));

	if (r->v->set.json) {
		json_t *about = json_object();

		if (text)
			json_put(about, "text", text);
		else
			put_copy(about, message, "payload");
		put_copy(about, message, "topic");
		put_copy(about, message, "hash");
		put_copy(about, message, "sig");
		print_event(r, "message", about);
	} else {
		char *time = clock_format(NULL, clock_wall_ms());

		printf("%s  ", time);
		render_text(stdout, text ? text : payload ? payload : "");
		printf("\n");
		fflush(stdout);
		mem_free(time);
	}
}

/* --- messages --- */

/* Who sees an envelope can wrap its contents, which he cannot read, into a new one. The contents stay the same then,
 * the random padding too. */
static bool is_repeated(struct receiver *r, const json_t *message)
{
	const char *padding = json_string_value(json_object_get(message, "padding"));
	size_t n = padding ? strnlen(padding, SEEN_DIGITS) : 0;

	if (n < SEEN_LEAST)
		return false;
	for (size_t i = 0; i < SEEN; i++) {
		if (strncmp(r->seen[i], padding, n) == 0 && r->seen[i][n] == '\0')
			return true;
	}
	memset(r->seen[r->seen_next], 0, sizeof(r->seen[0]));
	memcpy(r->seen[r->seen_next], padding, n);
	r->seen_next = (r->seen_next + 1) % SEEN;
	return false;
}

static void on_notified(struct rpc_client *c, const char *method, const char *subscription, const json_t *message,
			void *arg)
{
	struct receiver *r = arg;
	char *text = NULL;
	size_t len = 0;
	struct error *e;

	(void)c;
	(void)method;
	(void)subscription;
	if (r->ending)
		return;
	e = whisper_payload(NULL, message, &text, &len);
	if (e) {
		json_t *about = json_object();

		json_put(about, "why", e->message);
		print_event(r, "unreadable", about);
		error_free(e);
		return;
	}
	if (strlen(text) != len || !utf8_valid(text, len)) {
		print_message(r, message, NULL);
	} else if (is_repeated(r, message)) {
		print_event(r, "repeated", json_pack("{ss}", "why", "a message of before in a new envelope"));
		mem_free(text);
		return;
	} else {
		print_message(r, message, text);
		whisper_actions_take(r->actions, text);
	}
	mem_free(text);
	r->seen_count++;
	if (r->v->set.count > 0 && r->seen_count >= r->v->set.count)
		end(r);
}

/* --- the connection --- */

static void on_deadline(void *arg)
{
	end(arg);
}

static void on_not_up(void *arg)
{
	struct receiver *r = arg;

	fail(r, error_new(ERROR_TIMEOUT,
			  "the Whisper node at %s cannot be reached (--rpc, $DSN_RPC): not ready within %lld ms",
			  r->url, (long long)r->v->timeout_ms));
}

static void on_subscribed(const json_t *result, const struct error *e, void *arg)
{
	struct receiver *r = arg;

	if (e) {
		if (!rpc_client_is_open(r->rpc))
			return;
		fail(r, error_wrap(error_copy(e), "%s: shh_subscribe", r->url));
		return;
	}
	(void)result;
	/* The time to receive is counted from here: making the key of the password takes the node a while. */
	if (!r->was_up && r->v->timeout_ms > 0) {
		mem_free(r->deadline);
		r->deadline = timer_start(r, &r->v->loop, r->v->timeout_ms, 0, on_deadline, r);
	}
	if (!r->v->set.quiet)
		fprintf(stderr, "receiving at %s, topic %s\n", r->url, r->v->set.whisper.topic);
	r->was_up = true;
	r->up_since_ms = clock_mono_ms();
}

static void on_key(const json_t *result, const struct error *e, void *arg)
{
	struct receiver *r = arg;

	if (e) {
		if (rpc_client_is_open(r->rpc))
			fail(r, error_wrap(error_copy(e), "%s: shh_generateSymKeyFromPassword", r->url));
		return;
	}
	mem_free(r->key_id);
	r->key_id = mem_strdup(r, json_string_value(result) ?: "");
	rpc_client_call(
		r->rpc, "shh_subscribe",
		json_pack("[s, {ss, s[s]}]", "messages", "symKeyID", r->key_id, "topics", r->v->set.whisper.topic),
		on_subscribed, r);
}

static void on_opened(struct rpc_client *c, void *arg)
{
	struct receiver *r = arg;

	rpc_client_call(c, "shh_generateSymKeyFromPassword", json_pack("[s]", r->password), on_key, r);
}

static void dial(void *arg);

static void on_closed(struct rpc_client *c, const struct error *e, void *arg)
{
	struct receiver *r = arg;

	(void)c;
	if (r->ending)
		return;
	if (!r->was_up) {
		fail(r, error_new(e->code, "the Whisper node at %s cannot be reached (--rpc, $DSN_RPC): %s", r->url,
				  e->message));
		return;
	}
	if (!r->v->set.quiet)
		fprintf(stderr, "%s: %s; trying again\n", r->url, e->message);
	mem_free(r->retry);
	r->retry =
		timer_start(r, &r->v->loop, backoff_next_ms(&r->backoff, clock_mono_ms() - r->up_since_ms), 0, dial, r);
	r->up_since_ms = clock_mono_ms();
}

static void dial(void *arg)
{
	static const struct rpc_client_events events = {on_opened, on_notified, on_closed};
	struct receiver *r = arg;
	const struct rpc_client_options options = {.host = r->address.host,
						   .port = r->address.port,
						   .path = r->address.path,
						   .authorization = r->authorization};

	mem_free(r->rpc);
	r->rpc = rpc_client_open(r, &r->v->loop, &options, &events, r);
}

static bool none_pending(const void *arg)
{
	return rpc_client_pending(arg) == 0;
}

/* The node keeps keys until it ends; ours is of no more use. */
static void leave(struct receiver *r)
{
	if (!r->rpc || !rpc_client_is_open(r->rpc) || !r->key_id)
		return;
	rpc_client_call(r->rpc, "shh_deleteSymKey", json_pack("[s]", r->key_id), NULL, NULL);
	vcli_wait_until(&r->v->loop, none_pending, r->rpc, clock_mono_ms() + CLOSE_MS);
}

/* --- the command --- */

/* Who asks twice does not want to wait for what was started. */
static void on_signal(int signum, void *arg)
{
	struct receiver *r = arg;

	(void)signum;
	if (!r->ending) {
		end(r);
		return;
	}
	r->over = true;
}

static struct error *prepare(struct receiver *r)
{
	struct vcli *v = r->v;
	char **urls = NULL, **start = NULL, **hook = NULL;
	size_t count = 0;

	TRY(whisper_endpoints(r, v, WHISPER_ONE, &urls, &count));
	r->url = urls[0];
	TRY(rpc_client_address_read(r, r->url, &r->address));
	TRY(whisper_authorization(r, &v->set.whisper, &r->authorization));
	if (v->set.whisper.on_start)
		TRY(whisper_argv(r, "on-start", v->set.whisper.on_start, &start));
	if (v->set.whisper.hook)
		TRY(whisper_argv(r, "hook", v->set.whisper.hook, &hook));
	TRY(whisper_password(r, &v->set.whisper, &r->password));
	r->actions = whisper_actions_new(r, &v->loop, start, hook, on_told, r);
	return NULL;
}

static int receiver_destroy(struct receiver *r)
{
	if (r->password)
		explicit_bzero(r->password, strlen(r->password));
	error_free(r->error);
	return 0;
}

struct error *cmd_whisper_receive(struct vcli *v)
{
	struct receiver *r = mem_new(v, struct receiver);
	struct error *e = NULL;

	talloc_set_destructor(r, receiver_destroy);
	r->v = v;
	r->backoff = (struct backoff){.first_ms = 500, .max_ms = 15000, .steady_ms = 30000};
	r->seen = mem_zarray_(r, sizeof(r->seen[0]), SEEN, "seen");
	TRY(prepare(r));
	v->printed = true;
	signal_start(r, &v->loop, SIGINT, on_signal, r);
	signal_start(r, &v->loop, SIGTERM, on_signal, r);
	if (v->timeout_ms > 0)
		r->deadline = timer_start(r, &v->loop, v->timeout_ms, 0, on_not_up, r);
	dial(r);
	vcli_wait(&v->loop, &r->over, VCLI_WAIT_FOREVER);
	leave(r);
	if (r->error) {
		e = r->error;
		r->error = NULL;
	} else if (v->set.count > 0 && r->seen_count < v->set.count && v->timeout_ms > 0) {
		e = error_new(ERROR_TIMEOUT, "%lld of %lld messages came in time", (long long)r->seen_count,
			      (long long)v->set.count);
	}
	mem_free(r);
	return e;
}
