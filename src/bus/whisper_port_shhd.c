/* A running shhd, over its JSON-RPC on a WebSocket: dsn_post and dsn_subscribe (docs/shhd.md). */
#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/seal.h"
#include "bus/whisper_port.h"
#include "crypto/secret.h"
#include "http/rpc_client.h"

#define TOKEN_VARIABLE "DSN_RPC_TOKEN"
#define BACKOFF_FIRST_MS 200
#define BACKOFF_MAX_MS 10000
#define STEADY_MS 10000
#define PING_MS 10000
#define POW_TIME_S 10
#define DATA_MAX (SEAL_LIMIT + 1024) /* what is longer is none of ours */

struct port {
	struct whisper_port head; /* first */
	uv_loop_t *loop;
	const struct whisper_address *address;
	char *authorization; /* or NULL */
	struct whisper_port_events events;
	void *arg;
	struct rpc_client *client;
	int64_t opened_ms; /* monotonic */
	struct backoff backoff;
	struct timer *again;
	uint8_t (*topics)[TOPIC_BYTES];
	size_t topic_count;
	char *subscription;     /* that serves now; NULL: none */
	unsigned round;         /* of subscriptions: answers to earlier ones are of no use */
	struct answer *answers; /* that are to come */
	bool up;
};

/* --- postings --- */

struct whisper_posting {
	struct answer *answer;
};

/* What an answer comes to; the posting may have gone. */
struct answer {
	struct answer *next, **link;
	struct port *port;
	struct whisper_posting *posting;
	whisper_posted_fn *fn;
	void *arg;
	struct error *error;
	struct timer *timer;
};

static int answer_destroy(struct answer *a)
{
	if (a->posting)
		a->posting->answer = NULL;
	*a->link = a->next;
	if (a->next)
		a->next->link = a->link;
	error_free(a->error);
	return 0;
}

static int posting_destroy(struct whisper_posting *o)
{
	if (o->answer)
		o->answer->posting = NULL;
	return 0;
}

static void on_tell(void *arg)
{
	struct answer *a = arg;
	struct whisper_posting *o = a->posting;

	if (o) {
		a->fn(a->error, a->arg);
		mem_free(o); /* a->posting is NULL from here on */
	}
	mem_free(a);
}

/* At the next turn of the loop: rpc_client may answer from within the call. */
static void on_answer(const json_t *result, const struct error *e, void *arg)
{
	struct answer *a = arg;

	(void)result;
	a->error = e ? error_copy(e) : NULL;
	a->timer = timer_start(a, a->port->loop, 0, 0, on_tell, a);
}

static void put_hex(json_t *o, const char *key, const uint8_t *bytes, size_t n)
{
	char *digits = hex_encode(NULL, bytes, n), *text = mem_printf(NULL, "0x%s", digits);

	json_object_set_new(o, key, json_string(text));
	mem_free(text);
	mem_free(digits);
}

static struct whisper_posting *shhd_post(struct whisper_port *port, const void *ctx, const uint8_t topic[TOPIC_BYTES],
					 uint32_t ttl_s, const uint8_t *data, size_t n, bool urgent,
					 whisper_posted_fn *fn, void *arg)
{
	struct port *p = (struct port *)port;
	struct whisper_posting *o = mem_new(ctx, struct whisper_posting);
	struct answer *a = mem_new(p, struct answer);
	json_t *message = json_object();

	(void)urgent; /* it is the system's when this returns */
	*a = (struct answer){.next = p->answers, .link = &p->answers, .port = p, .posting = o, .fn = fn, .arg = arg};
	if (a->next)
		a->next->link = &a->next;
	p->answers = a;
	o->answer = a;
	talloc_set_destructor(a, answer_destroy);
	talloc_set_destructor(o, posting_destroy);
	put_hex(message, "topic", topic, TOPIC_BYTES);
	put_hex(message, "data", data, n);
	json_object_set_new(message, "ttl", json_integer(ttl_s));
	json_object_set_new(message, "powTime", json_integer(POW_TIME_S));
	if (p->client) {
		rpc_client_call(p->client, "dsn_post", json_pack("[o]", message), on_answer, a);
	} else {
		struct error *e = error_new(ERROR_UNAVAILABLE, "not connected to shhd");

		json_decref(message);
		on_answer(NULL, e, a);
		error_free(e);
	}
	return o;
}

