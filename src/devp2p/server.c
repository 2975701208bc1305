#include "devp2p/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "devp2p/address.h"
#include "devp2p/admit.h"
#include "devp2p/dial.h"
#include "devp2p/peer.h"
#include "devp2p/server_impl.h"

#define TICK_MS 250
#define STOP_MS 700
#define BACKLOG 1024 /* connections the system holds until we take them */
#define PORT_TRIES 16
#define UNFINISHED_BYTES ((size_t)64 << 20) /* four of the largest messages there are */

static void listener_closed(uv_handle_t *handle)
{
	free(handle);
}

static void close_listener(struct p2p *p)
{
	if (!p->listener)
		return;
	p->listener->data = NULL;
	/* loop_drain() may have closed it already, without a callback. */
	if (uv_is_closing((uv_handle_t *)p->listener))
		free(p->listener);
	else
		uv_close((uv_handle_t *)p->listener, listener_closed);
	p->listener = NULL;
}

static int p2p_destroy(struct p2p *p)
{
	close_listener(p);
	/* Before the dialer and the wires, which their ends touch. */
	while (p->first)
		mem_free(p->first);
	secret_wipe(&p->key, sizeof(p->key));
	return 0;
}

void p2p_reap_soon(struct p2p *p)
{
	timer_again(p->reap, 0, 0);
}

/* The connection that waited for this one to end, if there is one. */
static void promote_twin(const struct p2p_peer *ended)
{
	for (struct p2p_peer *q = ended->p2p->first; q; q = q->next) {
		if (q->state == PEER_PARKED && !memcmp(q->public, ended->public, SECP_PUBLIC_BYTES) && !admit_twin(q)) {
			peer_promote(q);
			return;
		}
	}
}

/* An inbound connection that waited for ours to the same node to get on. */
static void release_held(const struct p2p_peer *ended)
{
	for (struct p2p_peer *q = ended->p2p->first; q; q = q->next) {
		if (q->state == PEER_HELD && !memcmp(q->public, ended->public, SECP_PUBLIC_BYTES))
			peer_release(q);
	}
}

static void reap(void *arg)
{
	struct p2p *p = arg;
	int64_t now_ms = clock_mono_ms();
	bool ended = false;

	for (struct p2p_peer *peer = p->first, *next; peer; peer = next) {
		if (peer->state == PEER_CLOSING && peer->announced) {
			peer_report_down(peer);
			promote_twin(peer);
		}
		if (peer->state == PEER_CLOSING && !peer->inbound)
			release_held(peer);
		next = peer->next;
		if (peer->state != PEER_CLOSING || !peer->gone)
			continue;
		dial_ended(p->dialer, peer, now_ms);
		mem_free(peer);
		ended = true;
	}
	if (p->stopping && p->stopped && (!p->first || now_ms >= p->stop_until_ms)) {
		void (*stopped)(void *) = p->stopped;

		p->stopped = NULL;
		stopped(p->stopped_arg); /* may free it all */
		return;
	}
	if (ended)
		dial_poll(p->dialer, now_ms);
}

static void on_tick(void *arg)
{
	struct p2p *p = arg;
	int64_t now_ms = clock_mono_ms();

	for (struct p2p_peer *peer = p->first; peer; peer = peer->next)
		peer_tick(peer, now_ms);
	if (p->stopping)
		p2p_reap_soon(p);
	dial_tick(p->dialer, now_ms);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct p2p *p = listener->data;

	if (!p)
		return;
	if (status < 0)
		log_warn("p2p.accept", "error=%s", uv_err_name(status));
	else
		peer_accept(p);
}

static void on_found(const struct enode *e, void *arg)
{
	struct p2p *p = arg;

	dial_found(p->dialer, e);
}

static struct error *listen_on(struct p2p *p, const char *host, int port)
{
	struct sockaddr_storage address;
	int n = sizeof(address);

	TRY(address_parse(host, (uint16_t)port, &address));
	p->listener = calloc(1, sizeof(*p->listener));
	if (!p->listener)
		abort();
	uv_tcp_init(p->loop, p->listener);
	p->listener->data = p;
	int status = uv_tcp_bind(p->listener, (struct sockaddr *)&address, 0);
	if (!status)
		status = uv_listen((uv_stream_t *)p->listener, BACKLOG, on_connection);
	if (!status)
		status = uv_tcp_getsockname(p->listener, (struct sockaddr *)&address, &n);
	if (status < 0) {
		close_listener(p);
		return error_uv(status, "%s port %d: cannot listen", host, port);
	}
	p->self.tcp = address_port(&address);
	return NULL;
}

