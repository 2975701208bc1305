/* vcli's connection to the bus: waits for it within the deadline and tells why it cannot be had. */
#ifndef DSN_VCLI_LINK_H
#define DSN_VCLI_LINK_H

#include "bus/bus.h"
#include "vcli/vcli.h"

/* As the settings say. */
struct bus_options link_options(const struct settings *set);
/* How long to wait for the first connection: the time given with --timeout, but no longer than 10 s without it. */
int64_t link_patience_ms(const struct vcli *v);
/* The error for a broker that was never reached; `why` may be NULL. */
struct error *link_away(const struct vcli *v, const struct error *why) MUST_CHECK;

#endif
