/* Setting a RabbitMQ up for a network, through its management HTTP API: what `vcli broker setup` does.
 *
 * Makes the vhost, the exchanges, the dead letter queue, a mailbox for each node id, policies, and broker users with no
 * more rights than they need (docs/broker.md says why each). Can be run again at any time: what is there stays, a user
 * keeps the password in its file. Blocking (runs a private loop): for command line programs.
 *
 * The API is spoken to in plain HTTP, so only on the loopback interface; a broker elsewhere is reached through a
 * tunnel.
 */
#ifndef DSN_BUS_BROKER_ADMIN_H
#define DSN_BUS_BROKER_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct broker_admin_plan {
	const char *url;           /* management API: http://host[:port]; NULL: http://127.0.0.1:15672 */
	const char *user;          /* administrator; NULL: guest */
	const char *password_file; /* its password, mode 0600; NULL: $DSN_BROKER_ADMIN_PASSWORD, else guest's default */
	const char *vhost;         /* NULL: "/" */
	const char *network;       /* NULL: "default" */
	/* Broker users of agents, NULL-terminated; each is "ID[,ID...]": all ids one agent serves, its own first; an
	 * enode's public key (128 digits) stands for its id. The user is named dsn.<network>.<first id>. May be NULL.
	 */
	const char *const *agents;
	/* Broker users of customers and operators (vcli), NULL-terminated names of lower-case letters, digits and
	 * hyphens; the user is named dsn.<network>.<name>. May be NULL. */
	const char *const *clients;
	bool plain;         /* also the queues named by the bare ids (and enodes), for agents with --accept-plain */
	int64_t timeout_ms; /* for all of it; 0: 30 s for each step */
	const char *folder; /* gets a file <user> of mode 0600 with the password of each user; made when missing */
};

/* Called for each thing made or found right, e.g. "user dsn.default.ab...: password in keys/dsn.default.ab...". Never
 * with a password. */
typedef void broker_admin_fn(const char *line, void *arg);
struct error *broker_admin_setup(const struct broker_admin_plan *plan, broker_admin_fn *fn, void *arg) MUST_CHECK;

#endif
