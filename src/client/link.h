/* A client's connection to the bus: one for a whole program, shared by all that speaks over it.
 *
 * Handles (client/request.h, watch.h, discovery.h, sender.h) take a link in their options, and any number of them, one
 * after the other or at once, use it: it has our keys, and one address to which all answers come; each answer goes to
 * who has asked (client/post.h), and one that nobody waits for any more is dropped. A lost connection is found again
 * with back-off, for as long as the link lives; handles hear of both. A daemon keeps one link for months; a program
 * with one command opens it, begins its handle and frees both.
 *
 * Ownership: the link outlives its handles; freed with mem_free(), but not from within an event of a handle.
 * Threads: loop thread. client_link_open() reads our key and known.db, for which it waits up to 5 s while another
 * process writes it; nothing else blocks.
 */
#ifndef DSN_CLIENT_LINK_H
#define DSN_CLIENT_LINK_H

#include <uv.h>

#include "bus/bus.h"
#include "client/options.h"

/* Signs with our identity (client/identity.h) and seals, unless client->send_plain. `client` is borrowed until the link
 * is freed. Returns at once, connecting goes on in the background. Fails for bad options and an identity that cannot
 * be read. */
struct client_link;
struct error *client_link_open(const void *ctx, uv_loop_t *loop, const struct client_options *client,
			       struct client_link **ret_link) MUST_CHECK;
const struct client_options *client_link_client(const struct client_link *l);
uv_loop_t *client_link_loop(const struct client_link *l);
/* How long the first connection took, a measure of how far the bus is; 0: not known, since it was away. */
int64_t client_link_took_ms(const struct client_link *l);
/* bus_probe(); all users hear the answer. */
bool client_link_probe(struct client_link *l, const char *id);
/* For what sends by itself (bus/outbox.h); served is the link's own address only. */
struct bus *client_link_bus(const struct client_link *l);
/* As the options say, without keys. */
struct bus_options client_link_options(const struct client_options *client);

/* What a part of the program hears of a link; each may be NULL. Whoever is called may free any user, also this one. */
struct client_link_events {
	/* It is up, or down and why (borrowed). Who joins later is told how it stands, from the loop. Up comes once
	 * more when our address is served after it was refused: answers of the time between are lost. */
	void (*state)(bool up, const struct error *why, void *arg);
	/* Our address is refused for now; why is borrowed. */
	void (*refused)(const struct error *why, void *arg);
	/* The transport takes nothing for now, and why (borrowed); NULL: it takes again. */
	void (*held)(const char *why, void *arg);
	/* What client_link_probe() asked. */
	void (*probed)(const char *id, bool served, void *arg);
	/* A status from anybody. Only with this member the link listens to them. */
	void (*status)(const struct message *m, void *arg);
	void *arg;
};

/* Joins until it is freed with mem_free(). Fails where the transport does not let us listen to statuses. */
struct client_link_user;
struct error *client_link_join(const void *ctx, struct client_link *l, const struct client_link_events *events,
			       struct client_link_user **ret_user) MUST_CHECK;

#endif
