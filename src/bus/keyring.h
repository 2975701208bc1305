/* Keys of the bus: ours, by the ids we serve, and the public keys of others, by theirs.
 *
 * An id is the Ethereum address of a key (crypto/secp.h), so a public key proves itself: whoever tells it, it belongs
 * to the id it hashes to. Public keys are learned from every message that is opened and asked for with a hello
 * (bus/hello.h). Strangers can make us learn as many as they like, so those are few and only in memory
 * (bus/known_keys.h); the ids that are kept, owners and those whom we command, have a place of their own and outlive
 * the process where there is a database. Secrets are wiped when the keyring is freed. Threads: loop thread.
 */
#ifndef DSN_BUS_KEYRING_H
#define DSN_BUS_KEYRING_H

#include "bus/contexts.h"
#include "crypto/secp.h"
#include "store/db.h"

/* The id of a public key: 40 lower-case hex digits and NUL. */
#define KEYRING_ID_SIZE 41

struct keyring;
/* SQL of the table, for a first migration (store/schema.h): it was released and stays as it is. */
extern const char keyring_schema[];

/* `db` may be NULL: what is learned is forgotten at the end. It must outlive the keyring. */
struct keyring *keyring_new(const void *ctx, struct db *db);

/* A key of ours is copied; returns its id, which belongs to the keyring. Adding it again changes nothing. */
const char *keyring_add(struct keyring *k, const struct secp_key *key);
/* The key of an id of ours, or NULL. */
const struct secp_key *keyring_own(const struct keyring *k, const char *id);
/* A person's key: signs what is sent under any other id of ours, which then is an ephemeral address for answers. */
void keyring_set_identity(struct keyring *k, const struct secp_key *key);
/* NULL: none, each id signs for itself. */
const struct secp_key *keyring_identity(const struct keyring *k);

/* The key of this id is to be kept, now or as soon as it is known: an owner's, or that of somebody whom we command. */
void keyring_keep(struct keyring *k, const char *id);
/* Is it one of those? */
bool keyring_keeps(struct keyring *k, const char *id);
/* The n-th of them, in no order; false: there are no more. */
bool keyring_stored_id(const struct keyring *k, size_t n, char ret_id[KEYRING_ID_SIZE]);
/* Takes out of the database what is not kept: earlier versions stored the key of every stranger. */
struct error *keyring_prune(struct keyring *k) MUST_CHECK;

/* Remember a public key that a stranger told. True: it was new. */
bool keyring_learn(struct keyring *k, const uint8_t public[SECP_PUBLIC_BYTES]);
/* The same, and `signer` has vouched for it: is he kept, strangers do not push it out. */
bool keyring_learn_of(struct keyring *k, const uint8_t public[SECP_PUBLIC_BYTES], const char *signer);
/* The public key of an id, ours or learned; NULL: not known. Valid until the next call. */
const uint8_t *keyring_public(struct keyring *k, const char *id);

/* Use ECIES contexts again (bus/contexts.h says where that is right); until this is called, keyring_contexts() is
 * NULL. */
void keyring_keep_contexts(struct keyring *k);
struct contexts *keyring_contexts(const struct keyring *k);

void keyring_id(const uint8_t public[SECP_PUBLIC_BYTES], char ret_id[KEYRING_ID_SIZE]);

/* The digits of a public key, as an enode URL has them. */
#define KEYRING_ENODE_DIGITS (2 * SECP_PUBLIC_BYTES)
/* ERROR_INVALID when `text` is no such number, or not a point of the curve. */
struct error *keyring_read_enode(const char *text, uint8_t ret_public[SECP_PUBLIC_BYTES],
				 char ret_id[KEYRING_ID_SIZE]) MUST_CHECK;

#endif
