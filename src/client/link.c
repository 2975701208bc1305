#include "client/link.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/loop.h"
#include "base/mem.h"
#include "client/identity.h"
#include "client/post.h"
#include "crypto/secret.h"

/* Where a round of telling is: who is next may be freed by who is told. */
struct client_link_round {
	struct client_link_round *outer;
	struct client_link_user *next;
};

struct client_link {
	const struct client_options *client;
	uv_loop_t *loop;
	struct bus *bus;
	struct client_posts *posts;
	struct client_link_user *users;
	struct client_link_round *rounds;
	bool told, up;          /* told: the bus has said how it stands */
	struct error *why_down; /* NULL: it is up */
	struct error *refused;  /* NULL: our address is served */
	char *held;             /* NULL: the transport takes what is sent */
	bool listens;           /* to statuses */
	int64_t opened_ms, took_ms;
};

struct client_link_user {
	struct client_link *link; /* NULL: it has gone first */
	struct client_link_user *next, **at;
	struct client_link_events events;
	struct timer *welcome; /* NULL: knows how the link stands */
};

struct bus_options client_link_options(const struct client_options *client)
{
	return (struct bus_options){
		.url = client->bus,
		.network = client->network,
		.password_file = client->password_file,
		.ca_file = client->ca_file,
		.cert_file = client->cert_file,
		.key_file = client->key_file,
	};
}

const struct client_options *client_link_client(const struct client_link *l)
{
	return l->client;
}

uv_loop_t *client_link_loop(const struct client_link *l)
{
	return l->loop;
}

int64_t client_link_took_ms(const struct client_link *l)
{
	return l->took_ms;
}

struct bus *client_link_bus(const struct client_link *l)
{
	return l->bus;
}

struct client_posts *client_link_posts(const struct client_link *l)
{
	return l->posts;
}

/* --- telling the users --- */

/* On the heap: gcc 12 takes a list of objects on the stack for a mistake, though each leaves it in time. */
static struct client_link_round *begin_round(struct client_link *l, struct client_link_user *first)
{
	struct client_link_round *r = mem_new(l, struct client_link_round);

	r->outer = l->rounds;
	r->next = first;
	l->rounds = r;
	return r;
}

static void end_round(struct client_link *l)
{
	struct client_link_round *r = l->rounds;

	l->rounds = r->outer;
	mem_free(r);
}

/* A round is gone through to its end: it goes with the last. */
static struct client_link_user *next_user(struct client_link *l)
{
	struct client_link_user *u = l->rounds->next;

	if (u)
		l->rounds->next = u->next;
	else
		end_round(l);
	return u;
}

static struct client_link_user *first_user(struct client_link *l)
{
	begin_round(l, l->users);
	return next_user(l);
}

/* The state; it is news to the user. */
static void tell_state(struct client_link_user *u)
{
	struct client_link *l = u->link;

	mem_free(u->welcome);
	u->welcome = NULL;
	if (u->events.state)
		u->events.state(l->up, l->why_down, u->events.arg);
}

static void forget_trouble(struct client_link *l)
{
	error_free(l->refused);
	l->refused = NULL;
	mem_free(l->held);
	l->held = NULL;
}

static void on_state(bool up, const struct error *why, void *arg)
{
	struct client_link *l = arg;

	error_free(l->why_down);
	l->why_down = error_copy(why);
	if (up && !l->told)
		l->took_ms = clock_mono_ms() - l->opened_ms;
	l->told = true;
	l->up = up;
	/* What was refused or held is so no more; it will be said anew. */
	if (!up)
		forget_trouble(l);
	for (struct client_link_user *u = first_user(l); u; u = next_user(l))
		tell_state(u);
}

static void on_refused(const char *id, const struct error *why, void *arg)
{
	struct client_link *l = arg;

	(void)id;
	error_free(l->refused);
	l->refused = error_copy(why);
	for (struct client_link_user *u = first_user(l); u; u = next_user(l)) {
		if (u->events.refused)
			u->events.refused(why, u->events.arg);
	}
}

static void on_served(const char *id, void *arg)
{
	struct client_link *l = arg;
	bool again = l->refused && l->up;

	(void)id;
	error_free(l->refused);
	l->refused = NULL;
	/* What was answered meanwhile went to whoever had our address: those who still wait are to ask again. */
	for (struct client_link_user *u = again ? first_user(l) : NULL; u; u = next_user(l))
		tell_state(u);
}

