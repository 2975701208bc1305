/* The ping list: key pairs of Whisper nodes, as the file of the seed's t4 scheme has them.
 *
 *   {"address-node": [{"address": "0x...", "keyPairId": "...", "PubKey": "0x04..."}, ...]}
 *
 * `address` is 20 bytes in hexadecimal (with capitals it must satisfy EIP-55), `keyPairId` 64 hexadecimal digits that
 * name the pair at its node, `PubKey` a point of secp256k1. Threads: any.
 */
#ifndef DSN_VCLI_WHISPER_WHISPER_LIST_H
#define DSN_VCLI_WHISPER_WHISPER_LIST_H

#include <stddef.h>

#include "base/error.h"

#define WHISPER_LIST_MAX 1000                /* entries */
#define WHISPER_LIST_BYTES ((size_t)1 << 20) /* of the file */
#define WHISPER_ADDRESS_TEXT 42              /* "0x" and 40 digits */
#define WHISPER_PAIR_TEXT 64
#define WHISPER_PUBLIC_TEXT 132

struct whisper_entry {
	char address[WHISPER_ADDRESS_TEXT + 1];
	char pair_id[WHISPER_PAIR_TEXT + 1];
	char public[WHISPER_PUBLIC_TEXT + 1]; /* in lower case */
};
struct whisper_list {
	struct whisper_entry *items;
	size_t count;
};

/* Errors name the place: "nodes.json: address-node[3].PubKey: ...". Two entries with the same PubKey are refused, as is
 * an empty list. */
struct error *whisper_list_read(const void *ctx, const char *path, struct whisper_list **ret_list) MUST_CHECK;
/* The same from memory; `name` stands for the file in errors. */
struct error *whisper_list_parse(const void *ctx, const char *name, const char *text, size_t len,
				 struct whisper_list **ret_list) MUST_CHECK;
/* An entry for a key pair; without `address` its own Ethereum address (Keccak-256 of the key) is taken. Neither may be
 * malformed. */
void whisper_list_add(struct whisper_list *l, const char *address, const char *pair_id, const char *public);
/* The document as text, an entry on each line, ctx's. */
char *whisper_list_text(const void *ctx, const struct whisper_list *l);
/* Index of the entry with this public key (any case), or count. */
size_t whisper_list_find(const struct whisper_list *l, const char *public);

#endif