/* --- subscribing --- */

static void set_state(struct port *p, bool up, const struct error *why)
{
	p->up = up;
	p->events.state(up, why, p->arg); /* may free the port */
}

static void end_client(struct port *p, const struct error *why);

/* An answer to dsn_subscribe, of a round. */
struct asking {
	struct port *port;
	unsigned round;
};

static void on_subscribed(const json_t *result, const struct error *e, void *arg)
{
	struct asking *a = arg;
	struct port *p = a->port;
	bool current = a->round == p->round;
	const char *id = json_string_value(result);

	mem_free(a);
	if (e) {
		struct error *why = error_copy(e);

		if (why->code == ERROR_NOT_FOUND)
			why = error_wrap(why, "this shhd does not serve the methods of the bus (see its --api)");
		if (current)
			end_client(p, why);
		error_free(why);
		return;
	}
	if (!current || !id) {
		if (id)
			rpc_client_call(p->client, "dsn_unsubscribe", json_pack("[s]", id), NULL, NULL);
		return;
	}
	if (p->subscription)
		rpc_client_call(p->client, "dsn_unsubscribe", json_pack("[s]", p->subscription), NULL, NULL);
	mem_free(p->subscription);
	p->subscription = mem_strdup(p, id);
	if (!p->up)
		set_state(p, true, NULL);
}

static void subscribe(struct port *p)
{
	json_t *topics, *what;
	struct asking *a;

	if (!p->client || !rpc_client_is_open(p->client))
		return;
	topics = json_array();
	what = json_object();
	for (size_t i = 0; i < p->topic_count; i++) {
		char *digits = hex_encode(NULL, p->topics[i], TOPIC_BYTES), *text = mem_printf(NULL, "0x%s", digits);

		json_array_append_new(topics, json_string(text));
		mem_free(text);
		mem_free(digits);
	}
	json_object_set_new(what, "topics", topics);
	a = mem_new(p->client, struct asking);
	*a = (struct asking){p, ++p->round};
	rpc_client_call(p->client, "dsn_subscribe", json_pack("[s,o]", "envelopes", what), on_subscribed, a);
}

static void shhd_watch(struct whisper_port *port, const uint8_t (*topics)[TOPIC_BYTES], size_t count)
{
	struct port *p = (struct port *)port;

	mem_free(p->topics);
	p->topics = (uint8_t(*)[TOPIC_BYTES])mem_memdup(p, topics, count * TOPIC_BYTES);
	p->topic_count = count;
	subscribe(p);
}

static bool read_hex(const json_t *o, const char *key, uint8_t *ret_bytes, size_t n)
{
	const char *text = json_string_value(json_object_get(o, key));
	struct error *e;

	if (!text || strncmp(text, "0x", 2) != 0 || strlen(text) != 2 + 2 * n)
		return false;
	e = hex_decode(text + 2, ret_bytes, n);
	error_free(e);
	return !e;
}

static void on_notified(struct rpc_client *c, const char *method, const char *subscription, const json_t *result,
			void *arg)
{
	struct port *p = arg;
	uint8_t topic[TOPIC_BYTES], hash[ENVELOPE_HASH_BYTES], *data;
	size_t n = json_string_length(json_object_get(result, "data"));

	(void)c;
	(void)subscription;
	if (strcmp(method, "dsn_subscription") != 0 || n < 4 || n % 2 || n / 2 - 1 > DATA_MAX)
		return;
	n = n / 2 - 1;
	data = mem_array(NULL, uint8_t, n);
	if (read_hex(result, "topic", topic, sizeof(topic)) && read_hex(result, "hash", hash, sizeof(hash)) &&
	    read_hex(result, "data", data, n))
		p->events.envelope(topic, hash, data, n, p->arg);
	else
		log_debug("whisper.malformed", "from=%s", "shhd");
	mem_free(data);
}