static void on_held(const char *why, void *arg)
{
	struct client_link *l = arg;

	mem_free(l->held);
	l->held = why ? mem_strdup(l, why) : NULL;
	for (struct client_link_user *u = first_user(l); u; u = next_user(l)) {
		if (u->events.held)
			u->events.held(why, u->events.arg);
	}
}

static void on_status(const struct message *m, void *arg)
{
	struct client_link *l = arg;

	for (struct client_link_user *u = first_user(l); u; u = next_user(l)) {
		if (u->events.status)
			u->events.status(m, u->events.arg);
	}
}

static void on_probed(const char *id, bool served, void *arg)
{
	struct client_link *l = arg;

	for (struct client_link_user *u = first_user(l); u; u = next_user(l)) {
		if (u->events.probed)
			u->events.probed(id, served, u->events.arg);
	}
}

bool client_link_probe(struct client_link *l, const char *id)
{
	return bus_probe(l->bus, id);
}

static void on_message(struct bus_delivery *d, const struct message *m, void *arg)
{
	struct client_link *l = arg;

	client_posts_take(l->posts, m);
	bus_accept(d); /* the message goes with it */
}

/* --- joining --- */

static int user_destroy(struct client_link_user *u)
{
	if (!u->link)
		return 0;
	for (struct client_link_round *r = u->link->rounds; r; r = r->outer) {
		if (r->next == u)
			r->next = u->next;
	}
	*u->at = u->next;
	if (u->next)
		u->next->at = u->at;
	return 0;
}

/* The first of all that it hears; each step may free it, and then it is in the round no more. */
static void on_welcome(void *arg)
{
	struct client_link_user *u = arg;
	struct client_link *l = u->link;
	const struct client_link_round *r = begin_round(l, u);

	tell_state(u);
	if (r->next == u && l->refused && u->events.refused)
		u->events.refused(l->refused, u->events.arg);
	if (r->next == u && l->held && u->events.held)
		u->events.held(l->held, u->events.arg);
	end_round(l);
}

struct error *client_link_join(const void *ctx, struct client_link *l, const struct client_link_events *events,
			       struct client_link_user **ret_user)
{
	struct client_link_user *u;

	if (events->status && !l->listens)
		TRY(bus_watch_status(l->bus));
	l->listens = l->listens || events->status;
	u = mem_new(ctx, struct client_link_user);
	*u = (struct client_link_user){.link = l, .next = l->users, .at = &l->users, .events = *events};
	if (l->users)
		l->users->at = &u->next;
	l->users = u;
	talloc_set_destructor(u, user_destroy);
	if (l->told)
		u->welcome = timer_start(u, l->loop, 0, 0, on_welcome, u);
	*ret_user = u;
	return NULL;
}

/* --- opening --- */

static char *ephemeral_address(const void *ctx, struct keyring *k)
{
	struct secp_key key;
	char *id;

	if (!k)
		return hex_random(ctx, ID_DIGITS / 2);
	secp_key_new(&key);
	id = mem_strdup(ctx, keyring_add(k, &key));
	secret_wipe(&key, sizeof(key));
	return id;
}

static int link_destroy(struct client_link *l)
{
	for (struct client_link_user *u = l->users; u; u = u->next) {
		mem_free(u->welcome);
		u->welcome = NULL;
		u->link = NULL;
	}
	error_free(l->why_down);
	error_free(l->refused);
	return 0;
}

static struct error *open_bus(struct client_link *l)
{
	const struct bus_handlers handlers = {.on_state = on_state,
					      .on_message = on_message,
					      .on_refused = on_refused,
					      .on_served = on_served,
					      .on_held = on_held,
					      .on_status = on_status,
					      .on_probed = on_probed,
					      .arg = l};
	struct bus_options options = client_link_options(l->client);
	const char *id = NULL;
	char *self;

	if (!l->client->send_plain)
		TRY(client_identity_keyring(l, l->client, &options.keyring, &id));
	self = ephemeral_address(l, options.keyring);
	TRY(bus_open(l, l->loop, &options, &handlers, &l->bus));
	l->posts = client_posts_new(l, l->bus, self);
	return bus_serve(l->bus, self, false);
}

struct error *client_link_open(const void *ctx, uv_loop_t *loop, const struct client_options *client,
			       struct client_link **ret_link)
{
	struct client_link *l = mem_new(ctx, struct client_link);
	struct error *e;

	l->client = client;
	l->loop = loop;
	l->opened_ms = clock_mono_ms();
	talloc_set_destructor(l, link_destroy);
	e = open_bus(l);
	if (e) {
		mem_free(l);
		return e;
	}
	*ret_link = l;
	return NULL;
}
