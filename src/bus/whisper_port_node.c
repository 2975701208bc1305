/* A Whisper node of our own, in this process. */
#include <string.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/whisper_port.h"
#include "crypto/secret.h"
#include "whisper/node.h"

/* Peers come within a second; then the owner is told that there is none. */
#define PATIENCE_MS 2000
/* A connection may be replaced by another one to the same peer. */
#define GRACE_MS 500
#define MAX_PEERS 25
#define POOL_BYTES ((size_t)16 << 20)
#define POOL_COUNT 16384
#define POW_TIME_S 10
/* At the end: so many nonces for what is urgent, some 10 ms. */
#define LAST_NONCES (UINT64_C(1) << 16)

struct whisper_posting {
	struct whisper_posting *next, **link;
	struct port *port;
	struct shh_posting *posting;
	uint8_t topic[TOPIC_BYTES];
	uint32_t ttl_s;
	uint8_t *data; /* of what is urgent, else NULL */
	size_t n;
	whisper_posted_fn *fn;
	void *arg;
};

struct port {
	struct whisper_port head; /* first */
	uv_loop_t *loop;
	const struct whisper_address *address;
	struct whisper_port_events events;
	void *arg;
	enum pow_rule rule;
	struct shh *shh;
	struct shh_watch *watch;
	struct whisper_posting *urgent;
	bool up;
	struct timer *absent; /* running while there is no peer: its end tells so */
};

/* --- state --- */

/* The address part of an enode URL: all that a person looks at. */
static char *append_address(const void *ctx, char *text, const char *url)
{
	const char *at = strchr(url, '@');
	char *longer = mem_printf(ctx, "%s%s%.*s", text, *text ? ", " : "", (int)strcspn(at ? at + 1 : url, "?"),
				  at ? at + 1 : url);

	mem_free(text);
	return longer;
}

static struct error *nobody(const struct port *p)
{
	char *tried = mem_strdup(NULL, "");
	const struct enode *self = p2p_self(shh_p2p(p->shh));
	struct error *e;

	for (char **url = p->address->peers; *url; url++)
		tried = append_address(NULL, tried, *url);
	for (char **url = p->address->bootnodes; *url; url++)
		tried = append_address(NULL, tried, *url);
	if (*tried)
		e = error_new(ERROR_UNAVAILABLE, "no Whisper peer yet: tried %s", tried);
	else
		e = error_new(ERROR_UNAVAILABLE, "no Whisper peer yet: waiting for one on %s port %d",
			      p->address->listen_host, self->tcp);
	mem_free(tried);
	return e;
}

static void on_absent(void *arg)
{
	struct port *p = arg;
	struct error *e = nobody(p);

	mem_free(p->absent);
	p->absent = NULL;
	p->up = false;
	p->events.state(false, e, p->arg); /* may free the port */
	error_free(e);
}

static void on_peers(size_t count, void *arg)
{
	struct port *p = arg;

	if (count == 0 && !p->absent && p->up)
		p->absent = timer_start(p, p->loop, GRACE_MS, 0, on_absent, p);
	if (count == 0)
		return;
	mem_free(p->absent);
	p->absent = NULL;
	if (!p->up) {
		p->up = true;
		p->events.state(true, NULL, p->arg);
	}
}

/* --- envelopes --- */

static void on_envelope(const struct envelope *e, void *arg)
{
	struct port *p = arg;

	p->events.envelope(e->topic, e->hash, e->data, e->data_bytes, p->arg);
}

static void node_watch(struct whisper_port *port, const uint8_t (*topics)[TOPIC_BYTES], size_t count)
{
	struct port *p = (struct port *)port;

	mem_free(p->watch);
	p->watch = shh_watch(p->shh, p, topics, count, on_envelope, p);
}

static int posting_destroy(struct whisper_posting *o)
{
	if (o->link) {
		*o->link = o->next;
		if (o->next)
			o->next->link = o->link;
	}
	return 0;
}

static void on_posted(struct error *e, const uint8_t hash[ENVELOPE_HASH_BYTES], void *arg)
{
	struct whisper_posting *o = arg;

	(void)hash;
	o->fn(e, o->arg);
	error_free(e);
	/* Its child, the node's posting, is still in use: that frees itself after this call. */
	talloc_steal(o->port, o->posting);
	mem_free(o);
}

