/* dsnd: the services of a network: which nodes there are, and streams made of orders. Settings and wiring only. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/grammar.h"
#include "base/daemon.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/bus.h"
#include "dsnd/dsnd.h"
#include "manager/describe.h"
#include "manager/remotes.h"
#include "postgres/postgres.h"
#include "store/events.h"

#define ROW(field) offsetof(struct dsnd_settings, field)
#define START_LEAST_MS 1000
#define START_MOST_MS 120000
#define LOGIN_LEAST_MS INT64_C(60000)
#define LOGIN_MOST_MS (INT64_C(30) * 24 * 3600 * 1000)

#define UNPAID_LEAST_MS 10000
#define UNPAID_MOST_MS (INT64_C(24) * 3600 * 1000)

static struct error *check_public_url(const char *text)
{
	struct http_origin o;

	TRY(http_origin_read(text, 0, &o));
	if (!o.tls && !o.loopback)
		return error_new(
			ERROR_INVALID,
			"\"%.80s\" is without TLS: logins would cross the network in the clear; https://, please",
			text);
	return NULL;
}

#define KEEP_MOST_MS (INT64_C(87600) * 3600 * 1000)

static struct error *check_version(const char *text)
{
	return api_check_version(text, &(struct json_place){NULL, NULL, 0});
}

#define URL_LETTERS 64 /* LEASE_NAME_MAX */

static struct error *check_url(const char *text)
{
	size_t length = strlen(text);

	if (strncmp(text, "http://", 7) != 0 && strncmp(text, "https://", 8) != 0)
		return error_new(ERROR_INVALID, "\"%.80s\" is no URL: https://NAME, please", text);
	for (const char *c = text; *c; c++) {
		if (*c <= ' ' || *c > '~')
			return error_new(ERROR_INVALID, "a URL has printable characters without blanks");
	}
	return length <= URL_LETTERS ? NULL
				     : error_new(ERROR_INVALID, "has %zu letters, %d at most", length, URL_LETTERS);
}

/* What looks like a URL of another kind would become a file of that name. */
static struct error *check_store(const char *text)
{
	if (postgres_is_url(text) || (!strstr(text, "://") && *text))
		return NULL;
	return error_new(ERROR_INVALID, "neither a file nor postgresql://USER@HOST:PORT/DATABASE?passfile=FILE");
}

