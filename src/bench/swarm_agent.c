#include "bench/swarm_agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/beat.h"
#include "base/mem.h"
#include "bus/keyring.h"
#include "bus/seal.h"
#include "crypto/secret.h"

#define STATUS_TTL_MS 60000
#define STRANGERS_PER_S 5 /* as dsn-agent has it */
#define FIRST_PORT 10000
#define PORTS_PER_NODE 10
#define BLOCKS_PER_S 4000000 /* of a machine: some twenty ladders */
#define BITS_PER_S INT64_C(10000000000)
#define PER_NET 250
#define MEASURE_EACH 16    /* message */
#define STATUS_SOON_MS 200 /* after a change, as dsn-agent has it */

/* --- where it is --- */

void swarm_agent_ip(size_t number, char ret_ip[64])
{
	snprintf(ret_ip, 64, "127.%zu.%zu.%zu", 1 + number / PER_NET / PER_NET, number / PER_NET % PER_NET,
		 1 + number % PER_NET);
}

/* The next number of an address, at most `most`; false: there is none. */
static bool next_number(const char **at, size_t most, size_t *ret)
{
	char *end = NULL;

	if (**at != '.' || (*at)[1] < '0' || (*at)[1] > '9')
		return false;
	*ret = strtoul(*at + 1, &end, 10);
	*at = end;
	return *ret <= most;
}

bool swarm_agent_find(const char *ip, int rtmp_port, size_t *ret_number, size_t *ret_node)
{
	const char *at = ip + strcspn(ip, ".");
	size_t a = 0, b = 0, c = 0;

	if (strncmp(ip, "127.", 4) != 0 || !next_number(&at, UINT8_MAX, &a) || !next_number(&at, PER_NET - 1, &b) ||
	    !next_number(&at, PER_NET, &c) || *at || a < 1 || c < 1 || rtmp_port < FIRST_PORT)
		return false;
	*ret_number = ((a - 1) * PER_NET + b) * PER_NET + c - 1;
	*ret_node = (size_t)(rtmp_port - FIRST_PORT) / PORTS_PER_NODE;
	return true;
}

/* --- what it sends --- */

static void on_sent(const struct error *e, void *arg)
{
	(void)e;
	(void)arg;
}

/* The bus does not say how long it made a message, so now and then one is made once more here. */
static void measure(const struct swarm_agent *a, const struct message *m, size_t *ret_bytes)
{
	void *scope = mem_strdup(NULL, "");
	uint8_t *bytes = NULL;

	error_free(seal_write(scope, a->keyring, m, SEAL_OPEN, &bytes, ret_bytes));
	mem_free(scope);
}

/* Takes the body. */
static void send_status(struct swarm_agent *a, const char *from, json_t *body, uint64_t *count, size_t *bytes)
{
	struct message *m = message_new(NULL, MESSAGE_STATUS, from, "", STATUS_TTL_MS, body);

	if ((*count)++ % MEASURE_EACH == 0)
		measure(a, m, bytes);
	a->counts.bytes += *bytes;
	bus_send(a->bus, m, on_sent, NULL);
	mem_free(m);
	json_decref(body);
}

static void send_node(struct swarm_agent *a, struct swarm_node *n)
{
	n->changed = false;
	send_status(a, n->id, swarm_node_status(n), &a->counts.statuses, &a->status_bytes);
}

static void send_beat(void *arg)
{
	struct swarm_agent *a = arg;
	struct api_beat b = api_beat_unknown;

	if (!a->bus || !bus_is_up(a->bus))
		return;
	snprintf(b.agent_id, sizeof(b.agent_id), "%s", a->id);
	b.version = a->version;
	b.owner = a->id;
	b.blocks_per_s = BLOCKS_PER_S;
	b.bps = BITS_PER_S;
	b.load_pm = (int)(a->options.number % 300);
	b.nodes = mem_array(a, struct api_beat_node, a->node_count);
	b.node_count = a->node_count;
	for (size_t i = 0; i < a->node_count; i++) {
		snprintf(b.nodes[i].id, sizeof(b.nodes[i].id), "%s", a->nodes[i]->id);
		b.nodes[i].serves = true;
		b.nodes[i].job_count = (int)a->nodes[i]->job_count;
	}
	send_status(a, a->id, api_beat_write(&b), &a->counts.beats, &a->beat_bytes);
	mem_free(b.nodes);
}

static void send_all(void *arg)
{
	struct swarm_agent *a = arg;

	for (size_t i = 0; i < a->node_count && a->bus && bus_is_up(a->bus); i++)
		send_node(a, a->nodes[i]);
}

void swarm_agent_tell_changes(struct swarm_agent *a)
{
	for (size_t i = 0; i < a->node_count && a->bus && bus_is_up(a->bus); i++) {
		if (a->nodes[i]->changed)
			send_node(a, a->nodes[i]);
	}
}

static void tell_changes(void *arg)
{
	swarm_agent_tell_changes(arg);
}

/* --- what it hears --- */

static void forget_served(struct swarm_agent *a)
{
	memset(a->served, 0, (a->node_count + 1) * sizeof(*a->served));
	a->served_count = 0;
}

