/* shhd: a Whisper v6 node that serves go-ethereum's shh_* RPC. Settings and wiring only. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/daemon.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "rpc/endpoint.h"
#include "shhd/passthrough.h"
#include "shhd/shhd.h"

/* What is taken by default is what go-ethereum 1.9.20 takes: a larger text, though begun in slices, is scanned in one
 * turn of the loop. */
#define BODY_USUAL "5M"
/* A request is one object in memory, and talloc has none over 256 MiB: what asks for one ends the process. */
#define BODY_MOST (INT64_C(128) << 20)
#define ROW(field) offsetof(struct shhd_settings, field)
#define OTHER_FILES 256   /* connections on their way to being peers, listeners, the folder's */
#define ETHERBASE_TEXT 42 /* "0x" and 40 digits */

static struct error *check_pow(const char *text)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end || !isfinite(n) || n < 0)
		return error_new(ERROR_INVALID, "\"%.40s\" is not a number >= 0", text);
	return NULL;
}

static struct error *check_etherbase(const char *text)
{
	if (strlen(text) != ETHERBASE_TEXT || strncmp(text, "0x", 2) != 0 ||
	    strspn(text + 2, "0123456789abcdefABCDEF") != ETHERBASE_TEXT - 2)
		return error_new(ERROR_INVALID, "\"%.60s\" is not 0x and 40 hexadecimal digits", text);
	return NULL;
}

static struct error *check_identity(const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p < 0x21 || *p > 0x7e || *p == '/')
			return error_new(ERROR_INVALID, "printable ASCII without blanks and slashes, please");
	return NULL;
}