static struct error *open_discovery(struct p2p *p, const struct p2p_options *o)
{
	struct discovery_options options = {
		.key = &p->key,
		.address = o->listen_address ? o->listen_address : "0.0.0.0",
		.udp_port = o->udp_port ? o->udp_port : p->self.tcp,
		.tcp_port = p->self.tcp,
		.announce_host = p->self.host,
		.bootnodes = o->bootnodes,
		.found = on_found,
		.arg = p,
	};

	if (o->udp_port < 0)
		return NULL;
	TRY(discovery_open(p, p->loop, &options, &p->discovery));
	p->self.udp = (uint16_t)discovery_port(p->discovery);
	return NULL;
}

/* A free TCP port is of use only when UDP has the same one free. */
static struct error *open_ports(struct p2p *p, const struct p2p_options *o)
{
	bool any = o->listen_address && o->port == 0 && o->udp_port == 0;
	struct error *e = NULL;

	for (int i = 0; i < (any ? PORT_TRIES : 1); i++) {
		error_free(e);
		e = o->listen_address ? listen_on(p, o->listen_address, o->port) : NULL;
		p->self.udp = p->self.tcp;
		if (!e)
			e = open_discovery(p, o);
		if (!e)
			return NULL;
		close_listener(p);
		if (e->code != ERROR_EXISTS)
			break;
	}
	return e;
}

static void set_announced(struct p2p *p, const struct p2p_options *o)
{
	const char *host = o->announce_host ? o->announce_host : o->listen_address;
	struct sockaddr_storage address;
	struct discv4_endpoint ip = {0};
	struct error *name = host ? address_parse(host, 0, &address) : NULL;

	if (host && !name)
		discv4_endpoint_of((struct sockaddr *)&address, &ip);
	/* A name stands for itself; the unspecified address is none that anybody could dial. */
	if (!host || (!name && discv4_endpoint_network(&ip) == NETWORK_NONE))
		host = "127.0.0.1";
	error_free(name);
	snprintf(p->self.host, sizeof(p->self.host), "%s", host);
	memcpy(p->self.public, p->key.public, SECP_PUBLIC_BYTES);
}

static struct error *add_all(struct p2p *p, const char *const *urls, struct error *(*add)(struct p2p *, const char *))
{
	for (; urls && *urls; urls++)
		TRY(add(p, *urls));
	return NULL;
}

static struct error *add_bootnode(struct p2p *p, const char *url)
{
	struct enode e;

	TRY(enode_parse(url, &e));
	dial_add_bootnode(p->dialer, &e);
	return NULL;
}

static struct p2p *p2p_new(const void *ctx, uv_loop_t *loop, const struct p2p_options *o,
			   const struct p2p_protocol *protocol)
{
	struct p2p *p = mem_new(ctx, struct p2p);

	p->loop = loop;
	p->key = *o->key;
	p->protocol = *protocol;
	if (p->protocol.payload_limit > FRAME_LIMIT)
		p->protocol.payload_limit = FRAME_LIMIT;
	p->client = mem_strdup(p, o->client);
	p->max_peers = o->max_peers ? o->max_peers : 50;
	p->max_pending = o->max_pending ? o->max_pending : 50;
	p->low_water = o->low_water ? o->low_water : 64 * 1024;
	p->high_water = o->high_water ? o->high_water : 1024 * 1024;
	p->unfinished_limit = o->unfinished_limit ? o->unfinished_limit : UNFINISHED_BYTES;
	p->frame_timeout_ms = o->frame_timeout_ms ? o->frame_timeout_ms : 30000;
	p->dialer = dial_new(p);
	talloc_set_destructor(p, p2p_destroy);
	p->tick_ms = p->frame_timeout_ms / 4 < TICK_MS ? p->frame_timeout_ms / 4 + 1 : TICK_MS;
	p->reap = timer_start(p, loop, 0, 0, reap, p);
	p->tick = timer_start(p, loop, 0, p->tick_ms, on_tick, p);
	return p;
}

