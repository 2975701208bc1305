#include "manager/remote.h"

#include <string.h>

#include "base/backoff.h"
#include "base/json.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "http/client.h"
#include "http/head.h"
#include "http/origin.h"
#include "manager/remote_wire.h"
#include "transfer/transfer.h"

#define LOOK_ANSWER_MS 2000
#define LOOK_BYTES 65536
#define PAGE_MS 10000
#define PAGE_BYTES ((size_t)4 << 20)

struct remote {
	struct remote_options options;
	struct http_origin origin;
	uv_loop_t *loop;
	char *authorization;             /* wiped */
	struct transfers *calls, *looks; /* the latter of one connection: no call holds a look up */
	struct timer *look;
	struct backoff backoff;
	struct error *trouble; /* NULL: it can be called */
	bool known;            /* it was asked */
	json_t *leads;         /* services that it hosts, true: and leads */
};

/* --- one exchange --- */

static struct error *unavailable(const struct remote *p, const char *why)
{
	return error_new(ERROR_UNAVAILABLE, "the dsnd at %s: %s", p->origin.text, why);
}

static void ask(const struct remote *p, const void *ctx, const struct http_exchange *how, http_answer_fn *fn, void *arg)
{
	struct http_exchange x = *how;

	x.host = p->origin.host;
	x.port = p->origin.port;
	x.tls = p->origin.tls;
	http_fetch(ctx, p->loop, &x, fn, arg);
}

static void post(const struct remote *p, const void *ctx, struct transfers *kept, const char *text, int64_t deadline_ms,
		 size_t limit, http_answer_fn *fn, void *arg)
{
	const struct http_exchange x = {.kept = kept,
					.method = "POST",
					.path = REMOTE_PATH,
					.content_type = "application/json",
					.body = text,
					.body_len = strlen(text),
					.authorization = p->authorization,
					.deadline_ms = deadline_ms,
					.limit = limit};

	ask(p, ctx, &x, fn, arg);
}

/* An error is this exchange's; *ret_refusal the method's own. */
static struct error *read_answer(const struct http_answer *a, json_t **ret_result, struct error **ret_refusal)
{
	if (a->error)
		return error_copy(a->error);
	if (a->status == 401)
		return error_new(
			ERROR_REFUSED,
			"it does not know the token of --peer-token-file: the same for all dsnd of this network");
	if (a->status == 404)
		return error_new(ERROR_REFUSED, "it takes no calls of other dsnd: it wants --peer-token-file too");
	if (a->status != 200)
		return error_new(ERROR_UNAVAILABLE, "it answers with status %d", a->status);
	return remote_answer_read(a->body, a->len, ret_result, ret_refusal);
}

/* --- what it is --- */

static void look(void *arg);

/* Takes e. */
static void note(struct remote *p, struct error *e)
{
	bool news = !p->known || !e != !p->trouble || (e && strcmp(e->message, p->trouble->message) != 0);

	if (news && e)
		log_warn("peer.away", "url=%s why=%s", p->origin.text, log_q(e->message));
	else if (news)
		log_info("peer.here", "url=%s", p->origin.text);
	error_free(p->trouble);
	p->trouble = e;
	p->known = true;
	if (!e)
		backoff_reset(&p->backoff);
	timer_again(p->look, e ? backoff_next_ms(&p->backoff, 0) : REMOTE_LOOK_MS, 0);
}

static struct error *same(const json_t *o, const char *key, const char *ours, const char *mend)
{
	const char *theirs = json_string_value(json_object_get(o, key));

	if (theirs && strcmp(theirs, ours) == 0)
		return NULL;
	return error_new(ERROR_REFUSED, "its %s is %.120s, and here it is %s: %s", key, theirs ? theirs : "not told",
			 ours, mend);
}

static struct error *take_description(struct remote *p, const json_t *o)
{
	const struct service_network *n = p->options.network;
	const json_t *services = json_object_get(o, "services");

	TRY(same(o, "network", n->name, "--network is to be the same"));
	TRY(same(o, "manager", n->manager, "--identity is to be the same key"));
	TRY(same(o, "url", n->origin, "--public-url is to be the same"));
	if (!json_is_object(services))
		return error_new(ERROR_INVALID, "it does not say what it hosts");
	json_decref(p->leads);
	p->leads = json_deep_copy(services);
	return NULL;
}

static void on_look(const struct http_answer *a, void *arg)
{
	struct remote *p = arg;
	json_t *result = NULL;
	struct error *refusal = NULL, *e = read_answer(a, &result, &refusal);

	if (!e && refusal)
		e = error_copy(refusal);
	if (!e)
		e = take_description(p, result);
	note(p, e);
	error_free(refusal);
	json_decref(result);
}

static void look(void *arg)
{
	struct remote *p = arg;
	const struct caller self = service_self();
	char *text = remote_question(p, &self, "peer.describe", NULL);

	post(p, p, p->looks, text, LOOK_ANSWER_MS, LOOK_BYTES, on_look, p);
	mem_free(text);
}

/* --- calls --- */

struct remote_asked {
	struct remote *peer;
	struct method_call *call;
};

static struct error *failed(const struct remote *p, const struct http_answer *a, const struct error *e)
{
	if (e->code == ERROR_REFUSED || !a->sent)
		return unavailable(p, e->message);
	return error_new(e->code == ERROR_TIMEOUT || e->code == ERROR_LIMIT ? e->code : ERROR_UNAVAILABLE,
			 "the dsnd at %s: %s; what became of the call is not known: look before it is made again",
			 p->origin.text, e->message);
}