static const struct config_row rows[] = {
	{"data-dir", CONFIG_STRING, ROW(data_dir), "/var/lib/shhd", NULL, 0, 0, "DIR",
	 "lock and node key; one shhd for each", NULL},
	{"nodekey", CONFIG_STRING, ROW(node_key), NULL, NULL, 0, 0, "FILE",
	 "0600 file of 64 hex digits, made when missing; without it nodekey in the data folder", NULL},
	{"keystore", CONFIG_STRING, ROW(keystore), NULL, NULL, 0, 0, "FILE",
	 "Ethereum keystore file with the node key instead", NULL},
	{"password-file", CONFIG_STRING, ROW(password_file), NULL, NULL, 0, 0, "FILE",
	 "0600 file with the keystore's passphrase", NULL},
	{"passphrase-agent", CONFIG_STRING, ROW(passphrase_agent), NULL, NULL, 0, 0, "SOCKET",
	 "take the keystore's passphrase from the agent at this socket, gpg-agent; without a password-file", NULL},
	{"address", CONFIG_STRING, ROW(address), "0.0.0.0", NULL, 0, 0, "IP", "address to listen on for peers", NULL},
	{"announce", CONFIG_STRING, ROW(announce), NULL, NULL, 0, 0, "HOST",
	 "address in our enode; without it the one we listen on", NULL},
	{"port", CONFIG_INT, ROW(port), "30303", NULL, 0, 65535, "PORT", "TCP port for peers; 0 picks a free one",
	 NULL},
	{"udp-port", CONFIG_INT, ROW(udp_port), "-1", NULL, -1, 65535, "PORT",
	 "UDP port of discovery; -1: the TCP port", NULL},
	{"no-discovery", CONFIG_BOOL, ROW(no_discovery), "no", NULL, 0, 0, NULL,
	 "find no peers; only static ones and those that dial us", NULL},
	{"max-peers", CONFIG_INT, ROW(max_peers), "50", NULL, 1, 10000, "N", "peers at once, trusted ones beside",
	 NULL},
	{"bootnodes", CONFIG_LIST, ROW(bootnodes), NULL, NULL, 0, 0, "ENODE", "where discovery begins", NULL},
	{"static", CONFIG_LIST, ROW(static_peers), NULL, NULL, 0, 0, "ENODE", "peers to be connected to always", NULL},
	{"trusted", CONFIG_LIST, ROW(trusted_peers), NULL, NULL, 0, 0, "ENODE", "peers that may come when all is full",
	 NULL},
	{"identity", CONFIG_STRING, ROW(identity), NULL, NULL, 0, 0, "WORD", "put into our client name",
	 check_identity},
	{"min-pow", CONFIG_STRING, ROW(min_pow), "0.2", NULL, 0, 0, "NUMBER", "least proof of work that is taken",
	 check_pow},
	{"max-message", CONFIG_BYTES, ROW(max_message), "1M", NULL, 0, 0, "BYTES", "largest message, at most 10M",
	 NULL},
	{"pow-rule", CONFIG_CHOICE, ROW(pow_rule), "eip627", "eip627|legacy", 0, 0, NULL,
	 "rule that messages posted here are mined by; legacy is that of geth 1.8", NULL},
	{"peer-pow-rule", CONFIG_CHOICE, ROW(peer_pow_rule), "eip627", "eip627|legacy", 0, 0, NULL,
	 "rule that peers count by whose client name does not tell", NULL},
	{"light", CONFIG_BOOL, ROW(light), "no", NULL, 0, 0, NULL, "light client: forwards nothing", NULL},
	{"threads", CONFIG_INT, ROW(threads), "0", NULL, 0, 1024, "N", "threads that mine; 0: one for each core", NULL},
	{"pool-bytes", CONFIG_BYTES, ROW(pool_bytes), "64M", NULL, 0, 0, "BYTES", "envelopes kept, bytes", NULL},
	{"pool-count", CONFIG_INT, ROW(pool_count), "65536", NULL, 1, 100000000, "N", "envelopes kept", NULL},
	{"rate-envelopes", CONFIG_INT, ROW(rate_envelopes), "0", NULL, 0, 100000000, "N",
	 "envelopes taken from a peer each second; 0: no limit", NULL},
	{"rate-bytes", CONFIG_BYTES, ROW(rate_bytes), "0", NULL, 0, 0, "BYTES",
	 "bytes taken from a peer each second; 0: no limit", NULL},
	{"rpc-address", CONFIG_STRING, ROW(rpc_address), "127.0.0.1", NULL, 0, 0, "IP",
	 "address of the RPC; any but loopback needs a token", NULL},
	{"rpc-port", CONFIG_INT, ROW(rpc_port), "8545", NULL, -1, 65535, "PORT",
	 "HTTP and WebSocket; 0 picks a free one, -1: none", NULL},
	{"ws-port", CONFIG_INT, ROW(ws_port), "-1", NULL, -1, 65535, "PORT",
	 "a second RPC port, for clients that expect WebSocket on 8546; -1: none", NULL},
	{"api", CONFIG_LIST, ROW(api), NULL, NULL, 0, 0, "NAME",
	 "serve only methods of these namespaces (admin, dsn, eth, net, rpc, shh, web3)", NULL},
	{"hosts", CONFIG_LIST, ROW(hosts), NULL, NULL, 0, 0, "NAME",
	 "host names that HTTP requests may be sent to, * for all; without it localhost; IP addresses always", NULL},
	{"cors", CONFIG_LIST, ROW(cors), NULL, NULL, 0, 0, "ORIGIN", "origins of web pages that may read answers",
	 NULL},
	{"origins", CONFIG_LIST, ROW(origins), NULL, NULL, 0, 0, "ORIGIN",
	 "origins of web pages that may open WebSockets, * for all; without it http://localhost and our host name",
	 NULL},
	{"token-file", CONFIG_STRING, ROW(token_file), NULL, NULL, 0, 0, "FILE",
	 "0600 file with the token that clients send (Authorization: Bearer); without it $DSN_RPC_TOKEN", NULL},
	{"body-limit", CONFIG_BYTES, ROW(body_limit), BODY_USUAL, NULL, 0, 0, "BYTES",
	 "largest RPC request, at most 128M", NULL},
	{"queue-limit", CONFIG_BYTES, ROW(queue_limit), "64M", NULL, 0, 0, "BYTES",
	 "what may wait for a WebSocket client that reads slowly, before it is cut off", NULL},
	{"connections", CONFIG_INT, ROW(connections), "1024", NULL, 1, 60000, "N",
	 "RPC connections at once, of each kind", NULL},
	{"chain", CONFIG_STRING, ROW(chain), NULL, NULL, 0, 0, "URL",
	 "http://... endpoint of a chain node that eth_* calls are passed on to", passthrough_check},
	{"etherbase", CONFIG_STRING, ROW(etherbase), NULL, NULL, 0, 0, "ADDRESS", "what eth_coinbase answers",
	 check_etherbase},
	{"network-id", CONFIG_STRING, ROW(network_id), "1", NULL, 0, 0, "ID", "what net_version answers", NULL},
	{"ready-file", CONFIG_STRING, ROW(ready_file), NULL, NULL, 0, 0, "FILE",
	 "JSON file written when all is open: enode, rpc_port, ws_port, pid; removed at the end", NULL},
	{"log-level", CONFIG_CHOICE, ROW(log_level), "info", "error|warn|info|debug", 0, 0, NULL, "least level logged",
	 NULL},
};

