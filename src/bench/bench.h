/* dsn-bench: measurements, one row each in main.c. A benchmark reads its own options, prints a table, and one JSON
 * object instead with --json (all values are strings). */
#ifndef DSN_BENCH_BENCH_H
#define DSN_BENCH_BENCH_H

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"

struct bench {
	const char *name;
	/* argv[0] is the benchmark's name. Prints its results itself. */
	struct error *(*run)(int argc, char **argv);
	const char *help; /* one sentence */
};

struct error *bench_amqp(int argc, char **argv) MUST_CHECK;
struct error *bench_seal(int argc, char **argv) MUST_CHECK;
struct error *bench_client(int argc, char **argv) MUST_CHECK;
struct error *bench_pipeline(int argc, char **argv) MUST_CHECK;
struct error *bench_agent(int argc, char **argv) MUST_CHECK;
struct error *bench_media(int argc, char **argv) MUST_CHECK;
struct error *bench_shh(int argc, char **argv) MUST_CHECK;
struct error *bench_placement(int argc, char **argv) MUST_CHECK;
struct error *bench_pow(int argc, char **argv) MUST_CHECK;
struct error *bench_tps(int argc, char **argv) MUST_CHECK;
struct error *bench_fleet(int argc, char **argv) MUST_CHECK;

/* Median of n > 0 values; sorts them. */
double bench_median(double *values, size_t n);
/* obj[key] = "x.y" with that many decimals. */
void bench_put(json_t *obj, const char *key, double value, int decimals);
/* One line on stdout; takes the reference. */
void bench_print_json(json_t *value);

#endif
