/* A participant for the end-to-end tests of the bus: orders as lines on stdin, events as lines on stdout.
 *
 *   bus_peer [--plain] [--sealed] [--ca FILE] [--password FILE] [--db FILE] [--network NAME] [--prefetch N] URL
 *
 * Orders, words separated by one blank, BODY is JSON without blanks:
 *   serve ID durable|ephemeral        unserve ID keep|remove       watch         mode accept|reject|hold|once
 *   send FROM TO TTL_MS BODY        put FROM TO TTL_MS BODY      status FROM BODY
 *   burst FROM TO COUNT             pending                      quit          key WORD       rss
 *   answer BODY
 * `put` goes through the outbox and `once` through dedupe, both in --db; `burst` puts {"n":"1"}...{"n":"COUNT"}.
 * `key` has a key made of WORD from now on, whose id comes as an event; with --sealed all is sealed to keys.
 * `answer`: from now on each command has BODY as its result, or fails with it when it is a string.
 * `hold` keeps deliveries; `mode` with another word settles what was kept.
 * Events:
 *   state up | state down CODE MESSAGE       message ID FROM TO KIND BODY       duplicate ID
 *   sent ID ok | sent ID CODE MESSAGE        fate ID ok | fate ID CODE MESSAGE  refused ID CODE MESSAGE
 *   served ID                                status FROM BODY                   pending N
 *   key WORD ID                              rss BYTES                          error CODE MESSAGE
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/bus.h"
#include "bus/dedupe.h"
#include "bus/keyring.h"
#include "bus/outbox.h"
#include "crypto/keccak.h"

#define HELD 4096

struct peer {
	uv_loop_t loop;
	struct bus *bus;
	struct db *db;
	struct outbox *outbox;
	struct keyring *keyring;
	struct buf *input;
	const char *mode;
	json_t *answer; /* NULL: commands get no result */
	struct bus_delivery *held[HELD];
	size_t held_count;
};

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

static void complain(struct error *e)
{
	if (e)
		say("error %s %s", error_code_name(e->code), e->message);
	error_free(e);
}

static void die(struct error *e)
{
	if (!e)
		return;
	complain(e);
	exit(1);
}

/* --- events --- */

static void on_state(bool up, const struct error *why, void *arg)
{
	struct peer *p = arg;

	if (up)
		say("state up");
	else
		say("state down %s %s", error_code_name(why->code), why->message);
	if (up && p->outbox)
		outbox_kick(p->outbox);
}

static void settle(struct peer *p, struct bus_delivery *d)
{
	if (!strcmp(p->mode, "reject"))
		bus_reject(d, "the test wants it so");
	else
		bus_accept(d);
}

static bool is_new(struct peer *p, const struct message *m)
{
	char *result;
	bool is;

	if (strcmp(p->mode, "once"))
		return true;
	die(dedupe_accept(p, p->db, m, clock_wall_ms(), &is, &result));
	return is;
}

static void on_sent(const struct error *e, void *arg)
{
	char *id = arg;

	if (e)
		say("sent %s %s %s", id, error_code_name(e->code), e->message);
	else
		say("sent %s ok", id);
	mem_free(id);
}

static void answer(struct peer *p, const struct message *command)
{
	const char *words = json_string_value(p->answer);
	struct error *e = words ? error_new(ERROR_FAILED, "%s", words) : NULL;
	struct message *m = message_result(p, command, command->to, e, words ? NULL : p->answer);

	bus_send(p->bus, m, on_sent, mem_strdup(NULL, m->id));
	mem_free(m);
	error_free(e);
}

static void on_message(struct bus_delivery *d, const struct message *m, void *arg)
{
	static const char *const kinds[] = {"command", "result", "status"};
	struct peer *p = arg;

	if (is_new(p, m)) {
		char *body = json_text(p, m->body);

		say("message %s %s %s %s %s", m->id, *m->from ? m->from : "-", m->to, kinds[m->kind], body);
		mem_free(body);
	} else {
		say("duplicate %s", m->id);
	}
	if (p->answer && m->kind == MESSAGE_COMMAND)
		answer(p, m);
	if (!strcmp(p->mode, "hold") && p->held_count < HELD)
		p->held[p->held_count++] = d;
	else
		settle(p, d);
}

