/* Envelopes that come to the bus over Whisper, above a port of this file's: as they are; encrypted with the network's
 * key or sealed; also signed by one who may or by a stranger; and as the body of a message that is right otherwise. The
 * first byte says which, and to which topic. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/bus.h"
#include "bus/keyring.h"
#include "bus/whisper_port.h"
#include "crypto/keccak.h"
#include "whisper/payload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NETWORK "fuzz"

struct whisper_posting {
	struct timer *timer;
	whisper_posted_fn *fn;
	void *arg;
};

static struct {
	uv_loop_t loop;
	void *ctx;
	struct bus *bus;
	struct keyring *keys;
	struct secp_key node, strange;
	char id[KEYRING_ID_SIZE];
	uint8_t key[SYM_KEY_BYTES], topics[2][TOPIC_BYTES];
	struct whisper_port port;
	struct whisper_port_events events;
	void *arg;
	struct timer *up;
	uint64_t number;
	bool served;
} world;

static void on_posted(void *arg)
{
	struct whisper_posting *o = arg;

	o->fn(NULL, o->arg);
	mem_free(o);
}

static struct whisper_posting *fake_post(struct whisper_port *port, const void *ctx, const uint8_t topic[TOPIC_BYTES],
					 uint32_t ttl_s, const uint8_t *data, size_t n, bool urgent,
					 whisper_posted_fn *fn, void *arg)
{
	struct whisper_posting *o = mem_new(ctx, struct whisper_posting);

	(void)port;
	(void)topic;
	(void)ttl_s;
	(void)data;
	(void)n;
	(void)urgent;
	o->fn = fn;
	o->arg = arg;
	o->timer = timer_start(o, &world.loop, 0, 0, on_posted, o);
	return o;
}

static void fake_watch(struct whisper_port *port, const uint8_t (*topics)[TOPIC_BYTES], size_t count)
{
	(void)port;
	(void)topics;
	(void)count;
}

static void on_up(void *arg)
{
	(void)arg;
	world.events.state(true, NULL, world.arg);
}

/* In the place of the one in bus/whisper_port.c. */
struct error *whisper_port_open(const void *ctx, uv_loop_t *loop, const struct bus_options *options,
				const struct whisper_address *address, const struct whisper_port_events *events,
				void *arg, struct whisper_port **ret_port)
{
	(void)options;
	(void)address;
	world.port = (struct whisper_port){.limit = 1 << 20, .watch = fake_watch, .post = fake_post};
	world.events = *events;
	world.arg = arg;
	world.up = timer_start(ctx, loop, 0, 0, on_up, NULL);
	*ret_port = &world.port;
	return NULL;
}

static void on_message(struct bus_delivery *d, const struct message *m, void *arg)
{
	(void)m;
	(void)arg;
	bus_accept(d);
}

static void on_status(const struct message *m, void *arg)
{
	(void)m;
	(void)arg;
}

static void on_served(const char *id, void *arg)
{
	(void)id;
	(void)arg;
	world.served = true;
}

static void topic_of(const char *name, uint8_t ret_topic[TOPIC_BYTES])
{
	char *text = mem_printf(NULL, "dsn/" NETWORK "/%s", name);
	uint8_t digest[KECCAK_BYTES];

	keccak256(text, strlen(text), digest);
	memcpy(ret_topic, digest, TOPIC_BYTES);
	mem_free(text);
}

static void begin(void)
{
	static const uint8_t node[SECP_SECRET_BYTES] = {1, 2, 3}, strange[SECP_SECRET_BYTES] = {4, 5, 6};
	struct bus_options options = {.url = "shh:///?listen=127.0.0.1:0", .network = NETWORK};
	const struct bus_handlers handlers = {.on_message = on_message, .on_status = on_status, .on_served = on_served};

	mem_init();
	uv_loop_init(&world.loop);
	world.ctx = mem_strdup(NULL, "world");
	if (secp_key_from_secret(node, &world.node) || secp_key_from_secret(strange, &world.strange))
		abort();
	world.keys = keyring_new(world.ctx, NULL);
	keyring_add(world.keys, &world.node);
	keyring_id(world.node.public, world.id);
	payload_key_from_password("dsn/" NETWORK, world.key);
	topic_of(world.id, world.topics[0]);
	topic_of("status", world.topics[1]);
	options.keyring = world.keys;
	if (bus_open(world.ctx, &world.loop, &options, &handlers, &world.bus) || bus_serve(world.bus, world.id, true) ||
	    bus_watch_status(world.bus))
		abort();
	while (!world.served)
		uv_run(&world.loop, UV_RUN_ONCE);
}

static void deliver(const uint8_t *topic, const uint8_t *data, size_t n)
{
	uint8_t hash[ENVELOPE_HASH_BYTES];

	world.number++;
	keccak256(&world.number, sizeof(world.number), hash);
	world.events.envelope(topic, hash, data, n, world.arg);
}

/* The message with this body, of a kind, from us to ourselves; a child of world.ctx. */
static char *message_around(uint8_t kind, const uint8_t *body, size_t size)
{
	static const char *const kinds[] = {"ack\",\"re\":\"00112233445566778899aabbccddeeff", "claim", "hello",
					    "command"};

	return mem_printf(world.ctx,
			  "{\"dsn\":\"1\",\"id\":\"00112233445566778899aabbccddeeff\",\"kind\":\"%s\",\"from\":\"%s\","
			  "\"to\":\"%s\",\"time\":\"%lld\",\"ttl\":\"60000\",\"body\":%.*s}",
			  kinds[kind % 4], world.id, world.id, (long long)clock_wall_ms(), (int)size,
			  (const char *)body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct payload_to to = {0};
	uint8_t *sealed;
	char *text;
	size_t n;

	if (!world.ctx)
		begin();
	if (size < 1)
		return 0;
	if (data[0] & 2)
		to.sign = data[0] & 4 ? &world.node : &world.strange;
	if (data[0] & 8)
		to.public = world.node.public;
	else
		to.sym_key = world.key;
	if (!(data[0] & 16)) {
		deliver(world.topics[data[0] & 1], data + 1, size - 1);
	} else if (data[0] & 32) {
		text = message_around(data[0] >> 6, data + 1, size - 1);
		if (!payload_seal(NULL, &to, (uint8_t *)text, strlen(text), &sealed, &n)) {
			deliver(world.topics[0], sealed, n);
			mem_free(sealed);
		}
		mem_free(text);
	} else if (!payload_seal(NULL, &to, data + 1, size - 1, &sealed, &n)) {
		deliver(world.topics[data[0] & 1], sealed, n);
		mem_free(sealed);
	}
	/* What came is handled, and what is posted because of it. */
	for (int i = 0; i < 4; i++)
		uv_run(&world.loop, UV_RUN_NOWAIT);
	return 0;
}