static const struct config_row rows[] = {
	{"bus", CONFIG_STRING, ROW(client.bus), "amqp://127.0.0.1/", NULL, 0, 0, "URL",
	 "the bus: amqp://[user@]host[:port]/vhost, amqps://... or shh://... (docs/whisper-bus.md)", bus_check_url},
	{"network", CONFIG_STRING, ROW(client.network), "default", NULL, 0, 0, "NAME", "name of the network on the bus",
	 bus_check_network},
	{"password-file", CONFIG_STRING, ROW(client.password_file), NULL, NULL, 0, 0, "FILE",
	 "0600 file with the bus password; without it $DSN_BROKER_PASSWORD", NULL},
	{"ca-file", CONFIG_STRING, ROW(client.ca_file), NULL, NULL, 0, 0, "FILE",
	 "amqps: trust anchors instead of the system's", NULL},
	{"cert-file", CONFIG_STRING, ROW(client.cert_file), NULL, NULL, 0, 0, "FILE", "amqps: client certificate",
	 NULL},
	{"key-file", CONFIG_STRING, ROW(client.key_file), NULL, NULL, 0, 0, "FILE",
	 "amqps: key of the client certificate", NULL},
	{"identity", CONFIG_STRING, ROW(client.identity), NULL, NULL, 0, 0, "FILE",
	 "key that commands are signed with, whose address agents name by --manager: a 0600 file with 64 hex digits, or an Ethereum keystore file; without it identity.key of --state-dir, made when it is missing",
	 NULL},
	{"passphrase-file", CONFIG_STRING, ROW(client.passphrase.file), NULL, NULL, 0, 0, "FILE",
	 "0600 file with the keystore file's passphrase", NULL},
	{"passphrase-agent", CONFIG_STRING, ROW(client.passphrase.agent), NULL, NULL, 0, 0, "SOCKET",
	 "take it from the agent at this socket, gpg-agent; without a passphrase-file", NULL},
	{"state-dir", CONFIG_STRING, ROW(client.state.folder), "/var/lib/dsnd", NULL, 0, 0, "DIR",
	 "database, key and the operator's token; one dsnd for each", NULL},
	{"store", CONFIG_STRING, ROW(store), NULL, NULL, 0, 0, "URL|FILE",
	 "the database: postgresql://USER@HOST:PORT/DATABASE?passfile=FILE, which several dsnd may share, or a file; without it dsnd.db in --state-dir",
	 check_store},
	{"lease", CONFIG_DURATION, ROW(lease_ms), "15s", NULL, 0, 0, "TIME",
	 "with a shared database: after how long a dsnd that gives no sign of life is replaced, 1500ms to 5m; the same for all that share it",
	 NULL},
	{"keep-events", CONFIG_DURATION, ROW(keep_ms), "2160h", NULL, 0, 0, "TIME",
	 "how long events stay in the log, 2h to 87600h; what a reader is still to see stays, unless he was not there for as long",
	 NULL},
	{"chain", CONFIG_LIST, ROW(chain), NULL, NULL, 0, 0, "URL",
	 "endpoints of the chain that orders are paid on (JSON-RPC), separated by commas; \"none\", as without it: all runs but money",
	 NULL},
	{"chain-id", CONFIG_INT, ROW(paid_chain_id), "0", NULL, 0, INT64_MAX / 1000, "NUMBER",
	 "which chain that is; the file of --addresses says it too, and is to say the same", NULL},
	{"addresses", CONFIG_STRING, ROW(addresses), NULL, NULL, 0, 0, "FILE",
	 "with --chain: where the contracts are, on which chain, as vcli chain deploy has written it", NULL},
	{"confirmations", CONFIG_INT, ROW(confirmations), "3", NULL, 1, 1000, "NUMBER",
	 "with --chain: how many blocks behind one it is taken for final", NULL},
	{"unpaid-time", CONFIG_DURATION, ROW(unpaid_ms), "5m", NULL, 0, 0, "TIME",
	 "with --chain: how long an order may go on before its escrow is in the chain, 10s to 24h; then it is stopped",
	 NULL},
	{"least-budget", CONFIG_STRING, ROW(least_budget), "1 wei", NULL, 0, 0, "AMOUNT",
	 "with --chain: an order whose escrow is smaller is not paid for (\"0.01 ether\")", NULL},
	{"listen", CONFIG_STRING, ROW(listen), "127.0.0.1:8640", NULL, 0, 0, "ADDRESS:PORT",
	 "where calls come in (POST /rpc), on the loopback interface; port 0 picks a free one", front_check_listen},
	{"url", CONFIG_STRING, ROW(url), NULL, NULL, 0, 0, "URL",
	 "where callers reach this dsnd, as another one that shares the database tells them when this one leads; without it http:// and --listen",
	 check_url},
	{"callers", CONFIG_STRING, ROW(callers), NULL, NULL, 0, 0, "FILE",
	 "0600 file of who may call, a line each: ADDRESS ROLE[,ROLE...] TOKEN; roles are customer, supplier, operator; with - for TOKEN he logs in with his key",
	 NULL},
	{"public-url", CONFIG_STRING, ROW(public_url), NULL, NULL, 0, 0, "URL",
	 "where clients find this dsnd, https://HOST[:PORT], as the server with TLS in front of it has it: logins name it; without it http:// and --listen",
	 check_public_url},
	{"media-network", CONFIG_LIST, ROW(media_networks), NULL, NULL, 0, 0, "NETWORK",
	 "192.168.0.0/16, fd00::/8: storages in it are asked for their playlists too, although its addresses are not public; without --public-url all but link-local ones are",
	 NULL},
	{"public-bus", CONFIG_STRING, ROW(public_bus), NULL, NULL, 0, 0, "URL",
	 "the bus as others reach it, told by network.describe; without it --bus, without its user", bus_check_url},
	{"open-login", CONFIG_BOOL, ROW(open_login), "no", NULL, 0, 0, NULL,
	 "any address that logs in is a customer; otherwise those of --callers are, and owners of nodes are suppliers",
	 NULL},
	{"login-time", CONFIG_DURATION, ROW(login_ms), "12h", NULL, 0, 0, "TIME", "how long a login holds, 1m to 720h",
	 NULL},
	{"login-chain-id", CONFIG_INT, ROW(chain_id), "1", NULL, 1, INT64_MAX / 1000, "NUMBER",
	 "the chain that a login's message names: a wallet shows it, and some sign for the one that they are on only",
	 NULL},
	{"services", CONFIG_LIST, ROW(services), NULL, NULL, 0, 0, "NAME",
	 "host only these services (registry, jobs, play, sessions, mail, payments); without it all", NULL},
	{"peer", CONFIG_LIST, ROW(peers), NULL, NULL, 0, 0, "SERVICE=URL",
	 "where another dsnd of this network hosts this service, jobs=http://127.0.0.1:8642: calls of it go there; needs --peer-token-file, and --store on a PostgreSQL server, which all of them share",
	 NULL},
	{"peer-token-file", CONFIG_STRING, ROW(peer_token_file), NULL, NULL, 0, 0, "FILE",
	 "0600 file with the token, 16 to 128 letters, that the dsnd of this network show each other: who has it is believed in whose name he calls",
	 NULL},
	{"start-timeout", CONFIG_DURATION, ROW(start_ms), "30s", NULL, 0, 0, "TIME",
	 "how long the nodes of an order may take until all serve, 1s to 2m; then it has failed", NULL},
	{"least-version", CONFIG_STRING, ROW(least_version), NULL, NULL, 0, 0, "VERSION",
	 "agents of an older version, or that do not say theirs, get no work (1.2.3)", check_version},
	{"suggested-version", CONFIG_STRING, ROW(suggested_version), NULL, NULL, 0, 0, "VERSION",
	 "the version that agents should have (1.2.3), told to who asks; without it this one's", check_version},
	{"ready-file", CONFIG_STRING, ROW(ready_file), NULL, NULL, 0, 0, "FILE",
	 "JSON file written when all is open: address, port, token_file, pid; removed at the end", NULL},
	{"backup", CONFIG_STRING, ROW(backup), NULL, NULL, 0, 0, "FILE",
	 "copy the database into this new file, also while dsnd runs, check it, and end", NULL},
	{"restore", CONFIG_STRING, ROW(restore), NULL, NULL, 0, 0, "FILE",
	 "put this copy in the place of the database, which no dsnd may use then, keep what was there, and end", NULL},
	{"print-reference", CONFIG_BOOL, ROW(print_reference), "no", NULL, 0, 0, NULL,
	 "print the methods as a page (docs/rpc.md), and end", NULL},
	{"log-level", CONFIG_CHOICE, ROW(log_level), "info", "error|warn|info|debug", 0, 0, NULL, "least level logged",
	 NULL},
};