static void on_refused(const char *id, const struct error *why, void *arg)
{
	(void)arg;
	say("refused %s %s %s", id, error_code_name(why->code), why->message);
}

static void on_served(const char *id, void *arg)
{
	(void)arg;
	say("served %s", id);
}

static void on_status(const struct message *m, void *arg)
{
	char *body = json_text(arg, m->body);

	say("status %s %s", m->from, body);
	mem_free(body);
}

static void on_outcome(const char *id, const struct error *e, void *arg)
{
	(void)arg;
	if (e)
		say("fate %s %s %s", id, error_code_name(e->code), e->message);
	else
		say("fate %s ok", id);
}

/* --- orders --- */

static struct message *read_message(struct peer *p, char **words, enum message_kind kind)
{
	bool status = kind == MESSAGE_STATUS;
	const char *body = words[status ? 2 : 4];
	json_t *o;

	struct message *m;

	die(json_parse(body, strlen(body), MESSAGE_LIMIT, &o));
	m = message_new(p, kind, words[1], status ? "" : words[2], status ? 60000 : atoll(words[3]), o);
	json_decref(o);
	return m;
}

static void do_serve(struct peer *p, char **words)
{
	complain(bus_serve(p->bus, words[1], !strcmp(words[2], "durable")));
}

static void do_unserve(struct peer *p, char **words)
{
	bus_unserve(p->bus, words[1], !strcmp(words[2], "remove"));
}

static void do_watch(struct peer *p, char **words)
{
	(void)words;
	complain(bus_watch_status(p->bus));
}

static void do_mode(struct peer *p, char **words)
{
	p->mode = mem_strdup(p, words[1]);
	for (size_t i = 0; i < p->held_count; i++)
		settle(p, p->held[i]);
	p->held_count = 0;
}

static void do_send(struct peer *p, char **words)
{
	struct message *m = read_message(p, words, MESSAGE_COMMAND);

	bus_send(p->bus, m, on_sent, mem_strdup(NULL, m->id));
	mem_free(m);
}

static void do_status(struct peer *p, char **words)
{
	struct message *m = read_message(p, words, MESSAGE_STATUS);

	bus_send(p->bus, m, on_sent, mem_strdup(NULL, m->id));
	mem_free(m);
}

static void do_put(struct peer *p, char **words)
{
	struct message *m = read_message(p, words, MESSAGE_COMMAND);

	complain(outbox_put(p->outbox, m));
	mem_free(m);
}

static void do_burst(struct peer *p, char **words)
{
	die(db_begin(p->db));
	for (long n = 1; n <= atol(words[3]); n++) {
		json_t *body = json_object();
		struct message *m;

		json_put_decimal(body, "n", n);
		m = message_new(p, MESSAGE_COMMAND, words[1], words[2], 600000, body);
		complain(outbox_put(p->outbox, m));
		mem_free(m);
		json_decref(body);
	}
	die(db_commit(p->db));
}

static void do_pending(struct peer *p, char **words)
{
	(void)words;
	say("pending %" PRId64, outbox_pending(p->outbox));
}

static void do_key(struct peer *p, char **words)
{
	uint8_t secret[KECCAK_BYTES];
	struct secp_key key;

	keccak256(words[1], strlen(words[1]), secret);
	die(secp_key_from_secret(secret, &key));
	say("key %s %s", words[1], keyring_add(p->keyring, &key));
}

static void do_answer(struct peer *p, char **words)
{
	json_decref(p->answer);
	p->answer = NULL;
	die(json_parse(words[1], strlen(words[1]), MESSAGE_LIMIT, &p->answer));
	say("answer ok");
}

static void do_rss(struct peer *p, char **words)
{
	size_t bytes = 0;

	(void)p;
	(void)words;
	uv_resident_set_memory(&bytes);
	say("rss %zu", bytes);
}

