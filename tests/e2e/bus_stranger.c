/* Somebody without rights who sends as fast as one core can, for the end-to-end tests: throw-away keys, each used once.
 *
 *   bus_stranger URL NETWORK KIND ID PUBLIC COUNT [BYTES]
 *
 * KIND: hello (asks ID for its key), command (sealed to PUBLIC, 128 hex digits, which is ID's), garbage (looks sealed
 * to PUBLIC and is not), huge (BYTES zero bytes into the mailbox). COUNT 0: until it is ended. Says "sent N" each
 * second and at the end. URL: amqp://... or shh://..., see bus/bus.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/amqp_link.h"
#include "bus/amqp_names.h"
#include "bus/hello.h"
#include "bus/keyring.h"
#include "bus/seal.h"
#include "bus/whisper_impl.h"
#include "crypto/secret.h"

#define CHANNEL 1
#define TTL_MS 60000
#define ENVELOPE_TTL_S 20
#define UNDER_WAY 64
#define GARBAGE_BYTES 600

struct stranger {
	const char *network, *kind, *to;
	uint8_t public[SECP_PUBLIC_BYTES];
	unsigned long count, sent;
	size_t huge;
	json_t *body;
	int64_t told_ms;
	/* over Whisper */
	uv_loop_t loop;
	struct wbus wbus; /* for its topics and its key */
	struct whisper_port *port;
	unsigned under_way;
};

static void die(struct error *e)
{
	if (!e)
		return;
	printf("error %s\n", e->message);
	exit(1);
}

static void tell(struct stranger *s)
{
	if (clock_mono_ms() - s->told_ms < 1000)
		return;
	s->told_ms = clock_mono_ms();
	printf("sent %lu\n", s->sent);
	fflush(stdout);
}

static bool goes_on(struct stranger *s)
{
	tell(s);
	return !s->count || s->sent < s->count;
}

static void make_garbage(uint8_t *bytes)
{
	struct secp_key key;

	secp_key_new(&key);
	crypto_random_bytes(bytes, GARBAGE_BYTES);
	bytes[0] = 0x04;
	memcpy(bytes + 1, key.public, SECP_PUBLIC_BYTES);
}

/* The next message; `ctx` owns it. */
static uint8_t *make(const struct stranger *s, const void *ctx, size_t *ret_n)
{
	bool hello = !strcmp(s->kind, "hello");
	struct keyring *ring;
	struct message *m;
	struct secp_key key;
	const char *from;
	uint8_t *bytes;

	if (!strcmp(s->kind, "huge")) {
		*ret_n = s->huge;
		return mem_array(ctx, uint8_t, s->huge);
	}
	if (!strcmp(s->kind, "garbage")) {
		*ret_n = GARBAGE_BYTES;
		bytes = mem_array(ctx, uint8_t, GARBAGE_BYTES);
		make_garbage(bytes);
		return bytes;
	}
	ring = keyring_new(ctx, NULL);
	secp_key_new(&key);
	from = keyring_add(ring, &key);
	keyring_learn(ring, s->public);
	m = hello ? hello_new(ctx, from, s->to, true) : message_new(ctx, MESSAGE_COMMAND, from, s->to, TTL_MS, s->body);
	die(seal_write(ctx, ring, m, hello ? SEAL_OPEN : SEAL_SEALED, &bytes, ret_n));
	return bytes;
}

/* --- over AMQP --- */

static void flood_amqp(struct stranger *s, const char *url)
{
	const struct bus_options options = {.url = url};
	void *tmp = mem_strdup(NULL, "");
	char *exchange = amqp_name_exchange(tmp, s->network);
	amqp_connection_state_t link;
	struct amqp_address *address;

	die(amqp_address_new(tmp, &options, &address));
	die(amqp_link_open(address, "stranger", 60000, &link));
	die(amqp_link_open_channel(link, CHANNEL));
	while (goes_on(s)) {
		void *scope = mem_strdup(tmp, "");
		size_t n;
		uint8_t *bytes = make(s, scope, &n);
		int status = amqp_basic_publish(link, CHANNEL, amqp_cstring_bytes(exchange), amqp_cstring_bytes(s->to),
						0, 0, NULL, (amqp_bytes_t){n, bytes});

		if (status != AMQP_STATUS_OK)
			die(amqp_status_error(status, "send"));
		s->sent++;
		mem_free(scope);
	}
	amqp_link_close(link, true);
	mem_free(tmp);
}

