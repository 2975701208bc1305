#include "devp2p/discovery.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fnv.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "devp2p/address.h"
#include "devp2p/discovery_impl.h"

#define REVALIDATE_MS 10000
#define REFRESH_MS ((int64_t)30 * 60 * 1000)
#define REFRESH_LOOKUPS 3 /* of random targets, after that of ourselves */
#define BOOT_FIRST_MS 1000
#define BOOT_MAX_MS 10000
#define PRIVILEGED_PORT 1024
#define EXPIRATION_S 20
/* Signatures cost some 0.1 ms each: a flood must leave time for the rest of the node. Nobody else's packets suffer
 * under a flood from one address. */
#define PACKETS_PER_S 3000
#define PACKETS_PER_S_OF_SOURCE 200

static void arm(struct discovery *d)
{
	int64_t now_ms = clock_mono_ms(), next_ms = d->next_check_ms;

	if (d->request_count && d->next_deadline_ms < next_ms)
		next_ms = d->next_deadline_ms;
	if (d->next_refresh_ms < next_ms)
		next_ms = d->next_refresh_ms;
	if (d->next_boot_ms < next_ms)
		next_ms = d->next_boot_ms;
	timer_again(d->timer, next_ms > now_ms ? next_ms - now_ms : 0, 0);
}

void discovery_send(struct discovery *d, struct discv4_packet *p, const struct discv4_endpoint *to)
{
	uint8_t bytes[DISCV4_LIMIT];
	struct sockaddr_storage address;
	size_t n = discv4_write(d->key, p, bytes);
	uv_buf_t buf = uv_buf_init((char *)bytes, (unsigned)n);

	if (!discv4_endpoint_address(to, d->family, to->udp, &address))
		return;
	if (uv_udp_try_send(d->socket, &buf, 1, (struct sockaddr *)&address) >= 0)
		d->counters.out++;
}

bool discovery_acceptable(const struct discovery *d, const uint8_t id[32], const struct discv4_endpoint *endpoint)
{
	return memcmp(id, d->id, sizeof(d->id)) != 0 && endpoint->udp > PRIVILEGED_PORT &&
	       discv4_endpoint_network(endpoint) != NETWORK_NONE;
}

static uint64_t expiration(void)
{
	return (uint64_t)(clock_wall_ms() / 1000) + EXPIRATION_S;
}

static bool got_ping(struct discovery *d, const uint8_t id[32], const struct discv4_packet *ping,
		     const struct discv4_endpoint *from)
{
	struct discv4_packet pong = {.type = DISCV4_PONG, .to = *from, .expiration = expiration()};
	struct discv4_endpoint endpoint = *from;
	struct contact *c;

	endpoint.tcp = pong.to.tcp = ping->from.tcp;
	memcpy(pong.reply_to, ping->hash, sizeof(pong.reply_to));
	discovery_send(d, &pong, from);
	c = contact_find(&d->contacts, id, from, clock_mono_ms());
	if (c) {
		struct table_node *node = table_find(d->table, id);

		c->pinged_ms = clock_mono_ms();
		c->endpoint.tcp = endpoint.tcp;
		if (node && node->endpoint.udp == from->udp && discv4_endpoint_same_ip(&node->endpoint, from))
			node->endpoint.tcp = endpoint.tcp;
	} else if (discovery_acceptable(d, id, &endpoint)) {
		discovery_request_ping(d, ping->sender, id, &endpoint, false, true);
	}
	discovery_request_got_ping(d, id, from);
	return true;
}

static bool got_find_node(struct discovery *d, const uint8_t id[32], const struct discv4_packet *p,
			  const struct discv4_endpoint *from)
{
	const struct table_node *nearest[BUCKET_NODES + 1];
	struct discv4_packet answer = {.type = DISCV4_NEIGHBORS, .expiration = expiration()};
	uint8_t target_id[32];
	bool sent = false;

	/* Without the proof that it lives where the packet says it comes from, we would flood whom it names. */
	if (!contact_find(&d->contacts, id, from, clock_mono_ms()))
		return false;
	enode_id(p->target, target_id);
	size_t n = table_closest(d->table, target_id, nearest, BUCKET_NODES);
	for (size_t i = 0; i < n; i++) {
		if (!discv4_endpoint_relayable(from, &nearest[i]->endpoint))
			continue;
		answer.nodes[answer.node_count].endpoint = nearest[i]->endpoint;
		memcpy(answer.nodes[answer.node_count++].public, nearest[i]->public, SECP_PUBLIC_BYTES);
		if (answer.node_count == DISCV4_PER_PACKET) {
			discovery_send(d, &answer, from);
			answer.node_count = 0;
			sent = true;
		}
	}
	if (answer.node_count || !sent)
		discovery_send(d, &answer, from);
	return true;
}

