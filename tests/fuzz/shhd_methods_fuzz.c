/* The methods of shhd behind its JSON-RPC, on a node without peers: every line of the input is a document of one
 * client, over WebSocket when the input begins with an odd byte. What the input cannot know stands in it as one byte: 1
 * the id of a symmetric key, 2 that of a key pair, 3 that of a filter, 4 a public key, 5 our enode. */
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "base/mem.h"
#include "devp2p/resolve.h"
#include "rpc/endpoint.h"
#include "rpc/subscriptions.h"
#include "shhd/derivation.h"
#include "shhd/passthrough.h"
#include "shhd/shhd.h"

#define LINES_MAX 32
#define TEXT_MAX 65536
#define TURNS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In place of the endpoint: a client that takes everything. */
struct endpoint_client {
	struct subscription *subscriptions;
	size_t notes;
};

bool endpoint_client_send(struct endpoint_client *c, const char *text, size_t n)
{
	struct json_slice value;
	struct error *e = json_slice_read(text, n, &value);

	if (e)
		abort();
	c->notes++;
	return true;
}

struct subscription **endpoint_client_subscriptions(struct endpoint_client *c)
{
	return &c->subscriptions;
}

/* In place of the resolver: peers that are to be dialed are never found, since nothing here may leave this process. */
struct resolve *resolve_start(const void *ctx, uv_loop_t *loop, const char *host, uint16_t port, resolved_fn *fn,
			      void *arg)
{
	(void)loop, (void)host, (void)port, (void)fn, (void)arg;
	return (struct resolve *)mem_strdup(ctx, "");
}

static uv_loop_t *the_loop(void)
{
	static uv_loop_t loop;
	static bool ready;

	if (!ready) {
		mem_init();
		uv_loop_init(&loop);
		ready = true;
	}
	return &loop;
}

static struct shhd *open_daemon(void *ctx)
{
	static const struct shhd_settings settings = {
		.address = "127.0.0.1", .data_dir = "/nowhere", .network_id = "1", .no_discovery = true};
	static const struct jsonrpc_limits limits = {.batch_limit = 50, .reply_limit = 1 << 20};
	struct shhd *d = mem_new(ctx, struct shhd);
	struct secp_key key;
	struct shh_options o = {.p2p = {.key = &key, .client = "dsn/fuzz", .udp_port = -1}, .mining_threads = 1};

	secp_key_new(&key);
	d->loop = the_loop();
	d->settings = &settings;
	d->client = "dsn/fuzz";
	if (shh_open(d, d->loop, &o, &d->shh))
		abort();
	d->keys = keys_new(d);
	d->filters = ids_new(d, "filters", 16);
	d->postings = mem_strdup(d, "");
	d->derivations = derivations_new(d, d->loop);
	d->rpc = jsonrpc_new(d, &limits);
	methods_shh_add(d);
	methods_filter_add(d);
	methods_node_add(d);
	d->subscriptions = subscriptions_new(d, d->rpc);
	methods_subscribe_add(d);
	jsonrpc_set_fallback(d->rpc, passthrough_call, d);
	return d;
}

struct reply {
	unsigned count;
	char id[ID_TEXT + 1]; /* the result, when it is one */
};

static void on_reply(const char *text, size_t n, void *arg)
{
	struct reply *r = arg;
	struct json_slice value;
	const char *id = n ? strstr(text, "\"result\":\"") : NULL;

	r->count++;
	if (!n)
		return;
	struct error *e = json_slice_read(text, n, &value);
	if (e || text[n - 1] != '\n' || value.n != n - 1)
		abort();
	if (id && strspn(id + 10, "0123456789abcdef") == ID_TEXT)
		memcpy(r->id, id + 10, ID_TEXT);
}

/* What the bytes 1 to 5 stand for. */
static void make_words(struct shhd *d, void *ctx, char *ret_words[6])
{
	static const char filter[] = "{\"id\":1,\"method\":\"shh_newMessageFilter\",\"params\":[{\"symKeyID\":\"%s\","
				     "\"topics\":[\"0x01020304\"],\"allowP2P\":true}]}";
	uint8_t sym[SYM_KEY_BYTES] = {7};
	struct secp_key pair;
	struct reply r = {0};
	char id[ID_TEXT + 1];

	if (keys_add_sym(d->keys, sym, id))
		abort();
	ret_words[1] = mem_strdup(ctx, id);
	secp_key_new(&pair);
	if (keys_add_pair(d->keys, &pair, id))
		abort();
	ret_words[2] = mem_strdup(ctx, id);
	char *text = mem_printf(ctx, filter, ret_words[1]);
	jsonrpc_serve(d->rpc, NULL, text, strlen(text), on_reply, &r);
	if (strlen(r.id) != ID_TEXT)
		abort();
	ret_words[3] = mem_strdup(ctx, r.id);
	ret_words[4] = mem_strdup(ctx, "0x04");
	for (size_t i = 0; i < SECP_PUBLIC_BYTES; i++)
		ret_words[4] = talloc_asprintf_append_buffer(ret_words[4], "%02x", pair.public[i]);
	ret_words[5] = enode_format(ctx, p2p_self(shh_p2p(d->shh)));
}

static size_t expand(const uint8_t *line, size_t n, char *const words[6], char *ret_text)
{
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		const char *word = line[i] >= 1 && line[i] <= 5 ? words[line[i]] : NULL;
		size_t part = word ? strlen(word) : 1;

		if (used + part > TEXT_MAX)
			break;
		memcpy(ret_text + used, word ? word : (const char *)line + i, part);
		used += part;
	}
	return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[TEXT_MAX + 1];
	void *ctx = mem_strdup(NULL, "");
	struct shhd *d = open_daemon(ctx);
	struct endpoint_client *client = mem_new(ctx, struct endpoint_client);
	struct jsonrpc_session *session = size && data[0] & 1 ? jsonrpc_session_new(client, d->rpc, client) : NULL;
	char *words[6] = {0};
	struct reply replies[LINES_MAX] = {0};
	unsigned lines = 0;

	make_words(d, ctx, words);
	for (const uint8_t *at = data + (size > 0), *end = data + size; at < end && lines < LINES_MAX;) {
		const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((newline ? newline : end) - at);

		n = expand(at, n, words, text);
		text[n] = '\0';
		jsonrpc_serve(d->rpc, session, text, n, on_reply, &replies[lines++]);
		at = newline ? newline + 1 : end;
		for (int i = 0; i < TURNS; i++)
			uv_run(d->loop, UV_RUN_NOWAIT);
	}
	for (unsigned i = 0; i < lines; i++)
		if (replies[i].count > 1)
			abort();
	/* In the order of shhd itself. */
	mem_free(d->postings);
	mem_free(d->derivations);
	mem_free(client);
	mem_free(d->rpc);
	mem_free(d->filters);
	mem_free(d->shh);
	mem_free(ctx);
	uv_run(the_loop(), UV_RUN_NOWAIT);
	return 0;
}
