/* What clients ask beside shh_*: web3_*, net_*, admin_*, rpc_modules, and the two of eth_* that every client tries. */
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "crypto/keccak.h"
#include "shhd/passthrough.h"
#include "shhd/shhd.h"

#define ETH_PROTOCOL "0x41" /* 65, as go-ethereum v1.9.20 says */

static void client_version(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;

	jsonrpc_answer_text(c, d->client);
}

static void sha3(struct jsonrpc_call *c, void *arg)
{
	uint8_t digest[KECCAK_BYTES];

	(void)arg;
	keccak256(jsonrpc_param(c, 0)->bytes, jsonrpc_param(c, 0)->n, digest);
	jsonrpc_answer_hex(c, digest, sizeof(digest));
}

static void net_version(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;

	jsonrpc_answer_text(c, d->settings->network_id);
}

static void net_listening(struct jsonrpc_call *c, void *arg)
{
	(void)arg;
	jsonrpc_answer_bool(c, true);
}

static void peer_count(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	char *text = mem_printf(c, "0x%zx", p2p_peer_count(shh_p2p(d->shh)));

	jsonrpc_answer_text(c, text);
}

static void write_member(struct json_writer *w, const char *before, const char *text)
{
	json_write_raw(w, before);
	json_write_text(w, text);
}

static char *id_text(const void *ctx, const uint8_t public[SECP_PUBLIC_BYTES])
{
	uint8_t id[32];

	enode_id(public, id);
	return hex_encode(ctx, id, sizeof(id));
}

static void node_info(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	const struct enode *self = p2p_self(shh_p2p(d->shh));
	struct json_writer *w = jsonrpc_result(c);

	write_member(w, "{\"id\":", id_text(c, self->public));
	write_member(w, ",\"name\":", d->client);
	write_member(w, ",\"enode\":", enode_format(c, self));
	write_member(w, ",\"ip\":", self->host);
	json_write_raw(w, ",\"ports\":{\"discovery\":");
	json_write_integer(w, d->settings->no_discovery ? 0 : self->udp);
	json_write_raw(w, ",\"listener\":");
	json_write_integer(w, self->tcp);
	write_member(w, "},\"listenAddr\":",
		     mem_printf(c, strchr(d->settings->address, ':') ? "[%s]:%u" : "%s:%u", d->settings->address,
				(unsigned)self->tcp));
	json_write_raw(w, ",\"protocols\":{\"shh\":{\"maxMessageSize\":");
	json_write_integer(w, (int64_t)shh_max_message(d->shh));
	json_write_raw(w, ",\"minimumPoW\":");
	json_write_double(w, shh_min_pow(d->shh));
	write_member(w, ",\"version\":", SHH_VERSION_TEXT);
	json_write_raw(w, "}}}");
	jsonrpc_done(c);
}

/* "127.0.0.1:30303", "[::1]:30303" */
static char *peer_enode(const void *ctx, const struct p2p_peer *peer)
{
	const char *address = p2p_remote_address(peer), *colon = strrchr(address, ':');
	struct enode e = {.tcp = (uint16_t)(colon ? strtol(colon + 1, NULL, 10) : 0)};
	const char *host = address + (*address == '[');
	size_t n = colon ? (size_t)(colon - host) - (*address == '[') : 0;

	e.udp = e.tcp;
	memcpy(e.public, p2p_public(peer), SECP_PUBLIC_BYTES);
	memcpy(e.host, host, n < sizeof(e.host) ? n : 0);
	return enode_format(ctx, &e);
}

static void write_peer(const void *ctx, struct json_writer *w, const struct p2p_peer *peer)
{
	const struct p2p_hello *hello = p2p_hello(peer);

	write_member(w, "{\"enode\":", peer_enode(ctx, peer));
	write_member(w, ",\"id\":", id_text(ctx, p2p_public(peer)));
	write_member(w, ",\"name\":", p2p_client(peer));
	json_write_raw(w, ",\"caps\":[");
	for (size_t i = 0; i < hello->cap_count; i++) {
		char *cap = mem_printf(ctx, "%s/%u", hello->caps[i].name, hello->caps[i].version);

		write_member(w, i ? "," : "", cap);
	}
	write_member(w, "],\"network\":{\"localAddress\":", p2p_local_address(peer));
	write_member(w, ",\"remoteAddress\":", p2p_remote_address(peer));
	json_write_raw(w, ",\"inbound\":");
	json_write_bool(w, p2p_inbound(peer));
	json_write_raw(w, ",\"trusted\":");
	json_write_bool(w, p2p_trusted(peer));
	json_write_raw(w, ",\"static\":");
	json_write_bool(w, p2p_static(peer));
	json_write_raw(w, "},\"protocols\":{\"shh\":\"unknown\"}}");
}

