/* What strangers may have of a participant: whoever has no key that the keyring keeps (bus/keyring.h).
 *
 * Signing an answer, a dead letter and a line of the log cost more than asking does, and anybody who reaches the
 * network may ask. So each kind of use has a small bucket of its own; what is over it is dropped without a word, and
 * how much that was is logged once a minute. Threads: loop thread.
 */
#ifndef DSN_BUS_STRANGERS_H
#define DSN_BUS_STRANGERS_H

#include <stdbool.h>

struct strangers;

enum strangers_use {
	STRANGERS_HELLO,   /* an answer with our key */
	STRANGERS_MESSAGE, /* is read and given to the handlers, which may answer it */
	STRANGERS_RUBBISH, /* a dead letter of what cannot be opened or is malformed */
	STRANGERS_USES
};

/* So many of each kind a second, four times as many in a row; 0: without limit. */
struct strangers *strangers_new(const void *ctx, unsigned per_s);
bool strangers_may(struct strangers *s, enum strangers_use use);
/* A hello of somebody who is kept is not bounded, so a copy of one that was answered already must not count: false. */
bool strangers_hello_is_new(struct strangers *s, const char *message_id);

#endif
