/* What the files of the bus share. Private to bus.c and receive.c. */
#ifndef DSN_BUS_BUS_IMPL_H
#define DSN_BUS_BUS_IMPL_H

#include "bus/backend.h"
#include "bus/hello.h"
#include "bus/reserved.h"
#include "bus/strangers.h"

struct bus {
	const struct bus_backend *backend;
	void *self;
	uv_loop_t *loop;
	struct bus_handlers handlers;
	struct keyring *keyring; /* NULL: all is plain */
	bool accept_plain;
	char *asking; /* an id that we serve and have the key of: keys are asked for in its name */
	struct hellos *hellos;
	struct strangers *strangers;
	char *network;
	struct reserved *reserved; /* NULL: nobody has a reserved place here */
	char **durable;            /* ids that may have some */
	size_t durable_count;
};

/* In this form, in no other; fn may be NULL. */
void bus_send_as(struct bus *bus, const struct message *m, enum seal_form form, bus_sent_fn *fn, void *arg);
/* Who signs may have a place reserved here from now on. */
void bus_reserve_for_signer(struct bus *bus, const char *signer);

#endif
