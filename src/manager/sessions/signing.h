/* The message of a login: made, and judged when it comes back signed. Pure but for the nonces. Threads: loop thread. */
#ifndef DSN_MANAGER_SESSIONS_SIGNING_H
#define DSN_MANAGER_SESSIONS_SIGNING_H

#include "http/origin.h"
#include "manager/sessions/challenges.h"

struct signing_terms {
	struct http_origin origin; /* ours */
	int64_t chain_id;
	struct challenges *challenges;
	int64_t wall_ms, mono_ms; /* now */
};

/* What `address` is to sign; ctx's. */
char *signing_message(const void *ctx, const struct signing_terms *s, const uint8_t address[ETH_ADDRESS_BYTES]);

struct signing_proof {
	uint8_t address[ETH_ADDRESS_BYTES];
	const char *nonce; /* ctx's; still to be used (challenges_use()) */
};
/* Is it a message for us, of now, signed by whom it names? `signature`: 130 hex digits, with 0x or without.
 * ERROR_INVALID: what cannot be read; ERROR_REFUSED: what is read, and not for us. */
struct error *signing_check(const void *ctx, const struct signing_terms *s, const char *message, const char *signature,
			    struct signing_proof *ret) MUST_CHECK;

#endif