/* False: refused. */
static bool got_packet(struct discovery *d, const struct discv4_packet *p, const struct discv4_endpoint *from)
{
	uint8_t id[32];

	/* We announce no node record, so nobody has reason to ask for it, or to send one. */
	if (p->type == DISCV4_ENR_REQUEST || p->type == DISCV4_ENR_RESPONSE)
		return false;
	if (p->expiration < (uint64_t)(clock_wall_ms() / 1000))
		return false;
	enode_id(p->sender, id);
	switch (p->type) {
	case DISCV4_PING:
		return got_ping(d, id, p, from);
	case DISCV4_PONG:
		return discovery_request_got_pong(d, id, p, from);
	case DISCV4_FIND_NODE:
		return got_find_node(d, id, p, from);
	case DISCV4_NEIGHBORS:
		return discovery_request_got_neighbors(d, id, p, from);
	default:
		return false;
	}
}

static bool within_rate(struct discovery *d, const struct discv4_endpoint *from)
{
	int64_t second = clock_mono_ms() / 1000;

	if (second != d->second) {
		d->second = second;
		d->taken = 0;
		memset(d->taken_of, 0, sizeof(d->taken_of));
	}
	if (d->taken >= PACKETS_PER_S)
		return false;
	if (discv4_endpoint_network(from) != NETWORK_LOOPBACK) {
		uint32_t source = fnv32(d->source_seed, from->ip, from->ip_bytes);
		uint16_t *taken = &d->taken_of[(source >> 16) % SOURCES];

		if (*taken >= PACKETS_PER_S_OF_SOURCE)
			return false;
		++*taken;
	}
	d->taken++;
	return true;
}

static void on_datagram(uv_udp_t *socket, ssize_t n, const uv_buf_t *buf, const struct sockaddr *address,
			unsigned flags)
{
	struct discovery *d = socket->data;
	struct discv4_endpoint from;
	struct discv4_packet p;

	if (!d || !address || n < 0)
		return;
	discv4_endpoint_of(address, &from);
	d->counters.in++;
	bool too_long = (flags & UV_UDP_PARTIAL) || n > DISCV4_LIMIT;
	if (too_long || !within_rate(d, &from)) {
		d->counters.refused++;
		d->counters.refused_rate += !too_long;
		d->counters.refused_malformed += too_long;
		return;
	}
	struct error *e = discv4_read((const uint8_t *)buf->base, (size_t)n, &p);
	d->counters.refused_malformed += e != NULL;
	if (e || !got_packet(d, &p, &from))
		d->counters.refused++;
	error_free(e);
	discovery_lookup_next(d);
	arm(d);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	/* A datagram is done with before the next one of this thread is read. */
	static _Thread_local char space[DISCV4_LIMIT + 1];

	(void)handle;
	(void)suggested;
	*ret = uv_buf_init(space, sizeof(space));
}

static void on_boot_resolved(struct error *e, const struct sockaddr_storage *addresses, size_t n, void *arg)
{
	struct discovery_bootnode *b = arg;
	struct discovery *d = b->discovery;

	mem_free(b->resolve);
	b->resolve = NULL;
	if (e)
		log_warn("discovery.bootnode", "host=%s error=%s", log_q(b->node.host), log_q(e->message));
	error_free(e);
	for (size_t i = 0; i < n; i++) {
		struct sockaddr_storage usable;

		discv4_endpoint_of((const struct sockaddr *)&addresses[i], &b->endpoint);
		b->endpoint.udp = b->node.udp;
		b->endpoint.tcp = b->node.tcp;
		if (discv4_endpoint_address(&b->endpoint, d->family, b->endpoint.udp, &usable)) {
			discovery_request_ping(d, b->node.public, b->id, &b->endpoint, false, false);
			break;
		}
	}
	arm(d);
}

static void ask_bootnodes(struct discovery *d)
{
	for (size_t i = 0; i < d->bootnode_count; i++) {
		struct discovery_bootnode *b = &d->bootnodes[i];

		if (!b->resolve && b->node.host[0] && memcmp(b->id, d->id, sizeof(d->id)) != 0)
			b->resolve = resolve_start(d, d->loop, b->node.host, b->node.udp, on_boot_resolved, b);
	}
}

static void upkeep(struct discovery *d, int64_t now_ms)
{
	if (now_ms >= d->next_refresh_ms) {
		d->next_refresh_ms = now_ms + REFRESH_MS;
		d->self_lookup_due = true;
		d->lookups_due =
			d->next_boot_ms ? REFRESH_LOOKUPS : 1; /* at the start whoever wants more asks for it */
		d->next_boot_ms = now_ms;
		d->boot_wait_ms = BOOT_FIRST_MS;
	}
	if (now_ms >= d->next_boot_ms) {
		ask_bootnodes(d);
		d->next_boot_ms = now_ms + d->boot_wait_ms;
		d->boot_wait_ms = d->boot_wait_ms * 2 < BOOT_MAX_MS ? d->boot_wait_ms * 2 : BOOT_MAX_MS;
	}
	/* Bootnodes are left alone while we know somebody; who has lost all begins anew. */
	if (table_count(d->table) > 0) {
		d->next_boot_ms = d->next_refresh_ms;
	} else if (d->next_boot_ms == d->next_refresh_ms) {
		d->next_boot_ms = now_ms;
		d->boot_wait_ms = BOOT_FIRST_MS;
		d->self_lookup_due = true;
	}
	if (now_ms >= d->next_check_ms) {
		const struct table_node *node = table_to_check(d->table);
		uint32_t r;

		crypto_random_bytes(&r, sizeof(r));
		d->next_check_ms = now_ms + d->revalidate_ms / 2 + r % (d->revalidate_ms / 2 + 1);
		if (node)
			discovery_request_ping(d, node->public, node->id, &node->endpoint, false, false);
	}
}

