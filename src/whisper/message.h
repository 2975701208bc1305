/* A message that a filter opened. Counted, never changed. Threads: reading from any; the count is atomic. */
#ifndef DSN_WHISPER_MESSAGE_H
#define DSN_WHISPER_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/secp.h"
#include "whisper/envelope.h"
#include "whisper/payload.h"

struct whisper_message {
	struct envelope *envelope;
	struct payload payload;
	bool symmetric;
	uint8_t recipient[SECP_PUBLIC_BYTES]; /* asymmetric: whose key opened it */
};

/* Takes a reference of the envelope, and the payload's bytes, which must be a top-level object; `recipient` NULL:
 * symmetric. */
struct whisper_message *whisper_message_new(struct envelope *e, const struct payload *payload,
					    const uint8_t *recipient);
struct whisper_message *whisper_message_ref(struct whisper_message *m);
void whisper_message_unref(struct whisper_message *m); /* NULL is allowed */

#endif