static struct whisper_posting *node_post(struct whisper_port *port, const void *ctx, const uint8_t topic[TOPIC_BYTES],
					 uint32_t ttl_s, const uint8_t *data, size_t n, bool urgent,
					 whisper_posted_fn *fn, void *arg)
{
	struct port *p = (struct port *)port;
	struct whisper_posting *o = mem_new(ctx, struct whisper_posting);
	struct shh_post post = {.ttl = ttl_s,
				.data = data,
				.data_bytes = n,
				.pow_target = shh_wanted_pow(p->shh),
				.pow_time = POW_TIME_S};

	memcpy(post.topic, topic, TOPIC_BYTES);
	memcpy(o->topic, topic, TOPIC_BYTES);
	o->port = p;
	o->ttl_s = ttl_s;
	o->fn = fn;
	o->arg = arg;
	o->posting = shh_post(p->shh, o, &post, on_posted, o);
	if (urgent) {
		o->data = mem_memdup(o, data, n);
		o->n = n;
		o->next = p->urgent;
		o->link = &p->urgent;
		if (o->next)
			o->next->link = &o->next;
		p->urgent = o;
	}
	talloc_set_destructor(o, posting_destroy);
	return o;
}

/* Mines and sends what is urgent on this thread, within a bound: who exits right after an answer has come would leave
 * its sender to repeat it in vain. */
static void send_last(struct port *p, const struct whisper_posting *o)
{
	uint32_t expiry = (uint32_t)(clock_wall_ms() / 1000) + o->ttl_s;
	size_t short_bytes;
	uint8_t *short_rlp = pow_short(NULL, expiry, o->ttl_s, o->topic, o->data, o->n, &short_bytes);
	unsigned bits = pow_target_bits(shh_wanted_pow(p->shh), short_bytes, o->n, o->ttl_s), found;
	struct pow_scan *scan = pow_scan_new(short_rlp, p->rule, short_rlp, short_bytes, keccak_lanes_best());
	uint64_t nonce;

	if (pow_scan_find(scan, 0, LAST_NONCES, bits, &nonce, &found)) {
		struct envelope *e = envelope_new(expiry, o->ttl_s, o->topic, o->data, o->n, nonce);

		error_free(shh_submit(p->shh, e));
		envelope_unref(e);
	}
	mem_free(short_rlp);
}

/* --- opening --- */

static int port_destroy(struct port *p)
{
	mem_free(p->watch);
	for (struct whisper_posting *o = p->urgent; o; o = o->next) {
		send_last(p, o);
		o->link = NULL; /* it outlives the list */
	}
	if (p->urgent)
		shh_flush(p->shh);
	mem_free(p->shh);
	return 0;
}

static char *client_name(const void *ctx)
{
	struct utsname u = {0};

	uname(&u);
	return mem_printf(ctx, "dsn/bus/v%s/linux-%s", DSN_VERSION, u.machine);
}

static struct error *open_node(struct port *p, const struct whisper_address *a)
{
	struct secp_key key;
	struct shh_options o = {
		.p2p =
			{
				.key = &key,
				.client = client_name(p),
				.listen_address = a->listen_host,
				.port = a->listen_port,
				.udp_port = *a->bootnodes || a->listen_host ? 0 : -1,
				.announce_host = a->announce,
				.max_peers = MAX_PEERS,
				.bootnodes = (const char *const *)a->bootnodes,
				.static_peers = (const char *const *)a->peers,
			},
		.min_pow = -1,
		.mining_rule = a->rule,
		.unknown_rule = a->rule,
		.mining_threads = 1,
		.pool_bytes = POOL_BYTES,
		.pool_count = POOL_COUNT,
	};
	struct error *e;

	secp_key_new(&key);
	e = shh_open(p, p->loop, &o, &p->shh);
	secret_wipe(&key, sizeof(key));
	return e;
}

struct error *whisper_node_open(const void *ctx, uv_loop_t *loop, const struct whisper_address *address,
				const struct whisper_port_events *events, void *arg, struct whisper_port **ret_port)
{
	struct port *p = mem_new(ctx, struct port);
	struct error *e;
	char *enode;

	p->head = (struct whisper_port){.watch = node_watch, .post = node_post};
	p->loop = loop;
	p->address = address;
	p->events = *events;
	p->arg = arg;
	p->rule = address->rule;
	e = open_node(p, address);
	if (e) {
		mem_free(p);
		return e;
	}
	talloc_set_destructor(p, port_destroy);
	p->head.limit = shh_max_message(p->shh) - ENVELOPE_OVERHEAD;
	p->absent = timer_start(p, loop, PATIENCE_MS, 0, on_absent, p);
	shh_on_peers(p->shh, on_peers, p);
	if (address->listen_host) {
		enode = enode_format(p, p2p_self(shh_p2p(p->shh)));
		log_info("whisper.listening", "enode=%s", log_q(enode));
		mem_free(enode);
	}
	*ret_port = &p->head;
	return NULL;
}
