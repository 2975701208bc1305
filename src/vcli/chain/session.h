/* A login: the proof that somebody has an account's key, for one chain and its contracts, for a time.
 *
 * A session is a typed document (EIP-712) with its signature: domain {name "dsn", version "1", chainId,
 * verifyingContract: Accounts}, message Login {account, challenge, issued, expires} (seconds since 1970). The challenge
 * is 32 bytes of whoever wants the proof, or random ones. Our own is session.json (mode 0600) in the state folder; its
 * account is that of the commands that follow.
 */
#ifndef DSN_VCLI_CHAIN_SESSION_H
#define DSN_VCLI_CHAIN_SESSION_H

#include <jansson.h>
#include <stdint.h>

#include "chain/deployment.h"
#include "vcli/vcli.h"

#define SESSION_BYTES 16384 /* of a session's file */
#define SESSION_CHALLENGE_BYTES 32

struct session_terms {
	uint64_t chain_id;
	uint8_t accounts[ETH_ADDRESS_BYTES]; /* the contract */
	uint8_t account[ETH_ADDRESS_BYTES];
	uint8_t challenge[SESSION_CHALLENGE_BYTES];
	uint64_t issued, expires; /* seconds since 1970 */
};

/* A new reference. `key` is the account's. ERROR_INVALID: it is another's. */
struct error *session_sign(const struct session_terms *terms, const struct secp_key *key,
			   json_t **ret_session) MUST_CHECK;
/* ERROR_INVALID names what is wrong with its form or signature; ERROR_REFUSED: over, or not begun, at `now`. */
struct error *session_read(const json_t *session, uint64_t now, struct session_terms *ret_terms) MUST_CHECK;

/* The same of the file at `path`, now. */
struct error *session_load(const char *path, struct session_terms *ret_terms) MUST_CHECK;

struct error *session_path(struct vcli *v, char **ret_path) MUST_CHECK;
/* The account of our login as text; NULL when there is none. ERROR_REFUSED: it is over. */
struct error *session_account(struct vcli *v, char **ret_account) MUST_CHECK;

#endif
