/* vcli's connection to the bus: our keys, an address for answers, and how long to wait for the first connection. */
#ifndef DSN_VCLI_LINK_H
#define DSN_VCLI_LINK_H

#include "bus/bus.h"
#include "vcli/vcli.h"

struct link {
	struct bus *bus;
	char *self; /* an ephemeral address of this run, which the bus serves: answers come there */
};

/* Signs with our identity (vcli/identity.h) and seals, unless set->send_plain. All belongs to ctx. */
struct error *link_open(const void *ctx, struct vcli *v, const struct vcli_settings *set,
			const struct bus_handlers *handlers, struct link *ret_link) MUST_CHECK;
/* As the settings say, without keys. */
struct bus_options link_options(const struct vcli_settings *set);
/* How long to wait for the first connection: the time given with --timeout, but no longer than 10 s without it. */
int64_t link_patience_ms(const struct vcli *v);
/* The error for a broker that was never reached; `why` may be NULL. */
struct error *link_away(const struct vcli *v, const struct error *why) MUST_CHECK;

#endif