static void on_timer(void *arg)
{
	struct discovery *d = arg;
	int64_t now_ms = clock_mono_ms();

	discovery_request_expire(d, now_ms);
	upkeep(d, now_ms);
	discovery_lookup_next(d);
	arm(d);
}

static void socket_closed(uv_handle_t *handle)
{
	free(handle);
}

static int discovery_destroy(struct discovery *d)
{
	d->socket->data = NULL;
	/* loop_drain() may have closed it already, without a callback. */
	if (uv_is_closing((uv_handle_t *)d->socket))
		free(d->socket);
	else
		uv_close((uv_handle_t *)d->socket, socket_closed);
	return 0;
}

static struct error *bind_socket(struct discovery *d, const struct discovery_options *o)
{
	struct sockaddr_storage address, announced;
	struct discv4_endpoint bound;
	int n = sizeof(address);

	TRY(address_parse(o->address, (uint16_t)o->udp_port, &address));
	d->family = address.ss_family;
	int status = uv_udp_bind(d->socket, (struct sockaddr *)&address, 0);
	if (!status)
		status = uv_udp_recv_start(d->socket, on_alloc, on_datagram);
	if (!status)
		status = uv_udp_getsockname(d->socket, (struct sockaddr *)&address, &n);
	if (status < 0)
		return error_uv(status, "%s UDP port %d: cannot receive", o->address, o->udp_port);
	discv4_endpoint_of((struct sockaddr *)&address, &bound);
	d->self = bound;
	struct error *name = o->announce_host ? address_parse(o->announce_host, bound.udp, &announced) : NULL;
	if (o->announce_host && !name)
		discv4_endpoint_of((struct sockaddr *)&announced, &d->self);
	error_free(name);
	d->self.tcp = o->tcp_port;
	return NULL;
}

static struct error *take_bootnodes(struct discovery *d, const char *const *urls)
{
	if (!urls)
		return NULL;
	while (urls[d->bootnode_count])
		d->bootnode_count++;
	d->bootnodes = mem_array(d, struct discovery_bootnode, d->bootnode_count);
	for (size_t i = 0; i < d->bootnode_count; i++) {
		d->bootnodes[i].discovery = d;
		TRY(enode_parse(urls[i], &d->bootnodes[i].node));
		enode_id(d->bootnodes[i].node.public, d->bootnodes[i].id);
	}
	return NULL;
}

struct error *discovery_open(const void *ctx, uv_loop_t *loop, const struct discovery_options *options,
			     struct discovery **ret_discovery)
{
	struct discovery *d = mem_new(ctx, struct discovery);
	int64_t now_ms = clock_mono_ms();
	struct error *e;

	d->loop = loop;
	d->key = options->key;
	d->found = options->found;
	d->arg = options->arg;
	d->revalidate_ms = options->revalidate_ms ? options->revalidate_ms : REVALIDATE_MS;
	enode_id(d->key->public, d->id);
	crypto_random_bytes(&d->source_seed, sizeof(d->source_seed));
	d->table = table_new(d, d->id);
	d->socket = calloc(1, sizeof(*d->socket));
	if (!d->socket)
		abort();
	uv_udp_init(loop, d->socket);
	d->socket->data = d;
	talloc_set_destructor(d, discovery_destroy);
	e = take_bootnodes(d, options->bootnodes);
	if (!e)
		e = bind_socket(d, options);
	if (e) {
		mem_free(d);
		return e;
	}
	d->next_check_ms = now_ms + d->revalidate_ms;
	d->next_refresh_ms = now_ms;
	d->next_deadline_ms = INT64_MAX;
	d->timer = timer_start(d, loop, 0, 0, on_timer, d);
	*ret_discovery = d;
	return NULL;
}

int discovery_port(const struct discovery *d)
{
	return d->self.udp;
}

size_t discovery_random(struct discovery *d, struct enode *ret_nodes, size_t max)
{
	const struct table_node *nodes[TABLE_BUCKETS * BUCKET_NODES];
	size_t n =
		table_random(d->table, nodes, max < TABLE_BUCKETS * BUCKET_NODES ? max : TABLE_BUCKETS * BUCKET_NODES);

	for (size_t i = 0; i < n; i++)
		discv4_endpoint_enode(&nodes[i]->endpoint, nodes[i]->public, &ret_nodes[i]);
	return n;
}

void discovery_lookup(struct discovery *d)
{
	if (!d->lookup && !d->lookups_due)
		d->lookups_due = 1;
	discovery_lookup_next(d);
	arm(d);
}

void discovery_count(const struct discovery *d, struct discovery_counters *ret_counters)
{
	*ret_counters = d->counters;
	ret_counters->nodes = table_count(d->table);
}
