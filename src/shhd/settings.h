/* The settings of shhd; the table is in main.c. */
#ifndef DSN_SHHD_SETTINGS_H
#define DSN_SHHD_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

struct shhd_settings {
	char *data_dir;
	char *node_key, *keystore, *password_file, *passphrase_agent; /* node_key NULL: nodekey in data_dir */
	/* network */
	char *address, *announce;
	int64_t port, udp_port; /* udp_port -1: as port */
	bool no_discovery;
	int64_t max_peers;
	char **bootnodes, **static_peers, **trusted_peers; /* NULL: none */
	char *identity;
	/* Whisper */
	char *min_pow; /* text of a double */
	int64_t max_message;
	char *pow_rule, *peer_pow_rule;
	bool light;
	int64_t threads;
	int64_t pool_bytes, pool_count;
	int64_t rate_envelopes, rate_bytes; /* per peer and second */
	/* RPC */
	char *rpc_address;
	int64_t rpc_port, ws_port; /* -1: none */
	char **api;                /* namespaces; NULL: all */
	char **hosts, **cors, **origins;
	char *token_file;
	int64_t body_limit, queue_limit, connections;
	char *chain, *etherbase, *network_id;
	/* the process */
	char *ready_file, *log_level;
};

#endif
