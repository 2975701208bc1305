/* shhd as a node of a Whisper network of one's own: on ports of 127.0.0.1 that it chooses and tells in a file.
 * What is returned belongs to ctx. Threads: any; blocks for small files. */
#ifndef DSN_DEVNET_SHHD_H
#define DSN_DEVNET_SHHD_H

#include <stdbool.h>

#include "base/error.h"

struct devnet_shhd {
	const char *program;
	const char *folder;   /* of the node: "data" and "ready.json" are made in it */
	const char *bootnode; /* an enode URL, or NULL */
	int max_peers;
	bool discovery;
};
/* Its words, NULL at the end. */
const char *const *devnet_shhd_argv(const void *ctx, const struct devnet_shhd *s);
/* The shhd beside this program, "shhd" (from PATH) where there is none. */
struct error *devnet_shhd_find(const void *ctx, char **ret_program) MUST_CHECK;
/* Whether the node in the folder is ready, and where. */
bool devnet_shhd_ready(const void *ctx, const char *folder, int *ret_rpc_port, char **ret_enode);

#endif