static void peers(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	const struct p2p *p2p = shh_p2p(d->shh);
	struct json_writer *w = jsonrpc_result(c);
	const char *before = "[";

	for (struct p2p_peer *peer = p2p_next_peer(p2p, NULL); peer; peer = p2p_next_peer(p2p, peer)) {
		json_write_raw(w, before);
		write_peer(c, w, peer);
		before = ",";
	}
	json_write_raw(w, *before == '[' ? "[]" : "]");
	jsonrpc_done(c);
}

static void answer_changed(struct jsonrpc_call *c, struct error *e)
{
	if (e)
		jsonrpc_fail_error(c, e);
	else
		jsonrpc_answer_bool(c, true);
}

static void add_peer(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;

	answer_changed(c, p2p_add_static(shh_p2p(d->shh), jsonrpc_param(c, 0)->text));
}

static void remove_peer(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	struct p2p *p2p = shh_p2p(d->shh);
	struct enode e;
	struct error *error = enode_parse(jsonrpc_param(c, 0)->text, &e);

	if (!error)
		error = p2p_remove_static(p2p, jsonrpc_param(c, 0)->text);
	if (error && error->code == ERROR_NOT_FOUND) { /* was none: then only the connection goes */
		error_free(error);
		error = NULL;
	}
	if (!error) {
		struct p2p_peer *peer = p2p_find_peer(p2p, e.public);

		if (peer)
			p2p_disconnect(peer, DISCONNECT_REQUESTED, "admin_removePeer");
	}
	answer_changed(c, error);
}

static void add_trusted(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;

	answer_changed(c, p2p_add_trusted(shh_p2p(d->shh), jsonrpc_param(c, 0)->text));
}

static void remove_trusted(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	struct error *e = p2p_remove_trusted(shh_p2p(d->shh), jsonrpc_param(c, 0)->text);

	if (e && e->code == ERROR_NOT_FOUND) {
		error_free(e);
		e = NULL;
	}
	answer_changed(c, e);
}

static void datadir(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;

	jsonrpc_answer_text(c, d->settings->data_dir);
}

struct modules {
	struct json_writer *w;
	const char *before;
};

static void write_module(const char *name, void *arg)
{
	struct modules *m = arg;

	write_member(m->w, m->before, name);
	json_write_raw(m->w, ":\"1.0\"");
	m->before = ",";
}

static void modules(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	struct modules m = {jsonrpc_result(c), "{"};

	jsonrpc_namespaces(d->rpc, write_module, &m);
	json_write_raw(m.w, *m.before == '{' ? "{}" : "}");
	jsonrpc_done(c);
}

static void coinbase(struct jsonrpc_call *c, void *arg)
{
	struct shhd *d = arg;
	struct json_slice none = {NULL, 0};

	if (d->settings->etherbase)
		jsonrpc_answer_text(c, d->settings->etherbase);
	else if (!passthrough_call(c, "eth_coinbase", none, d))
		jsonrpc_fail(c, "etherbase must be explicitly specified");
}

static void protocol_version(struct jsonrpc_call *c, void *arg)
{
	struct json_slice none = {NULL, 0};

	if (!passthrough_call(c, "eth_protocolVersion", none, arg))
		jsonrpc_answer_text(c, ETH_PROTOCOL);
}

static const struct jsonrpc_method methods[] = {
	{.name = "web3_clientVersion", .handle = client_version},
	{.name = "web3_sha3", .handle = sha3, .count = 1, .params = {{JSONRPC_HEX, NULL}}},
	{.name = "net_version", .handle = net_version},
	{.name = "net_listening", .handle = net_listening},
	{.name = "net_peerCount", .handle = peer_count},
	{.name = "admin_nodeInfo", .handle = node_info},
	{.name = "admin_peers", .handle = peers},
	{.name = "admin_addPeer", .handle = add_peer, .count = 1, .params = {{JSONRPC_STRING, NULL}}},
	{.name = "admin_removePeer", .handle = remove_peer, .count = 1, .params = {{JSONRPC_STRING, NULL}}},
	{.name = "admin_addTrustedPeer", .handle = add_trusted, .count = 1, .params = {{JSONRPC_STRING, NULL}}},
	{.name = "admin_removeTrustedPeer", .handle = remove_trusted, .count = 1, .params = {{JSONRPC_STRING, NULL}}},
	{.name = "admin_datadir", .handle = datadir},
	{.name = "rpc_modules", .handle = modules},
	{.name = "eth_coinbase", .handle = coinbase},
	{.name = "eth_protocolVersion", .handle = protocol_version},
};

void methods_node_add(struct shhd *d)
{
	jsonrpc_add(d->rpc, methods, sizeof(methods) / sizeof(methods[0]), d);
}
