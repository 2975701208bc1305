/* vcli whisper net: Whisper nodes on this machine, each a shhd of its own that goes on when vcli has ended.
 *
 * Everything of it is below whisper-net in the state folder: net.json once it is up, and a folder for each node with
 * process.json (pid and start time, written before the program runs), ready.json (shhd's own), log and data. So a net
 * can be ended also after an up that was killed, and never a process that only has the same number.
 */
#ifndef DSN_VCLI_WHISPER_NET_H
#define DSN_VCLI_WHISPER_NET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/child.h"
#include "vcli/vcli.h"

#define WHISPER_NET_MAX 250

struct whisper_net_node {
	char *name; /* "01"; the bootnode is the first */
	char *folder;
	struct child_identity id; /* pid 0: not known */
	bool alive;
	int rpc_port; /* on 127.0.0.1; 0: not known */
	char *enode;  /* NULL: not known */
};

struct whisper_net {
	char *folder;
	size_t count, senders; /* the first `senders` nodes are those that ping */
	struct whisper_net_node *nodes;
};

/* The net that is up. ERROR_NOT_FOUND: none is. */
struct error *whisper_net_read(const void *ctx, const struct client_state_options *state,
			       struct whisper_net **ret_net) MUST_CHECK;
/* What there is of a net, also of half a one; without folder no nodes. */
struct error *whisper_net_remains(const void *ctx, const struct client_state_options *state,
				  struct whisper_net **ret_net) MUST_CHECK;
/* Held from before a net is made or ended; ERROR_EXISTS: another vcli is at it. */
struct error *whisper_net_lock(const void *ctx, const struct client_state_options *state, int *ret_fd) MUST_CHECK;

/* Looks whether it is ready: reads ready.json. False: not yet. */
bool whisper_net_node_ready(const void *ctx, struct whisper_net_node *n);
struct error *whisper_net_node_record(const struct whisper_net_node *n, struct child_identity id) MUST_CHECK;
struct error *whisper_net_record(const struct whisper_net *net) MUST_CHECK;

/* Starts `count` nodes below `folder` that know only the first of them, and returns when each can be reached from each
 * other over connections. After an error, or a signal (ERROR_FAILED), nothing is left of it. */
struct error *whisper_net_start(struct vcli *v, size_t count, size_t senders, struct whisper_net **ret_net) MUST_CHECK;
/* Ends every process that is alive and removes the folder. */
struct error *whisper_net_stop(uv_loop_t *loop, struct whisper_net *net) MUST_CHECK;

#endif