static const struct config_program program = {
	.name = "shhd",
	.synopsis = "shhd [options]",
	.about =
		"A Whisper v6 node (shh/6) that speaks to go-ethereum 1.8 and 1.9 and serves their shh_* JSON-RPC over HTTP and WebSocket on one port. SIGTERM ends it.",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.default_file = "/etc/dsn/shhd.conf",
};

/* List elements may hold several, separated by commas, on the command line too, as geth's do. */
static void split_lists(const void *ctx, struct shhd_settings *settings)
{
	for (size_t i = 0; i < program.row_count; i++) {
		char ***field = (char ***)((char *)settings + rows[i].offset), **out = NULL;
		size_t n = 0;

		if (rows[i].type != CONFIG_LIST || !*field)
			continue;
		for (char **p = *field; *p; p++)
			for (char *rest = mem_strdup(ctx, *p), *word; (word = strsep(&rest, ","));)
				if (*word) {
					out = mem_resize(ctx, out, char *, n + 2);
					out[n++] = word;
				}
		if (out)
			out[n] = NULL;
		*field = out;
	}
}

/* Clients must not take the descriptors that peers need. */
static void allow_files(const struct shhd_settings *s)
{
	rlim_t wanted = (rlim_t)(2 * s->connections + 2 * s->max_peers) + OTHER_FILES;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < wanted)
		log_warn("shhd.files", "limit=%llu wanted=%llu hint=%s", (unsigned long long)limit.rlim_cur,
			 (unsigned long long)wanted,
			 log_q("raise it (ulimit -n, LimitNOFILE=) or lower --connections"));
}

static struct error *prepare(const void *ctx, void *arg, bool *ret_done)
{
	struct shhd_settings *settings = arg;

	(void)ret_done;
	if (settings->max_message < 1 || settings->max_message > WHISPER_MESSAGE_LIMIT)
		return error_new(ERROR_INVALID, "--max-message: at most 10M");
	if (settings->body_limit < 1 || settings->body_limit > BODY_MOST)
		return error_new(ERROR_INVALID, "--body-limit: at most 128M");
	split_lists(ctx, settings);
	allow_files(settings);
	return NULL;
}

/* --- the life of the daemon --- */

static struct error *open_shhd(const void *ctx, struct daemon *d, const void *settings, void **ret_state)
{
	struct shhd *shhd = NULL;

	TRY(shhd_open(ctx, daemon_loop(d), settings, &shhd));
	*ret_state = shhd;
	return NULL;
}

static struct error *ready(const void *ctx, const void *settings, void *state)
{
	const struct shhd_settings *s = settings;
	const struct shhd *d = state;
	char *enode = enode_format(ctx, p2p_self(shh_p2p(d->shh)));
	int rpc = endpoint_rpc_port(d->endpoint), ws = endpoint_ws_port(d->endpoint);
	char *text = mem_printf(ctx, "{\"enode\":\"%s\",\"rpc_port\":%d,\"ws_port\":%d,\"pid\":%ld}\n", enode, rpc, ws,
				(long)getpid());

	log_info("shhd.ready", "enode=%s rpc=%s:%d ws_port=%d", log_q(enode), s->rpc_address, rpc, ws);
	return s->ready_file ? file_write_atomic(s->ready_file, text, strlen(text), 0644) : NULL;
}

static void on_stopped(void *arg)
{
	daemon_end(arg, 0);
}

static void stop(struct daemon *d, void *state)
{
	shhd_stop(state, on_stopped, d);
}

static void closed(const void *arg, void *state)
{
	const struct shhd_settings *settings = arg;

	(void)state;
	if (settings->ready_file)
		error_free(file_remove(settings->ready_file));
}

static const struct daemon_kind kind = {
	.program = &program,
	.log_name = "shhd",
	.log_level_offset = ROW(log_level),
	.prepare = prepare,
	.open = open_shhd,
	.ready = ready,
	.stop = stop,
	.closed = closed,
};

int main(int argc, char **argv)
{
	struct shhd_settings settings = {0};

	return daemon_main(argc, argv, &kind, &settings);
}
