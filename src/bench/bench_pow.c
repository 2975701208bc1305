/* Proof of work: nonces tried per second of processor time by each kind of lanes, per second over all cores by the
 * miner, and how long requests take that find it asleep. Medians. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/config.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bench/bench.h"
#include "whisper/pow.h"

#define MAX_ROUNDS 99
#define MAX_KINDS 8
#define REQUESTS 200
#define NEVER_BITS 200 /* no nonce has that many */
#define STRETCH 4096   /* nonces between looks at the clock */
#define PATIENCE_MS 600000

struct settings {
	int64_t rounds, time_ms, size, bits, threads;
	bool json;
};

static const struct config_row rows[] = {
	{"rounds", CONFIG_INT, offsetof(struct settings, rounds), "5", NULL, 1, MAX_ROUNDS, "N",
	 "measurements of each case; the median counts", NULL},
	{"time", CONFIG_DURATION, offsetof(struct settings, time_ms), "300ms", NULL, 0, 0, "TIME",
	 "length of one measurement", NULL},
	{"size", CONFIG_INT, offsetof(struct settings, size), "284", NULL, 0, WHISPER_MESSAGE_DEFAULT, "BYTES",
	 "an envelope's data", NULL},
	{"bits", CONFIG_INT, offsetof(struct settings, bits), "12", NULL, 1, 24, "N",
	 "zero bits of the requests that are timed; 12: PoW 0.2 for 284 bytes and 50 s", NULL},
	{"threads", CONFIG_INT, offsetof(struct settings, threads), "0", NULL, 0, 1024, "N",
	 "the miner's threads; 0: one for each core", NULL},
	{"json", CONFIG_BOOL, offsetof(struct settings, json), NULL, NULL, 0, 0, NULL, "print one JSON object", NULL},
};

static const struct config_program program = {
	.name = "dsn-bench",
	.synopsis = "dsn-bench pow [options]",
	.about =
		"Whisper's proof of work: hashes per second per core and kind of lanes, over all cores, and the time of small requests.",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};

static const char *const rule_names[POW_RULES] = {[POW_EIP627] = "eip627", [POW_LEGACY] = "legacy"};

struct pow_measure {
	const struct settings *settings;
	uv_loop_t loop;
	struct miner *miner;
	uint8_t *data;
	bool is_done;
	size_t kinds;
	/* millions per second */
	double core[MAX_KINDS][POW_RULES][MAX_ROUNDS];
	/* over all threads: per second, and per second of the processor time they got */
	double all[POW_RULES][MAX_ROUNDS], all_cpu[POW_RULES][MAX_ROUNDS];
	/* of requests of one bit, and of the bits asked for; us */
	double wake_us[REQUESTS], request_us[REQUESTS];
};

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Processor time, so that what else the machine does is not counted. */
static double core_rate(const struct pow_measure *m, const struct keccak_lanes *lanes, enum pow_rule rule)
{
	static const uint8_t topic[TOPIC_BYTES] = {1, 2, 3, 4};
	size_t n;
	uint8_t *rlp = pow_short(NULL, 1600000000, 50, topic, m->data, (size_t)m->settings->size, &n);
	struct pow_scan *s = pow_scan_new(rlp, rule, rlp, n, lanes);
	double from = seconds(CLOCK_THREAD_CPUTIME_ID), took;
	uint64_t tried = 0, nonce;
	unsigned bits;

	do {
		pow_scan_find(s, tried, STRETCH, NEVER_BITS, &nonce, &bits);
		tried += STRETCH;
		took = seconds(CLOCK_THREAD_CPUTIME_ID) - from;
	} while (took * 1000 < (double)m->settings->time_ms);
	mem_free(rlp);
	return (double)tried / took / 1e6;
}

static void on_done(struct error *e, uint64_t nonce, int64_t took_us, void *arg)
{
	struct pow_measure *m = arg;

	(void)nonce;
	(void)took_us;
	m->is_done = true;
	error_free(e);
}

static void request(struct pow_measure *m, enum pow_rule rule, unsigned bits, int64_t deadline_ms)
{
	static uint32_t expiry = 1600000000;
	struct pow_request r = {.rule = rule,
				.target_bits = bits,
				.deadline_ms = deadline_ms,
				.expiry = expiry,
				.ttl = 50,
				.topic = {1, 2, 3, 4},
				.data = m->data,
				.data_bytes = (size_t)m->settings->size};

	expiry++;
	m->is_done = false;
	miner_start(m->miner, m->miner, &r, on_done, m);
	while (!m->is_done)
		uv_run(&m->loop, UV_RUN_ONCE);
}

static void run_miner(struct pow_measure *m, enum pow_rule rule, size_t round)
{
	double from = seconds(CLOCK_MONOTONIC), cpu_from = seconds(CLOCK_PROCESS_CPUTIME_ID), tried;
	uint64_t before = miner_hashes(m->miner);

	request(m, rule, NEVER_BITS, m->settings->time_ms);
	tried = (double)(miner_hashes(m->miner) - before) / 1e6;
	m->all[rule][round] = tried / (seconds(CLOCK_MONOTONIC) - from);
	m->all_cpu[rule][round] = tried / (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_from);
}

