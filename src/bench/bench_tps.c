/* Transactions a second on a chain, beside what its blocks can hold. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "bench/geth_net.h"
#include "bench/tps_plot.h"
#include "chain/txbox.h"
#include "crypto/keyfile.h"
#include "crypto/secret.h"
#include "devnet/load.h"

#define DOWN_MS 5000      /* the killed endpoint stays away */
#define DRAIN_MS 180000   /* for what is under way at the end */
#define RATE_GOAL 800     /* calls a second, on Clique with 23 M gas a second */
#define RATE_GAS 23000000 /* the goal is for */

struct tps_settings {
	char *geth, *rpc, *key_file, *passphrase_file, *plot;
	int64_t sealers, gas_limit, period, seconds, accounts, window, confirmations;
	bool kill_endpoint, json;
};

static const struct config_row rows[] = {
	{"geth", CONFIG_STRING, offsetof(struct tps_settings, geth), NULL, NULL, 0, 0, "PROGRAM",
	 "geth 1.9.20, which scripts/geth builds: a chain of one's own is made with it", NULL},
	{"sealers", CONFIG_INT, offsetof(struct tps_settings, sealers), "3", NULL, 1, GETH_SEALERS, "N",
	 "of that chain", NULL},
	{"gas-limit", CONFIG_INT, offsetof(struct tps_settings, gas_limit), "23000000", NULL, 1000000, 1000000000,
	 "GAS", "of its blocks", NULL},
	{"period", CONFIG_INT, offsetof(struct tps_settings, period), "1", NULL, 1, 60, "SECONDS", "between its blocks",
	 NULL},
	{"kill-endpoint", CONFIG_BOOL, offsetof(struct tps_settings, kill_endpoint), NULL, NULL, 0, 0, NULL,
	 "kill the node that is spoken to in the middle, and start it again five seconds later", NULL},
	{"rpc", CONFIG_STRING, offsetof(struct tps_settings, rpc), NULL, NULL, 0, 0, "URL",
	 "a chain that is there already, instead", NULL},
	{"key-file", CONFIG_STRING, offsetof(struct tps_settings, key_file), NULL, NULL, 0, 0, "FILE",
	 "the account that pays there: a keystore file, or a key's digits in a file of mode 0600", NULL},
	{"passphrase-file", CONFIG_STRING, offsetof(struct tps_settings, passphrase_file), NULL, NULL, 0, 0, "FILE",
	 "of the keystore file, mode 0600", NULL},
	{"seconds", CONFIG_INT, offsetof(struct tps_settings, seconds), "60", NULL, 1, 3600, "N", "to go on", NULL},
	{"accounts", CONFIG_INT, offsetof(struct tps_settings, accounts), "16", NULL, 1, LOAD_ACCOUNTS, "N",
	 "that call", NULL},
	{"window", CONFIG_INT, offsetof(struct tps_settings, window), "320", NULL, 1, 100000, "N",
	 "transactions of each account under way, at most", NULL},
	{"confirmations", CONFIG_INT, offsetof(struct tps_settings, confirmations), "2", NULL, 1, 1000, "BLOCKS",
	 "that make a transaction final", NULL},
	{"plot", CONFIG_STRING, offsetof(struct tps_settings, plot), NULL, NULL, 0, 0, "FILE.svg",
	 "mined and pending over time", NULL},
	{"json", CONFIG_BOOL, offsetof(struct tps_settings, json), NULL, NULL, 0, 0, NULL, "print one JSON object",
	 NULL},
};

static const struct config_program program = {
	.name = "dsn-bench",
	.synopsis = "dsn-bench tps --geth PROGRAM | --rpc URL --key-file FILE [options]",
	.about =
		"Calls of the Counter a second, sustained, beside what the chain's blocks can hold: on a Clique chain of its own, or on a given one. Then: is anything lost, or done twice?",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};

struct tps {
	struct tps_settings set;
	uv_loop_t loop;
	struct geth_net *net;            /* NULL: a given chain */
	char *folder;                    /* of the outbox */
	int64_t killed_ms, restarted_ms; /* since the first block with calls; 0: not yet */
	struct tps_plot_mark marks[2];
	size_t mark_count;
	int64_t net_cpu_ms;
};

static void mark(struct tps *t, const char *word)
{
	t->marks[t->mark_count++] = (struct tps_plot_mark){clock_wall_ms(), word};
}

/* Kills and restarts the endpoint when it is time. */
static struct error *on_tick(const struct load_state *s, void *arg)
{
	struct tps *t = arg;

	if (!t->set.kill_endpoint)
		return NULL;
	if (!t->killed_ms && s->since_ms >= t->set.seconds * 500) {
		geth_net_kill(t->net, 0);
		t->killed_ms = clock_mono_ms();
		mark(t, "endpoint killed");
	} else if (t->killed_ms && !t->restarted_ms && clock_mono_ms() - t->killed_ms >= DOWN_MS) {
		TRY(geth_net_restart(t->net, 0));
		t->restarted_ms = clock_mono_ms();
		mark(t, "and started");
	}
	return NULL;
}

static struct error *load(struct tps *t, const char *url, const struct secp_key *payer, struct load_result **ret_result)
{
	const struct rpc_config rpc_config = {.urls = &url, .url_count = 1, .answer_ms = 20000, .give_up_ms = 60000};
	struct load_config config = {.payer = payer,
				     .accounts = (size_t)t->set.accounts,
				     .window = (size_t)t->set.window,
				     .confirmations = (uint64_t)t->set.confirmations,
				     .seconds = t->set.seconds,
				     .drain_ms = DRAIN_MS,
				     .tick = on_tick,
				     .arg = t,
				     .interrupted = &geth_net_interrupted};
	void *scope = mem_new(t, char);
	int64_t cpu_ms = t->net ? geth_net_cpu_ms(t->net) : 0;
	struct error *e = rpc_open(scope, &t->loop, &rpc_config, &config.rpc);