/* --- over Whisper --- */

static void post_more(struct stranger *s);

static void on_posted(const struct error *e, void *arg)
{
	struct stranger *s = arg;

	if (e)
		printf("error %s\n", e->message);
	s->under_way--;
	s->sent++;
	if (!goes_on(s) && !s->under_way)
		uv_stop(&s->loop);
}

static void post_more(struct stranger *s)
{
	uint8_t topic[TOPIC_BYTES];

	wbus_topic(&s->wbus, s->to, topic);
	while (s->under_way < UNDER_WAY && (!s->count || s->sent + s->under_way < s->count)) {
		void *scope = mem_strdup(NULL, "");
		size_t n;
		uint8_t *bytes = make(s, scope, &n);

		if (!strcmp(s->kind, "hello"))
			bytes = wbus_wrap(&s->wbus, scope, bytes, n, &n);
		s->under_way++;
		s->port->post(s->port, s->port, topic, ENVELOPE_TTL_S, bytes, n, false, on_posted, s);
		mem_free(scope);
	}
}

static void on_more(void *arg)
{
	struct stranger *s = arg;

	if (s->port)
		post_more(s);
}

static void on_state(bool up, const struct error *why, void *arg)
{
	(void)why;
	if (up)
		timer_start(((struct stranger *)arg)->port, &((struct stranger *)arg)->loop, 0, 1, on_more, arg);
}

static void on_envelope(const uint8_t topic[TOPIC_BYTES], const uint8_t hash[ENVELOPE_HASH_BYTES], const uint8_t *data,
			size_t n, void *arg)
{
	(void)topic, (void)hash, (void)data, (void)n, (void)arg;
}

static void flood_whisper(struct stranger *s, const char *url)
{
	static const struct whisper_port_events events = {.state = on_state, .envelope = on_envelope};
	const struct bus_options options = {.url = url};
	void *tmp = mem_strdup(NULL, "");
	char *password = mem_printf(tmp, "dsn/%s", s->network);
	struct whisper_address *address;

	s->wbus.network = mem_strdup(tmp, s->network);
	payload_key_from_password(password, s->wbus.key);
	uv_loop_init(&s->loop);
	die(whisper_address_new(tmp, url, &address));
	die(whisper_port_open(tmp, &s->loop, &options, address, &events, s, &s->port));
	uv_run(&s->loop, UV_RUN_DEFAULT);
	mem_free(s->port);
	loop_drain(&s->loop);
	uv_loop_close(&s->loop);
	mem_free(tmp);
}

int main(int argc, char **argv)
{
	struct stranger *s;

	mem_init();
	if (argc < 7)
		return 2;
	s = mem_new(NULL, struct stranger);
	s->network = argv[2];
	s->kind = argv[3];
	s->to = argv[4];
	die(hex_decode(argv[5], s->public, SECP_PUBLIC_BYTES));
	s->count = strtoul(argv[6], NULL, 10);
	s->huge = argc > 7 ? strtoul(argv[7], NULL, 10) : 0;
	s->body = json_pack("{s:s,s:s}", "command", "node", "subcommand", "status");
	s->told_ms = clock_mono_ms();
	if (!strncmp(argv[1], "shh:", 4))
		flood_whisper(s, argv[1]);
	else
		flood_amqp(s, argv[1]);
	printf("sent %lu\n", s->sent);
	json_decref(s->body);
	mem_free(s);
	return 0;
}
