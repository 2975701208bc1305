/* A command on its way over a link (client/link.h), and what comes back: a result belongs to it when it names the
 * command's id and comes from its recipient, whom nobody else can answer for.
 *
 * Bounds: CLIENT_POSTS_MOST of a link at once. Threads: loop thread.
 */
#ifndef DSN_CLIENT_POST_H
#define DSN_CLIENT_POST_H

#include "bus/bus.h"

#define CLIENT_POSTS_MOST 65536

struct client_link;
struct client_post;

struct client_post_events {
	bus_sent_fn *sent; /* of each client_post_send() (bus/bus.h); may be NULL */
	/* Its result, borrowed; comes again when the bus delivers it again. May free the post. */
	void (*answered)(const struct message *result, void *arg);
	void *arg;
};

/* A command to `to` that is valid for `ttl_ms`; takes a new reference to body. Sends nothing yet. mem_free() of it ends
 * the waiting: it is not sent any more where it has not been, and no event comes. ERROR_LIMIT when too many wait. */
struct error *client_post_new(const void *ctx, struct client_link *l, const char *to, int64_t ttl_ms, json_t *body,
			      const struct client_post_events *events, struct client_post **ret_post) MUST_CHECK;
/* Before it is sent: the term that it bears (bus/message.h). */
void client_post_set_term(struct client_post *p, int64_t term);
/* Sends it, or again after a lost connection: it has the same id, and so no second effect. `prompt`: as
 * bus_send_prompt(). */
void client_post_send(struct client_post *p, bool prompt);

/* All posts of a link; the link's own (client/link.c). `self`: whom they are from. */
struct client_posts;
struct client_posts *client_posts_new(const void *ctx, struct bus *bus, const char *self);
/* Gives a message to the post that it answers; nobody's is dropped. */
void client_posts_take(struct client_posts *all, const struct message *m);
size_t client_posts_count(const struct client_posts *all);
struct client_posts *client_link_posts(const struct client_link *l);

#endif
