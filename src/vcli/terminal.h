/* The one way out of vcli: everything that any command prints, on standard output and standard error, goes through
 * base/printable.h, so that no text of a node, a broker, an endpoint or a file steers the terminal.
 *
 * Threads: the main thread.
 */
#ifndef DSN_VCLI_TERMINAL_H
#define DSN_VCLI_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

/* From now on; once, before anything is printed. */
void terminal_guard(void);
/* What is printed on standard output is JSON: masked characters stay readable there, as \u escapes. */
void terminal_json(bool on);
/* Control sequences of our own ("\033[K"), to stdout or stderr, after what was printed before. No foreign text. */
void terminal_control(FILE *to, const char *sequence);

#endif
