/* How long a command waits for its first connection to the bus. */
#ifndef DSN_VCLI_BUS_PATIENCE_H
#define DSN_VCLI_BUS_PATIENCE_H

#include "vcli/vcli.h"

/* The time given with --timeout, but no longer than 10 s without it. */
int64_t vcli_patience_ms(const struct vcli *v);

#endif
