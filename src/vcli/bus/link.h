/* The one connection of a run to the bus. */
#ifndef DSN_VCLI_BUS_LINK_H
#define DSN_VCLI_BUS_LINK_H

#include "client/link.h"
#include "vcli/vcli.h"

/* Opened when it is first wanted, by the settings; main() closes it. */
struct error *vcli_link(struct vcli *v, struct client_link **ret_link) MUST_CHECK;

#endif
