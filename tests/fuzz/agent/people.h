/* Who sends to the agent: its owners, and strangers, each with a key and an ephemeral key. */
#ifndef DSN_FUZZ_AGENT_PEOPLE_H
#define DSN_FUZZ_AGENT_PEOPLE_H

#include "bus/keyring.h"
#include "bus/seal.h"

enum who { ALICE, BOB, MALLORY, TRUDY, PEOPLE };

/* The participants whose mailboxes are at the agent; FAR has no key there. */
enum at { AGENT, NODE_A, NODE_B, FAR, PLACES };

/* Makes all keys, and the files of those that are the agent's in the folder. */
void people_begin(const char *folder);
const char *people_id(enum who who);
const char *place_id(enum at at);
/* Is this id the person's, or the ephemeral one? */
bool people_is(enum who who, const char *id);
/* A message of theirs with this id (32 hex digits); `ephemeral`: from the ephemeral key, for which the person vouches.
 */
struct message *people_message(enum who who, bool ephemeral, enum message_kind kind, enum at to, const char *id,
			       json_t *body);
/* Its bytes in this form; NULL: it has none (it is too long). */
uint8_t *people_seal(enum who who, const struct message *m, enum seal_form form, size_t *ret_n);

#endif