/* --- connecting --- */

static void on_info(const json_t *result, const struct error *e, void *arg)
{
	struct port *p = arg;
	json_int_t limit = json_integer_value(json_object_get(result, "maxMessageSize"));

	/* Not served maybe: then its refusal of what is too large will tell. */
	if (!e && limit > ENVELOPE_OVERHEAD)
		p->head.limit = (size_t)limit - ENVELOPE_OVERHEAD;
}

static void on_opened(struct rpc_client *c, void *arg)
{
	struct port *p = arg;

	p->opened_ms = clock_mono_ms();
	rpc_client_call(c, "shh_info", json_array(), on_info, p);
	subscribe(p);
}

static void on_closed(struct rpc_client *c, const struct error *e, void *arg)
{
	(void)c;
	end_client(arg, e);
}

static void connect_client(void *arg)
{
	struct port *p = arg;
	const struct rpc_client_events events = {.opened = on_opened, .notified = on_notified, .closed = on_closed};
	const struct rpc_client_options options = {.host = p->address->host,
						   .port = p->address->port,
						   .authorization = p->authorization,
						   .ping_ms = PING_MS};

	mem_free(p->again);
	p->again = NULL;
	p->opened_ms = 0;
	p->client = rpc_client_open(p, p->loop, &options, &events, p);
}

/* Try again later, with back-off. */
static void end_client(struct port *p, const struct error *why)
{
	int64_t ran_ms = p->opened_ms && p->up ? clock_mono_ms() - p->opened_ms : 0;
	struct error *e =
		error_new(why->code, "shhd at %s port %d: %s", p->address->host, p->address->port, why->message);

	mem_free(p->client);
	p->client = NULL;
	for (struct answer *a = p->answers; a; a = a->next) {
		if (!a->timer)
			on_answer(NULL, e, a); /* the client has forgotten it */
	}
	mem_free(p->subscription);
	p->subscription = NULL;
	p->round++;
	p->again = timer_start(p, p->loop, backoff_next_ms(&p->backoff, ran_ms), 0, connect_client, p);
	set_state(p, false, e);
	error_free(e);
}

static int port_destroy(struct port *p)
{
	if (p->authorization)
		secret_wipe(p->authorization, strlen(p->authorization));
	return 0;
}

static struct error *find_token(struct port *p, const char *password_file)
{
	const char *from_environment = getenv(TOKEN_VARIABLE);
	char *token = NULL;

	if (password_file)
		TRY(file_read_secret(p, password_file, &token));
	else if (from_environment && *from_environment)
		token = mem_strdup(p, from_environment);
	if (!token)
		return NULL;
	p->authorization = mem_printf(p, "Bearer %s", token);
	secret_wipe(token, strlen(token));
	mem_free(token);
	return NULL;
}

struct error *whisper_shhd_open(const void *ctx, uv_loop_t *loop, const struct bus_options *options,
				const struct whisper_address *address, const struct whisper_port_events *events,
				void *arg, struct whisper_port **ret_port)
{
	struct port *p = mem_new(ctx, struct port);
	struct error *e;

	p->head = (struct whisper_port){
		.limit = WHISPER_MESSAGE_DEFAULT - ENVELOPE_OVERHEAD, .watch = shhd_watch, .post = shhd_post};
	p->loop = loop;
	p->address = address;
	p->events = *events;
	p->arg = arg;
	p->backoff = (struct backoff){.first_ms = BACKOFF_FIRST_MS, .max_ms = BACKOFF_MAX_MS, .steady_ms = STEADY_MS};
	talloc_set_destructor(p, port_destroy);
	e = find_token(p, options->password_file);
	if (e) {
		mem_free(p);
		return e;
	}
	p->again = timer_start(p, loop, 0, 0, connect_client, p);
	*ret_port = &p->head;
	return NULL;
}