static void on_answer(const struct http_answer *a, void *arg)
{
	const struct remote_asked asked = *(struct remote_asked *)arg;
	json_t *result = NULL;
	struct error *refusal = NULL, *e = read_answer(a, &result, &refusal);

	mem_free(arg);
	if (e) {
		method_fail(asked.call, failed(asked.peer, a, e));
		if (e->code == ERROR_UNAVAILABLE)
			timer_again(asked.peer->look, 0, 0); /* it may be away: others are not to wait for it */
		error_free(e);
	} else if (refusal) {
		method_fail(asked.call, refusal);
	} else {
		method_answer(asked.call, result);
	}
}

void remote_call(struct remote *p, struct method_call *c)
{
	const struct caller *caller = method_caller(c);
	bool own = (caller->roles & CALLER_SERVICE) != 0;
	struct remote_asked *asked;
	char *text;

	if (p->trouble) {
		method_fail(c, unavailable(p, p->trouble->message));
		return;
	}
	asked = mem_new(p, struct remote_asked);
	*asked = (struct remote_asked){p, c};
	text = remote_question(p, caller, method_row(c)->name, method_params(c));
	post(p, asked, p->calls, text, own ? REMOTE_SERVICE_MS : REMOTE_CALL_MS, REMOTE_ANSWER_BYTES, on_answer, asked);
	secret_wipe(text, strlen(text)); /* a login's token may be in it */
	mem_free(text);
}

/* --- pages --- */

static void pass_on(struct http_request *r, const struct http_answer *a)
{
	static const char *const headers[] = {"Access-Control-Allow-Origin",
					      "Access-Control-Allow-Methods",
					      "Access-Control-Allow-Headers",
					      "Access-Control-Expose-Headers",
					      "Allow",
					      "Retry-After",
					      NULL};

	for (const char *const *name = headers; *name; name++) {
		const char *value = http_head_find(a->head, *name);

		if (value)
			http_answer_header(r, *name, value);
	}
	http_respond(r, a->status, http_head_find(a->head, "Content-Type"), a->body, a->len);
}

static void unreachable(struct http_request *r)
{
	static const char text[] = "it cannot be told just now\n";

	http_answer_header(r, "Access-Control-Allow-Origin", "*");
	http_answer_header(r, "Retry-After", "2");
	http_respond(r, 503, "text/plain; charset=utf-8", text, strlen(text));
}

static void on_page(const struct http_answer *a, void *arg)
{
	if (a->error)
		unreachable(arg);
	else
		pass_on(arg, a);
}

/* The path was decoded when it was read: what is not plain in it is nobody's. */
static bool is_plain(const char *path)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/";

	return strspn(path, letters) == strlen(path);
}

void remote_page(struct remote *p, struct http_request *r)
{
	const char *method = http_request_method(r), *path = http_request_path(r);
	bool read = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
	/* A HEAD is a GET whose body the server leaves out. */
	const struct http_exchange x = {.kept = p->calls,
					.method = read ? "GET" : method,
					.path = path,
					.deadline_ms = PAGE_MS,
					.limit = PAGE_BYTES};

	if (!is_plain(path))
		http_respond(r, 404, "text/plain", "there is nothing\n", strlen("there is nothing\n"));
	else if (p->trouble)
		unreachable(r);
	else
		ask(p, r, &x, on_page, r);
}

/* --- making one --- */

struct error *remote_check_url(const char *url)
{
	struct http_origin o;

	TRY(http_origin_read(url, 0, &o));
	if (!o.tls && !o.loopback)
		return error_new(
			ERROR_INVALID,
			"\"%.80s\" is without TLS: the token of --peer-token-file would cross the network in the clear; https://, please",
			url);
	return NULL;
}

static int remote_destroy(struct remote *p)
{
	mem_free(p->calls); /* cut off: no answer comes any more */
	mem_free(p->looks);
	if (p->authorization)
		secret_wipe(p->authorization, strlen(p->authorization));
	error_free(p->trouble);
	json_decref(p->leads);
	return 0;
}

struct error *remote_new(const void *ctx, uv_loop_t *loop, const struct remote_options *options,
			 struct remote **ret_peer)
{
	struct remote *p;

	TRY(remote_check_url(options->url));
	p = mem_new(ctx, struct remote);
	talloc_set_destructor(p, remote_destroy);
	p->options = *options;
	p->loop = loop;
	TRY(http_origin_read(options->url, 0, &p->origin));
	p->authorization = mem_printf(p, "Bearer %s", options->token);
	p->leads = json_object();
	p->calls = transfers_new(p, loop, REMOTE_CONNECTIONS);
	p->looks = transfers_new(p, loop, 1);
	p->backoff = (struct backoff){.first_ms = REMOTE_AGAIN_MS, .max_ms = REMOTE_AGAIN_MOST_MS};
	p->look = timer_start(p, loop, 0, 0, look, p);
	*ret_peer = p;
	return NULL;
}

const char *remote_url(const struct remote *p)
{
	return p->origin.text;
}

const struct error *remote_trouble(const struct remote *p)
{
	return p->trouble;
}

bool remote_leads(const struct remote *p, const char *service)
{
	return json_is_true(json_object_get(p->leads, service));
}