struct error *p2p_open(const void *ctx, uv_loop_t *loop, const struct p2p_options *options,
		       const struct p2p_protocol *protocol, struct p2p **ret_p2p)
{
	struct p2p *p = p2p_new(ctx, loop, options, protocol);
	struct error *e = NULL;

	set_announced(p, options);
	e = add_all(p, options->trusted_peers, p2p_add_trusted);
	if (!e)
		e = add_all(p, options->static_peers, p2p_add_static);
	if (!e)
		e = add_all(p, options->bootnodes, add_bootnode);
	if (!e)
		e = open_ports(p, options);
	if (e) {
		mem_free(p);
		return e;
	}
	*ret_p2p = p;
	return NULL;
}

void p2p_stop(struct p2p *p, void (*done)(void *arg), void *arg)
{
	p->stopping = true;
	p->stopped = done;
	p->stopped_arg = arg;
	p->stop_until_ms = clock_mono_ms() + STOP_MS;
	close_listener(p);
	mem_free(p->discovery);
	p->discovery = NULL;
	for (struct p2p_peer *peer = p->first; peer; peer = peer->next)
		peer_end(peer, DISCONNECT_QUITTING, error_new(ERROR_UNAVAILABLE, "we are stopping"));
	p2p_reap_soon(p);
}

const struct enode *p2p_self(const struct p2p *p)
{
	return &p->self;
}

struct error *p2p_add_static(struct p2p *p, const char *enode)
{
	struct enode e;

	TRY(enode_parse(enode, &e));
	if (!e.host[0] || !e.tcp)
		return error_new(ERROR_INVALID, "invalid enode: no address to dial");
	dial_add_static(p->dialer, &e);
	for (struct p2p_peer *peer = p->first; peer; peer = peer->next) {
		if (peer->known && !memcmp(peer->public, e.public, SECP_PUBLIC_BYTES))
			peer->is_static = true;
	}
	/* At the next turn: the caller may be in the middle of something. */
	timer_again(p->tick, 0, p->tick_ms);
	return NULL;
}

struct error *p2p_remove_static(struct p2p *p, const char *enode)
{
	struct enode e;

	TRY(enode_parse(enode, &e));
	dial_remove_static(p->dialer, e.public);
	for (struct p2p_peer *peer = p->first; peer; peer = peer->next) {
		if (peer->known && !memcmp(peer->public, e.public, SECP_PUBLIC_BYTES))
			peer_end(peer, DISCONNECT_REQUESTED, error_new(ERROR_UNAVAILABLE, "it is no longer wanted"));
	}
	return NULL;
}

static void set_trusted(struct p2p *p, const uint8_t public[SECP_PUBLIC_BYTES], bool trusted)
{
	for (struct p2p_peer *peer = p->first; peer; peer = peer->next) {
		if (peer->known && !memcmp(peer->public, public, SECP_PUBLIC_BYTES))
			peer->trusted = trusted;
	}
}

struct error *p2p_add_trusted(struct p2p *p, const char *enode)
{
	struct enode e;

	TRY(enode_parse(enode, &e));
	p2p_key_set_add(p, &p->trusted, e.public);
	set_trusted(p, e.public, true);
	return NULL;
}

struct error *p2p_remove_trusted(struct p2p *p, const char *enode)
{
	struct enode e;

	TRY(enode_parse(enode, &e));
	p2p_key_set_remove(&p->trusted, e.public);
	set_trusted(p, e.public, false);
	return NULL;
}

void p2p_count(const struct p2p *p, struct p2p_counters *ret_counters)
{
	struct discovery_counters udp = {0};

	*ret_counters = p->counters;
	if (p->discovery)
		discovery_count(p->discovery, &udp);
	ret_counters->udp_in = udp.in;
	ret_counters->udp_refused[P2P_UDP_RATE] = udp.refused_rate;
	ret_counters->udp_refused[P2P_UDP_MALFORMED] = udp.refused_malformed;
	ret_counters->udp_refused[P2P_UDP_UNASKED] = udp.refused - udp.refused_rate - udp.refused_malformed;
	ret_counters->known_nodes = udp.nodes;
}
