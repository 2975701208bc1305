/* What /metrics tells of this node. */
#include <stdio.h>

#include "rpc/metrics.h"
#include "rpc/subscriptions.h"
#include "shhd/shhd.h"
#include "whisper/pool.h"

static void whisper(struct metrics_text *t, void *arg)
{
	struct shhd *d = arg;
	struct shh_counters n;
	struct filter_counters f;

	shh_count(d->shh, &n);
	filters_count(shh_filters(d->shh), &f);
	metrics_gauge(t, "pool_envelopes", "Envelopes that live.", (double)pool_count(shh_pool(d->shh)));
	metrics_gauge(t, "pool_bytes", "Bytes of envelopes that live.", (double)pool_bytes(shh_pool(d->shh)));
	metrics_counter(t, "pool_evicted_total", "Envelopes that gave way in a full pool.",
			pool_evicted(shh_pool(d->shh)));
	metrics_counter(t, "envelopes_received_total", "Envelopes from peers.", n.received);
	metrics_counter(t, "envelopes_accepted_total", "Envelopes that were new and taken.", n.accepted);
	metrics_counter(t, "envelopes_duplicate_total", "Envelopes that were here already.", n.duplicates);
	metrics_counter(t, "envelopes_sent_total", "Envelopes sent to peers.", n.sent);
	metrics_head(t, METRICS_COUNTER, "envelopes_refused_total", "Envelopes refused, by reason.");
	for (enum shh_refusal r = 0; r < SHH_REFUSALS; r++) {
		metrics_line(t, "envelopes_refused_total", "reason", shh_refusal_name(r), (double)n.refused[r]);
	}
	metrics_counter(t, "direct_received_total", "Direct messages from trusted peers.", n.direct_in);
	metrics_counter(t, "direct_sent_total", "Direct messages sent.", n.direct_out);
	metrics_counter(t, "slow_peers_skipped_total", "Times a peer's backlog was full.", n.skipped_slow);
	metrics_counter(t, "posted_total", "Messages posted here.", n.posted);
	metrics_counter(t, "mined_total", "Proofs of work found.", n.mined);
	metrics_counter(t, "mining_failed_total", "Proofs of work not found in time.", n.mining_failed);
	metrics_head(t, METRICS_COUNTER, "mining_seconds_total", "Time from asking for proofs of work to having them.");
	metrics_line(t, "mining_seconds_total", NULL, NULL, (double)n.mining_us / 1e6);
	metrics_counter(t, "filter_tried_total", "Envelopes on which keys were tried.", f.tried);
	metrics_counter(t, "filter_trials_total", "Keys that were tried.", f.trials);
	metrics_counter(t, "filter_opened_total", "Envelopes that were opened.", f.opened);
	metrics_counter(t, "filter_dropped_total", "Envelopes and messages nobody took in time.", f.dropped);
	metrics_gauge(t, "filter_waiting", "Envelopes that wait to be opened.", (double)f.waiting);
	metrics_counter(t, "delivered_total", "Messages handed to clients.",
			d->polled + subscriptions_sent(d->subscriptions));
}

static void network(struct metrics_text *t, void *arg)
{
	struct shhd *d = arg;
	struct p2p *p2p = shh_p2p(d->shh);
	struct p2p_counters n;
	char label[64];

	p2p_count(p2p, &n);
	metrics_gauge(t, "peers", "Peers.", (double)p2p_peer_count(p2p));
	metrics_gauge(t, "known_nodes", "Nodes in the discovery table.", (double)n.known_nodes);
	metrics_counter(t, "dialed_total", "Connections tried.", n.dialed);
	metrics_counter(t, "dial_failed_total", "Connections that failed.", n.dial_failed);
	metrics_counter(t, "accepted_total", "Connections taken.", n.accepted);
	metrics_counter(t, "connections_refused_total", "Connections refused.", n.refused);
	metrics_counter(t, "handshake_failed_total", "Handshakes that failed.", n.handshake_failed);
	metrics_counter(t, "bytes_received_total", "Bytes from peers.", n.bytes_in);
	metrics_counter(t, "bytes_sent_total", "Bytes to peers.", n.bytes_out);
	metrics_counter(t, "messages_received_total", "devp2p messages from peers.", n.messages_in);
	metrics_counter(t, "messages_sent_total", "devp2p messages to peers.", n.messages_out);
	metrics_head(t, METRICS_COUNTER, "disconnects_total", "Peers lost, by devp2p reason; 1: without any.");
	for (size_t i = 0; i < sizeof(n.disconnects) / sizeof(n.disconnects[0]); i++) {
		snprintf(label, sizeof(label), "%zu", i);
		metrics_line(t, "disconnects_total", "reason", label, (double)n.disconnects[i]);
	}
	metrics_head(t, METRICS_COUNTER, "connections_cut_total",
		     "Connections cut off, by what the other side did wrong.");
	for (enum p2p_cut c = 0; c < P2P_CUTS; c++) {
		metrics_line(t, "connections_cut_total", "reason", p2p_cut_name(c), (double)n.cuts[c]);
	}
	metrics_counter(t, "udp_received_total", "Discovery packets.", n.udp_in);
	metrics_head(t, METRICS_COUNTER, "udp_refused_total", "Discovery packets refused, by reason.");
	for (enum p2p_udp_refusal r = 0; r < P2P_UDP_REFUSALS; r++) {
		metrics_line(t, "udp_refused_total", "reason", p2p_udp_refusal_name(r), (double)n.udp_refused[r]);
	}
}

static void holdings(struct metrics_text *t, void *arg)
{
	struct shhd *d = arg;
	size_t pairs, syms;

	keys_count(d->keys, &pairs, &syms);
	metrics_gauge(t, "filters", "Filters that are polled.", (double)ids_count(d->filters));
	metrics_gauge(t, "subscriptions", "Subscriptions.", (double)subscriptions_count(d->subscriptions));
	metrics_gauge(t, "key_pairs", "Key pairs.", (double)pairs);
	metrics_gauge(t, "symmetric_keys", "Symmetric keys.", (double)syms);
}

void shhd_add_metrics(struct shhd *d)
{
	metrics_add(d->metrics, network, d);
	metrics_add(d->metrics, whisper, d);
	metrics_add(d->metrics, holdings, d);
}
