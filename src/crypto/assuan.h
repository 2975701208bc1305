/* What a passphrase agent says: the client's side of the Assuan protocol (libassuan's manual, "Client requests" and
 * "Server responses"), as gpg-agent speaks it over a unix socket.
 *
 * A line has at most 1000 bytes with its line feed. Of an answer's lines, D lines carry the data, with %XX for bytes
 * that could not be in a line; S lines (progress) and # lines (comments) are passed over; OK or ERR ends it. An agent
 * that asks back (INQUIRE) is refused: nothing we ask needs that. Threads: any, a reader belongs to one at a time.
 */
#ifndef DSN_CRYPTO_ASSUAN_H
#define DSN_CRYPTO_ASSUAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define ASSUAN_LINE_BYTES 1000
#define ASSUAN_DATA_BYTES 1024 /* of one answer, at most */
#define ASSUAN_SAYS_BYTES 200

/* Reads one answer after the other. Begins zeroed. It holds secrets: assuan_wipe() it. */
struct assuan {
	char held[ASSUAN_LINE_BYTES]; /* what has arrived and is not read yet */
	size_t held_bytes;
	char data[ASSUAN_DATA_BYTES + 1]; /* of the answer, a NUL behind it */
	size_t data_bytes;
	unsigned code;                    /* of ERR: a libgpg-error value whose low 16 bits tell the error; 0: OK */
	char says[ASSUAN_SAYS_BYTES + 1]; /* of ERR: its words, printable ASCII, cut when they are long */
};

/* Where the next bytes go, and how many have room: one at least after assuan_read() wanted more. */
char *assuan_room(struct assuan *a, size_t *ret_room);
/* `n` bytes have been put there. */
void assuan_arrived(struct assuan *a, size_t n);
/* *ret_whole: the answer is there, in data, code and says, and stays until assuan_next(); otherwise more must arrive.
 * ERROR_INVALID: no Assuan; ERROR_LIMIT: a longer line or more data than the protocol or we allow. */
struct error *assuan_read(struct assuan *a, bool *ret_whole) MUST_CHECK;
/* Forgets the answer, for the next one. */
void assuan_next(struct assuan *a);
void assuan_wipe(struct assuan *a);

/* A word of a request: blanks become '+'; '+', '%' and what is not printable ASCII become %XX. Belongs to ctx. */
char *assuan_word(const void *ctx, const char *text);

#endif
