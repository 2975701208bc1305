/* What an idle agent costs: resident memory without and with a node, and the size of its program. */
#include <elf.h>
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
#include "bench/fleet.h"

#define GOAL_BYTES (16 * 1024 * 1024)
#define MIB (1024.0 * 1024.0)
#define STEADY_MS 5000
#define PATIENCE_MS 30000

struct settings {
	char *bus, *password_file, *ca_file;
	bool json;
};

static const struct config_row rows[] = {
	{"bus", CONFIG_STRING, offsetof(struct settings, bus), NULL, NULL, 0, 0, "URL", "The broker to measure with.",
	 NULL},
	{"password-file", CONFIG_STRING, offsetof(struct settings, password_file), NULL, NULL, 0, 0, "FILE",
	 "Its password, in a file of mode 0600.", NULL},
	{"ca-file", CONFIG_STRING, offsetof(struct settings, ca_file), NULL, NULL, 0, 0, "FILE",
	 "amqps: whom to trust.", NULL},
	{"json", CONFIG_BOOL, offsetof(struct settings, json), NULL, NULL, 0, 0, NULL, "Print one JSON object.", NULL},
};

static const struct config_program program = {
	.name = "dsn-bench",
	.synopsis = "dsn-bench agent --bus URL [options]",
	.about = "Resident memory of an idle dsn-agent with no node and with one, and the size of its program.",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
};

struct memory {
	int64_t resident, anonymous, file; /* bytes */
};

static int64_t field(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? strtoll(at + strlen(name), NULL, 10) * 1024 : 0;
}

static struct error *read_memory(const void *ctx, pid_t pid, struct memory *ret_memory)
{
	char path[64], *text = NULL;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	TRY(file_read(ctx, path, 65536, &text, NULL));
	ret_memory->resident = field(text, "VmRSS:");
	ret_memory->anonymous = field(text, "RssAnon:");
	ret_memory->file = field(text, "RssFile:");
	mem_free(text);
	return NULL;
}

/* Idle: nothing has changed for five seconds (the agent gives memory back three after its start), or it never rests and
 * the last value counts. */
static struct error *idle_memory(const void *ctx, pid_t pid, struct memory *ret_memory)
{
	int64_t began_ms = clock_mono_ms(), since_ms = began_ms;
	struct memory last = {0}, now = {0};

	while (clock_mono_ms() - since_ms < STEADY_MS && clock_mono_ms() - began_ms < PATIENCE_MS) {
		TRY(read_memory(ctx, pid, &now));
		if (now.resident != last.resident)
			since_ms = clock_mono_ms();
		last = now;
		usleep(100000);
	}
	*ret_memory = last;
	return NULL;
}

/* The file, and what of it is loaded: without what only debuggers read. */
static struct error *program_size(struct fleet *f, int64_t *ret_file, int64_t *ret_loaded)
{
	char *bytes = NULL;
	size_t len = 0;
	const Elf64_Ehdr *head = NULL;

	TRY(file_read(f, fleet_program(f, "dsn-agent"), (size_t)256 << 20, &bytes, &len));
	head = (const Elf64_Ehdr *)bytes;
	*ret_file = (int64_t)len;
	*ret_loaded = 0;
	if (len < sizeof(*head) || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 ||
	    head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_phentsize != sizeof(Elf64_Phdr) || head->e_phoff > len ||
	    (len - head->e_phoff) / sizeof(Elf64_Phdr) < head->e_phnum) {
		mem_free(bytes);
		return NULL;
	}
	for (size_t i = 0; i < head->e_phnum; i++) {
		Elf64_Phdr ph;

		memcpy(&ph, bytes + head->e_phoff + i * sizeof(ph), sizeof(ph));
		if (ph.p_type == PT_LOAD)
			*ret_loaded += (int64_t)ph.p_filesz;
	}
	mem_free(bytes);
	return NULL;
}

static void print_row(const char *what, const struct memory *m)
{
	printf("  %-14s %5.1f MiB   %5.1f MiB    %5.1f MiB\n", what, (double)m->resident / MIB,
	       (double)m->anonymous / MIB, (double)m->file / MIB);
}

static json_t *memory_json(const struct memory *m)
{
	json_t *o = json_object();

	json_put_decimal(o, "resident_bytes", m->resident);
	json_put_decimal(o, "anonymous_bytes", m->anonymous);
	json_put_decimal(o, "file_bytes", m->file);
	return o;
}

static void report(const struct settings *s, const struct memory *none, const struct memory *one, int64_t file,
		   int64_t loaded)
{
	bool met = none->resident <= GOAL_BYTES;
	json_t *o = NULL;

	if (!s->json) {
		printf("dsn-agent, idle\n\n  nodes          resident    anonymous    mapped files\n");
		print_row("none", none);
		print_row("one", one);
		printf("  goal: <= %.0f MiB resident without a node  %s\n\n", GOAL_BYTES / MIB, met ? "met" : "MISSED");
		printf("  program: %.0f KiB loaded, %.0f KiB with what debuggers read\n", (double)loaded / 1024,
		       (double)file / 1024);
		return;
	}
	o = json_object();
	json_put(o, "bench", "agent");
	json_object_set_new(o, "no_node", memory_json(none));
	json_object_set_new(o, "one_node", memory_json(one));
	json_put_decimal(o, "program_bytes", file);
	json_put_decimal(o, "program_loaded_bytes", loaded);
	json_put_decimal(o, "goal_bytes", GOAL_BYTES);
	json_put(o, "met", met ? "yes" : "no");
	bench_print_json(o);
}

static struct error *measure(struct fleet *f, const struct settings *s)
{
	struct memory none = {0}, one = {0};
	int64_t file = 0, loaded = 0;
	json_t *answer = NULL;
	const char *node = NULL;
	pid_t pid = 0;

	TRY(fleet_new_id(f, &node));
	TRY(fleet_start_agent(f, (const char *const[]){node, NULL}, &pid));
	TRY(idle_memory(f, pid, &none));
	TRY(fleet_vcli(f, (const char *const[]){"node", "create", "storage", node, NULL}, NULL, &answer));
	json_decref(answer);
	TRY(idle_memory(f, pid, &one));
	TRY(program_size(f, &file, &loaded));
	report(s, &none, &one, file, loaded);
	return NULL;
}

struct error *bench_agent(int argc, char **argv)
{
	void *scope = mem_new(NULL, char);
	struct settings s = {0};
	struct fleet *f = NULL;
	char **words = NULL;
	bool done = false;
	struct error *e = config_load(scope, &program, argc, argv, &s, &words, &done);

	if (!e && !done) {
		const struct fleet_options options = {s.bus, s.password_file, s.ca_file};

		e = fleet_new(&options, &f);
		if (!e) {
			e = measure(f, &s);
			fleet_end(f);
		}
	}
	mem_free(scope);
	return e;
}