static const struct config_program program = {
	.name = "dsnd",
	.synopsis = "dsnd [options]",
	.about =
		"Runs a video network: hears which nodes there are, takes orders (JSON-RPC over HTTP), picks nodes for them and starts them over the bus. SIGTERM ends it; streams go on.",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.default_file = "/etc/dsn/dsnd.conf",
};

static struct error *copy_database(const void *ctx, const struct dsnd_settings *s)
{
	char *before = NULL;

	if (s->backup && s->restore)
		return error_new(ERROR_INVALID, "--backup and --restore: one of them, please");
	if (s->backup) {
		TRY(dsnd_backup(s));
		printf("%s: whole, and checked; it has keys of streams in it\n", s->backup);
		return NULL;
	}
	TRY(dsnd_restore(ctx, s, &before));
	printf("restored from %s; what was there is %s\n", s->restore, before);
	return NULL;
}

/* The event log of a file is its process's alone. */
static struct error *check_peers(const struct dsnd_settings *s)
{
	bool shared = s->store && postgres_is_url(s->store);

	for (char **word = s->peers; word && *word; word++) {
		struct error *e = remotes_check(*word);

		if (e)
			return error_wrap(e, "--peer");
	}
	if (s->peers && *s->peers && !s->peer_token_file)
		return error_new(ERROR_INVALID,
				 "--peer: --peer-token-file too, please: the others call nobody without");
	if (s->peer_token_file && !shared)
		return error_new(
			ERROR_INVALID,
			"--peer-token-file: services in processes of their own share a PostgreSQL server, --store postgresql://...; with a file one dsnd hosts all of them");
	return NULL;
}

