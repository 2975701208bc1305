#include "client/post.h"

#include <string.h>
#include <strings.h>

#include "base/fnv.h"
#include "base/log.h"
#include "base/mem.h"

/* Ids are random and our own: they spread by themselves. */
#define BUCKETS 4096

struct client_posts {
	struct bus *bus;
	char *self;
	struct client_post *buckets[BUCKETS];
	size_t count;
};

struct client_post {
	struct client_posts *all;       /* NULL: the link has gone first */
	struct client_post *next, **at; /* of its bucket */
	struct message *message;
	struct client_post_events events;
	struct client_flight *flights;
};

/* What the bus holds and will tell of: outlives the post, goes with the link. */
struct client_flight {
	struct client_post *post; /* NULL: nobody wants to know any more */
	struct client_flight *next, **at;
};

static struct client_post **bucket(struct client_posts *all, const char *id)
{
	return &all->buckets[fnv32(FNV32_BASIS, id, strlen(id)) % BUCKETS];
}

static int posts_destroy(struct client_posts *all)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct client_post *p = all->buckets[i]; p; p = p->next)
			p->all = NULL;
	}
	return 0;
}

struct client_posts *client_posts_new(const void *ctx, struct bus *bus, const char *self)
{
	struct client_posts *all = mem_new(ctx, struct client_posts);

	all->bus = bus;
	all->self = mem_strdup(all, self);
	talloc_set_destructor(all, posts_destroy);
	return all;
}

size_t client_posts_count(const struct client_posts *all)
{
	return all->count;
}

void client_posts_take(struct client_posts *all, const struct message *m)
{
	struct client_post *p;

	if (m->kind != MESSAGE_RESULT || !m->re)
		return;
	p = *bucket(all, m->re);
	while (p && strcmp(p->message->id, m->re) != 0)
		p = p->next;
	if (p && strcasecmp(m->from, p->message->to) == 0)
		p->events.answered(m, p->events.arg);
	else
		log_debug("client.unasked", "from=%s re=%s", m->from, m->re);
}

/* --- one --- */

static int flight_destroy(struct client_flight *f)
{
	if (!f->post)
		return 0;
	*f->at = f->next;
	if (f->next)
		f->next->at = f->at;
	return 0;
}

static int post_destroy(struct client_post *p)
{
	struct client_flight *f = p->flights, *following;

	if (!p->all)
		return 0;
	*p->at = p->next;
	if (p->next)
		p->next->at = p->at;
	p->all->count--;
	for (; f; f = following) {
		following = f->next;
		f->post = NULL;
		if (bus_forget(p->all->bus, p->message, f))
			mem_free(f);
	}
	return 0;
}

struct error *client_post_new(const void *ctx, struct client_link *l, const char *to, int64_t ttl_ms, json_t *body,
			      const struct client_post_events *events, struct client_post **ret_post)
{
	struct client_posts *all = client_link_posts(l);
	struct client_post *p;

	if (all->count >= CLIENT_POSTS_MOST)
		return error_new(ERROR_LIMIT, "%s: %d commands wait for their results already", to, CLIENT_POSTS_MOST);
	p = mem_new(ctx, struct client_post);
	p->all = all;
	p->events = *events;
	p->message = message_new(p, MESSAGE_COMMAND, all->self, to, ttl_ms, body);
	p->at = bucket(all, p->message->id);
	p->next = *p->at;
	if (p->next)
		p->next->at = &p->next;
	*p->at = p;
	all->count++;
	talloc_set_destructor(p, post_destroy);
	*ret_post = p;
	return NULL;
}

void client_post_set_term(struct client_post *p, int64_t term)
{
	p->message->term = term;
}

static void on_sent(const struct error *e, void *arg)
{
	struct client_flight *f = arg;
	struct client_post *p = f->post;

	mem_free(f);
	if (p && p->events.sent)
		p->events.sent(e, p->events.arg);
}

void client_post_send(struct client_post *p, bool prompt)
{
	struct client_flight *f;

	if (!p->all)
		return;
	f = mem_new(p->all, struct client_flight);
	*f = (struct client_flight){.post = p, .next = p->flights, .at = &p->flights};
	if (f->next)
		f->next->at = &f->next;
	p->flights = f;
	talloc_set_destructor(f, flight_destroy);
	(prompt ? bus_send_prompt : bus_send)(p->all->bus, p->message, on_sent, f);
}
