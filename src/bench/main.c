#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "bench/bench.h"

/* Every benchmark there is. */
static const struct bench benches[] = {
	{"amqp", bench_amqp, "confirmed 1 KB commands per second, ours against a bare rabbitmq-c loop"},
	{"seal", bench_seal, "microseconds of sealing and opening a message, part by part"},
	{"client", bench_client, "microseconds of a request to an agent, over one link and with a link for each"},
	{"pipeline", bench_pipeline, "start of six warm nodes until all serve"},
	{"agent", bench_agent, "resident memory of an idle agent, and the size of its program"},
	{"media", bench_media, "CPU seconds of one ladder node against a transcoder for each rendition"},
	{"shh", bench_shh, "Whisper nodes: round trips, networks, memory and floods, shhd beside go-ethereum"},
	{"pow", bench_pow, "hashes per second of Whisper's proof of work, per core, over all cores"},
	{"placement", bench_placement, "orders a second that find their nodes in a fleet of thousands"},
	{"tps", bench_tps, "transactions a second on a proof-of-authority chain, beside the limit of its blocks"},
	{"fleet", bench_fleet, "one dsnd and one broker under 100, 1,000 and 10,000 simulated nodes"},
};
#define BENCH_COUNT (sizeof(benches) / sizeof(benches[0]))

static void print_help(FILE *out)
{
	fputs("dsn-bench NAME [options]\n\n", out);
	for (size_t i = 0; i < BENCH_COUNT; i++)
		fprintf(out, "  %-10s %s\n", benches[i].name, benches[i].help);
	fputs("\nEach prints a table, or one JSON object with --json; dsn-bench NAME --help names its options.\n", out);
}

int main(int argc, char **argv)
{
	mem_init();
	if (argc >= 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))) {
		print_help(stdout);
		return 0;
	}
	if (argc >= 2 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "version"))) {
		puts("dsn-bench " DSN_VERSION);
		return 0;
	}
	for (size_t i = 0; argc >= 2 && i < BENCH_COUNT; i++) {
		struct error *e;
		int code;

		if (strcmp(argv[1], benches[i].name))
			continue;
		e = benches[i].run(argc - 1, argv + 1);
		if (!e)
			return 0;
		fprintf(stderr, "dsn-bench: %s\n", e->message);
		code = error_exit_code(e);
		error_free(e);
		return code;
	}
	print_help(stderr);
	return 2;
}