static struct error *prepare(const void *ctx, void *arg, bool *ret_done)
{
	struct dsnd_settings *s = arg;

	if (s->print_reference) {
		fputs(describe_reference(ctx, dsnd_services), stdout);
		*ret_done = true;
		return NULL;
	}
	if (s->backup || s->restore) {
		*ret_done = true;
		return copy_database(ctx, s);
	}
	if (s->start_ms < START_LEAST_MS || s->start_ms > START_MOST_MS)
		return error_new(ERROR_INVALID, "--start-timeout: 1s to 2m, please");
	if (s->login_ms < LOGIN_LEAST_MS || s->login_ms > LOGIN_MOST_MS)
		return error_new(ERROR_INVALID, "--login-time: 1m to 720h, please");
	if (s->unpaid_ms < UNPAID_LEAST_MS || s->unpaid_ms > UNPAID_MOST_MS)
		return error_new(ERROR_INVALID, "--unpaid-time: 10s to 24h, please");
	if (s->lease_ms < LEAD_LEAST_MS || s->lease_ms > LEAD_MOST_MS)
		return error_new(ERROR_INVALID, "--lease: 1500ms to 5m, please");
	if (s->keep_ms < EVENTS_SILENT_MIN_MS || s->keep_ms > KEEP_MOST_MS)
		return error_new(ERROR_INVALID, "--keep-events: 2h to 87600h, please");
	TRY(check_peers(s));
	s->client.passphrase.unattended = true;
	return NULL;
}

static struct error *open_dsnd(const void *ctx, struct daemon *d, const void *settings, void **ret_state)
{
	struct dsnd *dsnd = NULL;

	TRY(dsnd_open(ctx, daemon_loop(d), settings, &dsnd));
	*ret_state = dsnd;
	return NULL;
}

static struct error *ready(const void *ctx, const void *settings, void *state)
{
	const struct dsnd_settings *s = settings;
	const struct dsnd *d = state;
	char *text = mem_printf(ctx, "{\"address\":\"%s\",\"port\":%d,\"token_file\":\"%s\",\"pid\":%ld}\n", d->id,
				front_port(d->front), d->token_file, (long)getpid());

	log_info("dsnd.ready", "manager=%s port=%d token=%s hint=%s", d->id, front_port(d->front), log_q(d->token_file),
		 log_q("agents obey it when they run with --manager and this address"));
	return s->ready_file ? file_write_atomic(s->ready_file, text, strlen(text), 0644) : NULL;
}

static void stop(struct daemon *d, void *state)
{
	(void)state;
	daemon_end(d, 0);
}

static void closed(const void *arg, void *state)
{
	const struct dsnd_settings *s = arg;

	(void)state;
	if (s->ready_file)
		error_free(file_remove(s->ready_file));
}

static const struct daemon_kind kind = {
	.program = &program,
	.log_name = "dsnd",
	.log_level_offset = ROW(log_level),
	.prepare = prepare,
	.open = open_dsnd,
	.ready = ready,
	.stop = stop,
	.closed = closed,
};

int main(int argc, char **argv)
{
	struct dsnd_settings settings = {0};

	return daemon_main(argc, argv, &kind, &settings);
}
