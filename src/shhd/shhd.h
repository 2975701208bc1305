/* The daemon: a Whisper node and its JSON-RPC, wired together. Threads: loop thread. */
#ifndef DSN_SHHD_SHHD_H
#define DSN_SHHD_SHHD_H

#include <uv.h>

#include "rpc/jsonrpc.h"
#include "shhd/ids.h"
#include "shhd/keys.h"
#include "shhd/settings.h"
#include "whisper/node.h"

struct derivations;
struct endpoint;
struct metrics;
struct subscriptions;

struct shhd {
	uv_loop_t *loop;
	const struct shhd_settings *settings;
	struct shh *shh;
	struct jsonrpc *rpc;
	struct turns *turns;
	struct subscriptions *subscriptions;
	struct metrics *metrics;
	struct keys *keys;
	struct ids *filters; /* that are polled: struct filter pointers in boxes, see methods_filter.c */
	void *postings;      /* owner of what is being posted */
	struct derivations *derivations;
	struct endpoint *endpoint;
	const char *client; /* our name in Hello and web3_clientVersion */
	int lock;           /* descriptor */
	uint64_t polled;    /* messages that clients have fetched */
};

/* ERROR_EXISTS: another one holds the data folder; other errors are the settings'. */
struct error *shhd_open(const void *ctx, uv_loop_t *loop, const struct shhd_settings *settings,
			struct shhd **ret_shhd) MUST_CHECK;
/* Says goodbye to clients and peers; `done` once, about a second later at most. Then free it. */
void shhd_stop(struct shhd *d, void (*done)(void *arg), void *arg);

/* Answers a call that posted something, `arg`, with the envelope's hash, or why not: a shh_posted_fn. */
void shhd_answer_posted(struct error *e, const uint8_t hash[ENVELOPE_HASH_BYTES], void *arg);

/* The tables of methods. */
void methods_shh_add(struct shhd *d);
void methods_filter_add(struct shhd *d);
void methods_node_add(struct shhd *d);
void methods_raw_add(struct shhd *d);
void methods_subscribe_add(struct shhd *d);

/* What /metrics tells of the node. */
void shhd_add_metrics(struct shhd *d);

#endif