static void do_quit(struct peer *p, char **words)
{
	(void)words;
	uv_stop(&p->loop);
}

static const struct order {
	const char *name;
	int words;
	void (*fn)(struct peer *p, char **words);
} orders[] = {
	{"serve", 3, do_serve},   {"unserve", 3, do_unserve}, {"watch", 1, do_watch},   {"mode", 2, do_mode},
	{"send", 5, do_send},     {"put", 5, do_put},         {"status", 3, do_status}, {"burst", 4, do_burst},
	{"quit", 1, do_quit},     {"pending", 1, do_pending}, {"key", 2, do_key},       {"rss", 1, do_rss},
	{"answer", 2, do_answer},
};

static void obey(struct peer *p, char *line)
{
	char *words[6] = {0}, *save;
	int n = 0;

	for (char *w = strtok_r(line, " ", &save); w && n < 5; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (n == orders[i].words && !strcmp(words[0], orders[i].name)) {
			orders[i].fn(p, words);
			return;
		}
	}
	say("error invalid unknown order");
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	static char space[65536];

	(void)handle;
	(void)size;
	*buf = uv_buf_init(space, sizeof(space));
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct peer *p = stream->data;
	char *end;

	if (n < 0) {
		uv_stop(&p->loop);
		return;
	}
	die(buf_append(p->input, buf->base, (size_t)n));
	while ((end = memchr(p->input->data, '\n', p->input->len))) {
		size_t len = (size_t)(end - p->input->data);
		char *line = mem_strndup(p, p->input->data, len);

		buf_consume(p->input, len + 1);
		obey(p, line);
		mem_free(line);
	}
}

static const struct db_schema schema = {
	.application_id = DB_APPLICATION_ID('t'),
	.name = "a test's database",
	.migrations = &(const struct db_migration){(const char *const[]){outbox_schema, dedupe_schema, NULL}},
	.count = 1,
};

static void open_db(struct peer *p, const char *path)
{
	die(db_open(p, path, &schema, &p->db));
}

int main(int argc, char **argv)
{
	struct bus_options options = {.network = "test"};
	struct bus_handlers handlers = {.on_state = on_state,
					.on_message = on_message,
					.on_refused = on_refused,
					.on_served = on_served,
					.on_status = on_status};
	struct peer *p;
	const char *db = NULL;
	uv_pipe_t in;

	mem_init();
	p = mem_new(NULL, struct peer);
	p->mode = "accept";
	p->input = buf_new(p, 16 * 1024 * 1024);
	handlers.arg = p;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--plain"))
			options.accept_plain = true;
		else if (!strcmp(argv[i], "--sealed"))
			options.keyring = p->keyring = keyring_new(p, NULL);
		else if (!strcmp(argv[i], "--ca"))
			options.ca_file = argv[++i];
		else if (!strcmp(argv[i], "--password"))
			options.password_file = argv[++i];
		else if (!strcmp(argv[i], "--db"))
			db = argv[++i];
		else if (!strcmp(argv[i], "--network"))
			options.network = argv[++i];
		else if (!strcmp(argv[i], "--prefetch"))
			options.prefetch = (unsigned)atoi(argv[++i]);
		else
			options.url = argv[i];
	}
	uv_loop_init(&p->loop);
	die(bus_open(p, &p->loop, &options, &handlers, &p->bus));
	if (db) {
		open_db(p, db);
		die(outbox_open(p, p->db, p->bus, &p->loop, on_outcome, p, &p->outbox));
	}
	uv_pipe_init(&p->loop, &in, 0);
	in.data = p;
	uv_pipe_open(&in, 0);
	uv_read_start((uv_stream_t *)&in, on_alloc, on_input);
	uv_run(&p->loop, UV_RUN_DEFAULT);
	mem_free(p->outbox);
	mem_free(p->bus);
	loop_drain(&p->loop);
	uv_loop_close(&p->loop);
	json_decref(p->answer);
	mem_free(p);
	return 0;
}
