/* The keys of an agent and of its nodes: a node id is the address of the node's key.
 *
 * <state>/agent.key is the agent's own, made when missing; <state>/keys/ holds a file for each node (crypto/keyfile.h),
 * whatever its name. Blocks; at the start. Threads: loop thread.
 */
#ifndef DSN_NODE_AGENT_KEYS_H
#define DSN_NODE_AGENT_KEYS_H

#include "bus/keyring.h"
#include "crypto/passphrase.h"

/* Reads all into a keyring that belongs to ctx; *ret_id is the agent's id, the keyring's. */
struct error *keys_open(const void *ctx, const char *state_dir, const struct passphrase_source *source, struct db *db,
			struct keyring **ret_keyring, const char **ret_id) MUST_CHECK;
/* ERROR_NOT_FOUND unless the key of this id is there; looks again into the folder, where it may have been put since. */
struct error *keys_need(struct keyring *k, const char *state_dir, const struct passphrase_source *source,
			const char *id) MUST_CHECK;

#endif
