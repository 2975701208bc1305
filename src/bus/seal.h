/* Messages as bytes on a transport: sealed (signed by the sender, encrypted to the recipient), open (signed only), or
 * plain (neither).
 *
 *   sealed: ECIES to the recipient's key over the signed form          first byte 0x04
 *   open:   flags | payload size | payload | padding | signature       first byte 0x05..0x07
 *   plain:  the JSON text of bus/message.h                             first byte '{'
 *
 * The forms are those of a Whisper payload (whisper/payload.h), the payload is the JSON text. Commands and results are
 * sealed; a status, which is for everybody, and what goes before keys are known or below the bus (hello,
 * acknowledgement, claim) is open. The signer's address must be `from`, or the message must carry the public key of
 * `from` in `key`: then the signer vouches for that address and takes answers there. Age: `time` at most SEAL_AHEAD_MS
 * in the future, and `ttl`; replays within it are the receiver's to know by `id` (bus/dedupe.h). Threads: that of the
 * keyring.
 */
#ifndef DSN_BUS_SEAL_H
#define DSN_BUS_SEAL_H

#include "bus/keyring.h"
#include "bus/message.h"

#define SEAL_AHEAD_MS MESSAGE_CLOCKS_MS
/* Of the longest message, whatever its form. */
#define SEAL_LIMIT (MESSAGE_LIMIT + 1024)

enum seal_form { SEAL_PLAIN, SEAL_OPEN, SEAL_SEALED, SEAL_UNKNOWN };
enum seal_form seal_form(const uint8_t *bytes, size_t n);

/* The bytes of a message; they belong to ctx. SEAL_SEALED: ERROR_NOT_FOUND when the public key of m->to is not known;
 * ERROR_NOT_FOUND too when m->from is no id of ours (not SEAL_PLAIN, which needs no keyring). ERROR_LIMIT: over
 * MESSAGE_LIMIT. */
struct error *seal_write(const void *ctx, struct keyring *k, const struct message *m, enum seal_form form,
			 uint8_t **ret_bytes, size_t *ret_n) MUST_CHECK;

/* Opens and reads bytes of form SEAL_SEALED (with the key of our id `mailbox`) or SEAL_OPEN, checks signature, sender
 * and age of clock, learns the keys it holds, and sets m->signer. `k` may be NULL for SEAL_OPEN. ERROR_REFUSED: not for
 * this key (or for nobody), to be passed over in silence where strangers' messages are normal; other errors: malformed,
 * or signed by somebody else. */
struct error *seal_read(const void *ctx, struct keyring *k, const char *mailbox, const uint8_t *bytes, size_t n,
			struct message **ret_message) MUST_CHECK;

/* Asked as soon as the signer is known, before what he says is read. False: it is not. */
struct seal_gate {
	bool (*pass)(const char *signer, void *arg);
	void *arg;
};
/* The same through a gate; ERROR_UNAVAILABLE: it is closed. `gate` NULL: there is none. */
struct error *seal_read_gated(const void *ctx, struct keyring *k, const struct seal_gate *gate, const char *mailbox,
			      const uint8_t *bytes, size_t n, struct message **ret_message) MUST_CHECK;

#endif