static void on_state(bool up, const struct error *why, void *arg)
{
	struct swarm_agent *a = arg;

	(void)why;
	if (!up) {
		forget_served(a);
		return;
	}
	send_all(a);
	send_beat(a);
}

static size_t place_of(const struct swarm_agent *a, const char *id)
{
	size_t i = 0;

	while (i < a->node_count && strcasecmp(a->nodes[i]->id, id) != 0)
		i++;
	return i;
}

static void on_served(const char *id, void *arg)
{
	struct swarm_agent *a = arg;
	size_t at = place_of(a, id);

	a->served_count += !a->served[at];
	a->served[at] = true;
}

static void on_refused(const char *id, const struct error *why, void *arg)
{
	struct swarm_agent *a = arg;
	size_t at = place_of(a, id);

	(void)why;
	a->served_count -= a->served[at];
	a->served[at] = false;
}

static struct error *obey(struct swarm_agent *a, const struct message *m, json_t **ret_data)
{
	size_t at = place_of(a, m->to);

	if (!m->signer || strcasecmp(m->signer, a->options.manager) != 0)
		return error_new(ERROR_REFUSED, "only the manager is obeyed here");
	if (at == a->node_count)
		return error_new(ERROR_INVALID, "a simulated agent has no commands of its own");
	return swarm_node_obey(a->nodes[at], m->body, ret_data);
}

static void on_message(struct bus_delivery *d, const struct message *m, void *arg)
{
	struct swarm_agent *a = arg;
	struct message *answer;
	json_t *data = NULL;
	struct error *e;

	if (m->kind != MESSAGE_COMMAND) {
		bus_drop(d);
		return;
	}
	e = obey(a, m, &data);
	answer = message_result(NULL, m, m->to, e, data);
	bus_send(a->bus, answer, on_sent, NULL);
	a->counts.results++;
	mem_free(answer);
	json_decref(data);
	error_free(e);
	bus_accept(d);
	timer_again(a->soon, STATUS_SOON_MS, 0);
}

/* --- its life --- */

static void new_key(struct keyring *k, char ret_id[ID_DIGITS + 1])
{
	struct secp_key key;

	secp_key_new(&key);
	snprintf(ret_id, ID_DIGITS + 1, "%s", keyring_add(k, &key));
	secret_wipe(&key, sizeof(key));
}

static void make_node(struct swarm_agent *a, size_t i)
{
	struct swarm_node *n = a->nodes[i] = mem_new(a, struct swarm_node);

	new_key(a->keyring, n->id);
	snprintf(n->agent_id, sizeof(n->agent_id), "%s", a->id);
	swarm_agent_ip(a->options.number, n->ip);
	n->role = (enum api_role)(i % API_ROLE_COUNT);
	n->rtmp_port = FIRST_PORT + (int)i * PORTS_PER_NODE;
	n->http_port = n->role == API_STORAGE ? n->rtmp_port + 1 : 0;
}

struct swarm_agent *swarm_agent_new(const void *ctx, const struct swarm_agent_options *options)
{
	struct swarm_agent *a = mem_new(ctx, struct swarm_agent);

	a->options = *options;
	a->version = mem_strdup(a, DSN_VERSION);
	a->keyring = keyring_new(a, NULL);
	new_key(a->keyring, a->id);
	keyring_keep(a->keyring, options->manager);
	a->node_count = options->nodes;
	a->nodes = mem_array(a, struct swarm_node *, a->node_count);
	a->served = mem_array(a, bool, a->node_count + 1);
	for (size_t i = 0; i < a->node_count; i++)
		make_node(a, i);
	return a;
}

struct error *swarm_agent_connect(struct swarm_agent *a)
{
	struct bus_options options = a->options.bus;
	const struct bus_handlers handlers = {.on_state = on_state,
					      .on_message = on_message,
					      .on_refused = on_refused,
					      .on_served = on_served,
					      .arg = a};
	const int64_t beat_ms = a->options.beat_ms, status_ms = a->options.status_ms;

	options.keyring = a->keyring;
	options.strangers_per_s = STRANGERS_PER_S;
	TRY(bus_open(a, a->options.loop, &options, &handlers, &a->bus));
	TRY(bus_serve(a->bus, a->id, true));
	for (size_t i = 0; i < a->node_count; i++)
		TRY(bus_serve(a->bus, a->nodes[i]->id, true));
	/* Agents of a network do not speak all at the same moment. */
	a->beat = timer_start(a, a->options.loop, beat_ms + rand() % beat_ms, beat_ms, send_beat, a);
	if (status_ms)
		a->status = timer_start(a, a->options.loop, status_ms + rand() % status_ms, status_ms, send_all, a);
	a->soon = timer_start(a, a->options.loop, beat_ms, 0, tell_changes, a);
	return NULL;
}

void swarm_agent_kill(struct swarm_agent *a)
{
	mem_free(a->beat);
	mem_free(a->status);
	mem_free(a->soon);
	mem_free(a->bus);
	a->beat = a->status = a->soon = NULL;
	a->bus = NULL;
	forget_served(a);
}

bool swarm_agent_served(const struct swarm_agent *a)
{
	return a->served_count == a->node_count + 1;
}
