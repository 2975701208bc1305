/* Foreign text for a terminal: what others say (nodes, brokers, endpoints, files) is shown and steers nothing.
 *
 * Masked are control characters (C0 but newline and tab, DEL, C1), what changes the direction of text or hides it (bidi
 * marks, embeddings, overrides and isolates; line and paragraph separators; tags; U+FEFF) and bytes that are no UTF-8,
 * of which a terminal may take some for C1. In text a masked character is a "?"; in JSON text, where all of them are
 * within strings, it is its \u escape, so that no program that reads it sees a difference. Source: Unicode 15,
 * bidirectional formatting (UAX #9) and general category Cc; ECMA-48. Threads: any; a struct printable belongs to one
 * stream.
 */
#ifndef DSN_BASE_PRINTABLE_H
#define DSN_BASE_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

#define PRINTABLE_GROWTH 12 /* bytes that one can become, at most: two \u escapes */
#define PRINTABLE_HELD 4    /* bytes of a character that was cut off */

struct printable {
	bool json;
	unsigned char held[PRINTABLE_HELD]; /* of the character that the next bytes go on with */
	size_t held_n;
};

/* Goes on with `n` bytes of a stream. What may be shown is written to `to`, which has room for PRINTABLE_GROWTH *
 * (n + PRINTABLE_HELD); returns how much it is. A character that is not whole yet is held back. */
size_t printable_add(struct printable *p, const void *bytes, size_t n, char *to);
/* The stream has ended: what was held back is no character. Room for PRINTABLE_GROWTH * PRINTABLE_HELD. */
size_t printable_end(struct printable *p, char *to);

/* A text of one line: newlines and tabs are masked too. Belongs to ctx. */
char *printable_line(const void *ctx, const char *text);

#endif
