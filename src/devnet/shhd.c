#include "devnet/shhd.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

#define FILE_LIMIT 65536
#define PORT_MAX 65535

static const char *const fixed[] = {"--address", "127.0.0.1", "--port", "0", "--rpc-port", "0"};
#define FIXED (sizeof(fixed) / sizeof(fixed[0]))
#define MOST_WORDS (FIXED + 12)

const char *const *devnet_shhd_argv(const void *ctx, const struct devnet_shhd *s)
{
	const char **argv = mem_array(ctx, const char *, MOST_WORDS);
	size_t n = 0;

	argv[n++] = s->program;
	argv[n++] = "--data-dir";
	argv[n++] = file_join(ctx, s->folder, "data");
	argv[n++] = "--ready-file";
	argv[n++] = file_join(ctx, s->folder, "ready.json");
	for (size_t i = 0; i < FIXED; i++)
		argv[n++] = fixed[i];
	argv[n++] = "--max-peers";
	argv[n++] = mem_printf(ctx, "%d", s->max_peers);
	if (s->bootnode) {
		argv[n++] = "--bootnodes";
		argv[n++] = s->bootnode;
	}
	if (!s->discovery)
		argv[n++] = "--no-discovery";
	return argv;
}

struct error *devnet_shhd_find(const void *ctx, char **ret_program)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		return error_sys(errno, "/proc/self/exe");
	path[n] = '\0';
	*ret_program = file_join(ctx, dirname(path), "shhd");
	if (!file_exists(*ret_program))
		*ret_program = mem_strdup(ctx, "shhd");
	return NULL;
}

bool devnet_shhd_ready(const void *ctx, const char *folder, int *ret_rpc_port, char **ret_enode)
{
	char *path = file_join(NULL, folder, "ready.json");
	json_t *document = NULL;
	struct error *e = json_parse_file(path, FILE_LIMIT, &document);
	const char *enode = json_string_value(json_object_get(document, "enode"));
	json_int_t port = json_integer_value(json_object_get(document, "rpc_port"));
	bool ready = !e && enode && port > 0 && port <= PORT_MAX;

	if (ready) {
		*ret_rpc_port = (int)port;
		*ret_enode = mem_strdup(ctx, enode);
	}
	json_decref(document);
	error_free(e);
	mem_free(path);
	return ready;
}