	if (!e)
		e = db_open(scope, file_join(scope, t->folder, "outbox.db"), &txbox_database, &config.db);
	if (!e)
		e = load_run(t, &t->loop, &config, ret_result);
	t->net_cpu_ms = t->net ? geth_net_cpu_ms(t->net) - cpu_ms : 0;
	mem_free(scope);
	return e;
}

/* --- telling --- */

static bool met(const struct tps *t, const struct load_result *r)
{
	return t->set.kill_endpoint ? load_whole(r) : load_whole(r) && r->rate >= RATE_GOAL;
}

static bool has_goal(const struct tps *t, const struct load_result *r)
{
	return !r->interrupted && t->net && t->set.gas_limit == RATE_GAS && t->set.period == 1;
}

static void print_table(const struct tps *t, const struct load_result *r)
{
	double cores = (double)sysconf(_SC_NPROCESSORS_ONLN);

	load_print(stdout, r);
	printf("%-44s %10.2f   cores, of %.0f\n", "processor: dsn", (double)r->cpu_ms / (double)r->ran_ms, cores);
	if (t->net)
		printf("%-44s %10.2f   cores\n", "processor: the sealers", (double)t->net_cpu_ms / (double)r->ran_ms);
	if (has_goal(t, r))
		printf("%-44s %10s\n",
		       t->set.kill_endpoint ? "goal: nothing lost, nothing twice" : "goal: >= 800 a second",
		       met(t, r) ? "met" : "MISSED");
	printf("\n");
	load_print_blocks(stdout, r);
}

static void print_json(const struct tps *t, const struct load_result *r)
{
	json_t *o = json_object();

	json_put(o, "bench", "tps");
	json_put_decimal(o, "accounts", t->set.accounts);
	json_put_decimal(o, "window", t->set.window);
	json_put_decimal(o, "cores", sysconf(_SC_NPROCESSORS_ONLN));
	if (t->net) {
		json_put_decimal(o, "sealers", t->set.sealers);
		bench_put(o, "sealers_cpu_s", (double)t->net_cpu_ms / 1000, 2);
	}
	for (size_t i = 0; i < t->mark_count; i++)
		bench_put(o, i ? "endpoint_started" : "endpoint_killed", (double)t->marks[i].at_ms / 1000, 3);
	if (has_goal(t, r))
		json_put(o, "met", met(t, r) ? "yes" : "no");
	json_object_update_missing_new(o, load_json(r));
	bench_print_json(o);
}

static struct error *draw(const struct tps *t, const struct load_result *r)
{
	char *title = mem_printf(t, "%.0f calls a second of %.0f, over %" PRId64 " s", r->rate, r->limit, r->window_s);
	char *svg = tps_plot(t, r, title, t->marks, t->mark_count);

	return file_write_atomic(t->set.plot, svg, strlen(svg), 0644);
}

static struct error *tell(const struct tps *t, const struct load_result *r)
{
	(t->set.json ? print_json : print_table)(t, r);
	if (t->set.plot)
		TRY(draw(t, r));
	if (!load_whole(r))
		return error_new(ERROR_FAILED, "the chain does not have each call once");
	return r->interrupted ? error_new(ERROR_FAILED, "interrupted: fewer seconds than were asked for") : NULL;
}

/* --- one run --- */

static struct error *check(const struct tps_settings *s)
{
	if (!s->geth == !s->rpc)
		return error_new(ERROR_INVALID, "name either --geth PROGRAM (scripts/geth builds it) or --rpc URL");
	if (s->rpc && !s->key_file)
		return error_new(ERROR_INVALID, "--key-file is missing: the account that pays");
	if (s->rpc && s->kill_endpoint)
		return error_new(ERROR_INVALID, "--kill-endpoint: only a node that was started here, with --geth");
	return NULL;
}

static struct error *measure(struct tps *t)
{
	const struct passphrase_source source = {.file = t->set.passphrase_file, .unattended = true};
	struct secp_key payer = {{0}, {0}};
	struct load_result *result = NULL;
	char *url = t->set.rpc;
	struct error *e = NULL;

	if (t->set.geth) {
		const struct geth_net_settings settings = {t->set.geth, (size_t)t->set.sealers,
							   (uint64_t)t->set.gas_limit, t->set.period};

		TRY(geth_net_new(&t->loop, &settings, &t->net));
		url = geth_net_url(t, t->net, 0);
		payer = t->net->payer;
	} else {
		e = keyfile_read(t->set.key_file, &source, &payer);
	}
	if (!e)
		e = load(t, url, &payer, &result);
	secret_wipe(&payer, sizeof(payer));
	return e ? e : tell(t, result);
}

static struct error *run(struct tps *t)
{
	const char *tmp = getenv("TMPDIR");
	struct error *e;

	t->folder = mem_printf(t, "%s/dsn-bench.XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(t->folder))
		return error_new(ERROR_UNAVAILABLE, "%s: no folder could be made", t->folder);
	uv_loop_init(&t->loop);
	e = measure(t);
	if (t->net)
		geth_net_end(t->net);
	uv_run(&t->loop, UV_RUN_DEFAULT);
	uv_loop_close(&t->loop);
	error_free(file_remove_tree(t->folder));
	return e;
}

struct error *bench_tps(int argc, char **argv)
{
	struct tps *t = mem_new(NULL, struct tps);
	char **words = NULL;
	bool done = false;
	struct error *e = config_load(t, &program, argc, argv, &t->set, &words, &done);

	if (!e && !done)
		e = check(&t->set);
	if (!e && !done)
		e = run(t);
	mem_free(t);
	return e;
}