/* From the request until the callback, on an idle miner. */
static double request_us(struct pow_measure *m, unsigned bits)
{
	double from = seconds(CLOCK_MONOTONIC);

	request(m, POW_EIP627, bits, PATIENCE_MS);
	return (seconds(CLOCK_MONOTONIC) - from) * 1e6;
}

static void run_all(struct pow_measure *m)
{
	const struct keccak_lanes *const *kinds = keccak_lanes_all();

	for (m->kinds = 0; kinds[m->kinds] && m->kinds < MAX_KINDS;)
		m->kinds++;
	for (int64_t round = 0; round < m->settings->rounds; round++) {
		for (int rule = 0; rule < POW_RULES; rule++) {
			for (size_t i = 0; i < m->kinds; i++)
				m->core[i][rule][round] = core_rate(m, kinds[i], (enum pow_rule)rule);
			run_miner(m, (enum pow_rule)rule, (size_t)round);
		}
	}
	for (size_t i = 0; i < REQUESTS; i++) {
		m->wake_us[i] = request_us(m, 1);
		m->request_us[i] = request_us(m, (unsigned)m->settings->bits);
	}
}

static unsigned thread_count(const struct settings *s)
{
	return s->threads ? (unsigned)s->threads : uv_available_parallelism();
}

static void print_table(struct pow_measure *m)
{
	const struct settings *s = m->settings;
	size_t rounds = (size_t)s->rounds;

	printf("million hashes per second, data of %" PRId64 " bytes, median of %zu\n", s->size, rounds);
	printf("%-22s %10s %10s\n", "", rule_names[POW_EIP627], rule_names[POW_LEGACY]);
	for (size_t i = 0; i < m->kinds; i++)
		printf("one core, %-12s %10.2f %10.2f\n", keccak_lanes_all()[i]->name,
		       bench_median(m->core[i][POW_EIP627], rounds), bench_median(m->core[i][POW_LEGACY], rounds));
	printf("miner, %2u threads      %10.2f %10.2f\n", thread_count(s), bench_median(m->all[POW_EIP627], rounds),
	       bench_median(m->all[POW_LEGACY], rounds));
	printf("%-22s %10.2f %10.2f\n", "miner, per CPU second", bench_median(m->all_cpu[POW_EIP627], rounds),
	       bench_median(m->all_cpu[POW_LEGACY], rounds));
	printf("request on an idle miner: %.0f us for 1 bit, %.0f us for %" PRId64 " bits, median of %d\n",
	       bench_median(m->wake_us, REQUESTS), bench_median(m->request_us, REQUESTS), s->bits, REQUESTS);
}

static json_t *rates(double (*by_rule)[MAX_ROUNDS], size_t rounds)
{
	json_t *row = json_object();

	for (int rule = 0; rule < POW_RULES; rule++)
		bench_put(row, rule_names[rule], bench_median(by_rule[rule], rounds), 3);
	return row;
}

static void print_json(struct pow_measure *m)
{
	const struct settings *s = m->settings;
	size_t rounds = (size_t)s->rounds;
	json_t *o = json_object(), *core = json_object();

	json_put(o, "bench", "pow");
	json_put_decimal(o, "data_bytes", s->size);
	json_put_decimal(o, "rounds", s->rounds);
	for (size_t i = 0; i < m->kinds; i++)
		json_object_set_new(core, keccak_lanes_all()[i]->name, rates(m->core[i], rounds));
	json_object_set_new(o, "million_per_second_per_core", core);
	json_put(o, "miner_lanes", keccak_lanes_best()->name);
	json_put_decimal(o, "miner_threads", thread_count(s));
	json_object_set_new(o, "miner_million_per_second", rates(m->all, rounds));
	json_object_set_new(o, "miner_million_per_cpu_second", rates(m->all_cpu, rounds));
	bench_put(o, "wake_us", bench_median(m->wake_us, REQUESTS), 0);
	json_put_decimal(o, "request_bits", s->bits);
	bench_put(o, "request_us", bench_median(m->request_us, REQUESTS), 0);
	bench_print_json(o);
}

struct error *bench_pow(int argc, char **argv)
{
	struct pow_measure *m = mem_new(NULL, struct pow_measure);
	struct settings s = {0};
	bool done = false;
	struct error *e;
	char **words;

	e = config_load(m, &program, argc, argv, &s, &words, &done);
	if (e || done) {
		mem_free(m);
		return e;
	}
	m->settings = &s;
	m->data = mem_array(m, uint8_t, (size_t)s.size);
	uv_loop_init(&m->loop);
	m->miner = miner_new(m, &m->loop, (unsigned)s.threads);
	run_all(m);
	if (s.json)
		print_json(m);
	else
		print_table(m);
	mem_free(m->miner);
	loop_drain(&m->loop);
	uv_loop_close(&m->loop);
	mem_free(m);
	return NULL;
}
