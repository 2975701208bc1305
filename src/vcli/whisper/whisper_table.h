/* The table of a ping run: on a terminal redrawn in place while it goes on, otherwise printed once at the end. */
#ifndef DSN_VCLI_WHISPER_WHISPER_TABLE_H
#define DSN_VCLI_WHISPER_WHISPER_TABLE_H

#include <stdio.h>

#include "vcli/whisper/whisper_ping.h"

/* Lines that a table of this many targets takes, heading and total included. */
size_t whisper_table_lines(size_t targets);
/* At most `rows` targets (0: all), then the total. Sorts the times. */
void whisper_table_print(FILE *out, struct whisper_ping *p, size_t rows);

struct whisper_live;
/* NULL where standard output is no terminal, or with --json or --quiet. Belongs to ctx. */
struct whisper_live *whisper_live_new(const void *ctx, const struct vcli *v);
/* Draws over what was drawn before; NULL does nothing. A table that is higher than the terminal is cut. */
void whisper_live_draw(struct whisper_live *l, struct whisper_ping *p);
/* Takes the drawn table away. */
void whisper_live_wipe(struct whisper_live *l);

#endif
