#include "shhd/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "http/json_write.h"
#include "shhd/endpoint.h"
#include "shhd/shhd.h"
#include "whisper/pool.h"

#define TEXT_LIMIT 65536

static void head(struct json_writer *w, const char *name, const char *type, const char *help)
{
	json_write_raw(w, "# HELP ");
	json_write_raw(w, name);
	json_write_raw(w, " ");
	json_write_raw(w, help);
	json_write_raw(w, "\n# TYPE ");
	json_write_raw(w, name);
	json_write_raw(w, " ");
	json_write_raw(w, type);
	json_write_raw(w, "\n");
}

static void line(struct json_writer *w, const char *name, const char *labels, double value)
{
	json_write_raw(w, name);
	json_write_raw(w, labels);
	json_write_raw(w, " ");
	json_write_double(w, value);
	json_write_raw(w, "\n");
}

static void counter(struct json_writer *w, const char *name, const char *help, uint64_t value)
{
	head(w, name, "counter", help);
	line(w, name, "", (double)value);
}

static void gauge(struct json_writer *w, const char *name, const char *help, double value)
{
	head(w, name, "gauge", help);
	line(w, name, "", value);
}

static size_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/statm", "re");
	char text[128] = "", *rest = text;

	if (f) {
		if (!fgets(text, sizeof(text), f))
			text[0] = '\0';
		fclose(f);
	}
	strtoul(rest, &rest, 10); /* the whole size */
	return strtoul(rest, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static void whisper(struct json_writer *w, struct shhd *d)
{
	struct shh_counters n;
	struct filter_counters f;
	char label[64];

	shh_count(d->shh, &n);
	filters_count(shh_filters(d->shh), &f);
	gauge(w, "shhd_pool_envelopes", "Envelopes that live.", (double)pool_count(shh_pool(d->shh)));
	gauge(w, "shhd_pool_bytes", "Bytes of envelopes that live.", (double)pool_bytes(shh_pool(d->shh)));
	counter(w, "shhd_pool_evicted_total", "Envelopes that gave way in a full pool.",
		pool_evicted(shh_pool(d->shh)));
	counter(w, "shhd_envelopes_received_total", "Envelopes from peers.", n.received);
	counter(w, "shhd_envelopes_accepted_total", "Envelopes that were new and taken.", n.accepted);
	counter(w, "shhd_envelopes_duplicate_total", "Envelopes that were here already.", n.duplicates);
	counter(w, "shhd_envelopes_sent_total", "Envelopes sent to peers.", n.sent);
	head(w, "shhd_envelopes_refused_total", "counter", "Envelopes refused, by reason.");
	for (enum shh_refusal r = 0; r < SHH_REFUSALS; r++) {
		snprintf(label, sizeof(label), "{reason=\"%s\"}", shh_refusal_name(r));
		line(w, "shhd_envelopes_refused_total", label, (double)n.refused[r]);
	}
	counter(w, "shhd_direct_received_total", "Direct messages from trusted peers.", n.direct_in);
	counter(w, "shhd_direct_sent_total", "Direct messages sent.", n.direct_out);
	counter(w, "shhd_slow_peers_skipped_total", "Times a peer's backlog was full.", n.skipped_slow);
	counter(w, "shhd_posted_total", "Messages posted here.", n.posted);
	counter(w, "shhd_mined_total", "Proofs of work found.", n.mined);
	counter(w, "shhd_mining_failed_total", "Proofs of work not found in time.", n.mining_failed);
	head(w, "shhd_mining_seconds_total", "counter", "Time from asking for proofs of work to having them.");
	line(w, "shhd_mining_seconds_total", "", (double)n.mining_us / 1e6);
	counter(w, "shhd_filter_tried_total", "Envelopes on which keys were tried.", f.tried);
	counter(w, "shhd_filter_trials_total", "Keys that were tried.", f.trials);
	counter(w, "shhd_filter_opened_total", "Envelopes that were opened.", f.opened);
	counter(w, "shhd_filter_dropped_total", "Envelopes and messages nobody took in time.", f.dropped);
	gauge(w, "shhd_filter_waiting", "Envelopes that wait to be opened.", (double)f.waiting);
	counter(w, "shhd_delivered_total", "Messages handed to clients.", d->delivered);
}

static void network(struct json_writer *w, struct shhd *d)
{
	struct p2p *p2p = shh_p2p(d->shh);
	struct p2p_counters n;
	char label[64];

	p2p_count(p2p, &n);
	gauge(w, "shhd_peers", "Peers.", (double)p2p_peer_count(p2p));
	gauge(w, "shhd_known_nodes", "Nodes in the discovery table.", (double)n.known_nodes);
	counter(w, "shhd_dialed_total", "Connections tried.", n.dialed);
	counter(w, "shhd_dial_failed_total", "Connections that failed.", n.dial_failed);
	counter(w, "shhd_accepted_total", "Connections taken.", n.accepted);
	counter(w, "shhd_connections_refused_total", "Connections refused.", n.refused);
	counter(w, "shhd_handshake_failed_total", "Handshakes that failed.", n.handshake_failed);
	counter(w, "shhd_bytes_received_total", "Bytes from peers.", n.bytes_in);
	counter(w, "shhd_bytes_sent_total", "Bytes to peers.", n.bytes_out);
	counter(w, "shhd_messages_received_total", "devp2p messages from peers.", n.messages_in);
	counter(w, "shhd_messages_sent_total", "devp2p messages to peers.", n.messages_out);
	head(w, "shhd_disconnects_total", "counter", "Peers lost, by devp2p reason; 1: without any.");
	for (size_t i = 0; i < sizeof(n.disconnects) / sizeof(n.disconnects[0]); i++) {
		snprintf(label, sizeof(label), "{reason=\"%zu\"}", i);
		line(w, "shhd_disconnects_total", label, (double)n.disconnects[i]);
	}
	head(w, "shhd_connections_cut_total", "counter", "Connections cut off, by what the other side did wrong.");
	for (enum p2p_cut c = 0; c < P2P_CUTS; c++) {
		snprintf(label, sizeof(label), "{reason=\"%s\"}", p2p_cut_name(c));
		line(w, "shhd_connections_cut_total", label, (double)n.cuts[c]);
	}
	counter(w, "shhd_udp_received_total", "Discovery packets.", n.udp_in);
	head(w, "shhd_udp_refused_total", "counter", "Discovery packets refused, by reason.");
	for (enum p2p_udp_refusal r = 0; r < P2P_UDP_REFUSALS; r++) {
		snprintf(label, sizeof(label), "{reason=\"%s\"}", p2p_udp_refusal_name(r));
		line(w, "shhd_udp_refused_total", label, (double)n.udp_refused[r]);
	}
}

static void clients(struct json_writer *w, struct shhd *d)
{
	struct endpoint_counters e;
	struct jsonrpc_counters n;
	uint64_t sum = 0;
	size_t pairs, syms;
	char label[64];

	endpoint_count(d->endpoint, &e);
	jsonrpc_count(d->rpc, &n);
	keys_count(d->keys, &pairs, &syms);
	counter(w, "shhd_http_requests_total", "HTTP requests.", e.http_requests);
	counter(w, "shhd_http_refused_total", "HTTP requests refused: host, origin, token, type.", e.http_refused);
	head(w, "shhd_http_broken_total", "counter", "HTTP connections that did wrong or gave way, by reason.");
	for (enum http_breach b = 0; b < HTTP_BREACHES; b++) {
		snprintf(label, sizeof(label), "{reason=\"%s\"}", http_breach_name(b));
		line(w, "shhd_http_broken_total", label, (double)e.breaches[b]);
	}
	gauge(w, "shhd_websockets", "WebSocket clients.", (double)e.clients);
	counter(w, "shhd_websockets_opened_total", "WebSocket clients ever.", e.ws_opened);
	counter(w, "shhd_websockets_refused_total", "WebSocket handshakes refused.", e.ws_refused);
	counter(w, "shhd_websockets_slow_total", "WebSocket clients cut off because they read too slowly.", e.ws_slow);
	counter(w, "shhd_websockets_broken_total", "WebSocket clients cut off for what they sent.", e.ws_broken);
	counter(w, "shhd_notifications_total", "Notifications sent.", e.notifications);
	gauge(w, "shhd_filters", "Filters that are polled.", (double)ids_count(d->filters));
	gauge(w, "shhd_subscriptions", "Subscriptions.", (double)d->subscriptions);
	gauge(w, "shhd_key_pairs", "Key pairs.", (double)pairs);
	gauge(w, "shhd_symmetric_keys", "Symmetric keys.", (double)syms);
	counter(w, "shhd_rpc_failed_total", "Calls that were answered with an error.", n.failed);
	gauge(w, "shhd_rpc_open", "Calls under way.", (double)n.open);
	head(w, "shhd_rpc_seconds", "histogram", "Time from a call to its answer.");
	for (size_t i = 0; i < JSONRPC_BUCKETS; i++) {
		sum += n.within[i];
		snprintf(label, sizeof(label), "{le=\"%g\"}", jsonrpc_bucket_seconds[i]);
		line(w, "shhd_rpc_seconds_bucket", label, (double)sum);
	}
	line(w, "shhd_rpc_seconds_bucket", "{le=\"+Inf\"}", (double)n.calls);
	line(w, "shhd_rpc_seconds_sum", "", (double)n.took_us / 1e6);
	line(w, "shhd_rpc_seconds_count", "", (double)n.calls);
}

struct buf *metrics_text(const void *ctx, struct shhd *d)
{
	struct json_writer w = {.to = buf_new(ctx, TEXT_LIMIT)};

	head(&w, "shhd_info", "gauge", "Version.");
	line(&w, "shhd_info", "{version=\"" DSN_VERSION "\"}", 1);
	gauge(&w, "shhd_resident_bytes", "Resident memory.", (double)resident_bytes());
	network(&w, d);
	whisper(&w, d);
	clients(&w, d);
	return w.to;
}
