#include "manager/remotes.h"

#include <string.h>

#include "base/mem.h"
#include "http/origin.h"

#define SERVICES 16
#define PEERS (SERVICES * REMOTES_EACH)

struct remotes_service {
	const struct remotes *all;
	const struct service_ops *ops;
	struct remote *list[REMOTES_EACH];
	size_t count; /* 0: nobody has told where it is */
	struct method_group group;
};

struct remotes {
	const struct remotes_options *options;
	uv_loop_t *loop;
	struct remote *peers[PEERS];
	size_t peer_count;
	struct remotes_service services[SERVICES];
	size_t count;
};

/* --- which of them --- */

static struct remote *choose(const struct remotes_service *s)
{
	struct remote *found = s->list[0];

	for (size_t i = s->count; i-- > 0;) {
		if (!remote_trouble(s->list[i]))
			found = s->list[i];
	}
	for (size_t i = s->count; i-- > 0;) {
		if (!remote_trouble(s->list[i]) && remote_leads(s->list[i], s->ops->name))
			found = s->list[i];
	}
	return found;
}

static void begin(struct method_call *c, void *arg)
{
	struct remotes_service *s = arg;

	if (method_caller(c)->passed_on)
		method_fail(c, error_new(ERROR_UNAVAILABLE,
					 "%s was passed on to a dsnd that does not host %s: look at its --peer",
					 method_row(c)->name, s->ops->name));
	else
		remote_call(choose(s), c);
}

static struct error *not_here(const struct method *row, const struct caller *caller, void *arg)
{
	const struct remotes_service *s = arg;

	(void)caller;
	return error_new(ERROR_UNAVAILABLE,
			 "%s is a method of %s, which this dsnd does not host and has no --peer for: call %s",
			 row->name, s->ops->name, s->all->options->network->origin);
}

/* --- what is told of them --- */

bool remotes_named(char **names, const char *name)
{
	for (char **p = names; p && *p; p++) {
		if (strcmp(*p, name) == 0)
			return true;
	}
	return !names;
}

/* The length of the service's name in SERVICE=URL; 0: it is none. */
static size_t name_length(const char *word)
{
	size_t n = strcspn(word, "=");

	return word[n] ? n : 0;
}

struct error *remotes_check(const char *word)
{
	size_t n = name_length(word);

	if (!n)
		return error_new(ERROR_INVALID, "\"%.80s\" is not SERVICE=URL, such as jobs=http://127.0.0.1:8642",
				 word);
	return remote_check_url(word + n + 1);
}

static struct remotes_service *find(struct remotes *p, const char *word)
{
	size_t n = name_length(word);

	for (size_t i = 0; i < p->count; i++) {
		const char *name = p->services[i].ops->name;

		if (strlen(name) == n && strncmp(name, word, n) == 0)
			return &p->services[i];
	}
	return NULL;
}

/* One for each URL, whatever it hosts. */
static struct error *find_peer(struct remotes *p, const char *url, struct remote **ret_peer)
{
	const struct remote_options options = {url, p->options->token, p->options->network};
	struct http_origin o;

	TRY(http_origin_read(url, 0, &o));
	for (size_t i = 0; i < p->peer_count; i++) {
		if (strcmp(remote_url(p->peers[i]), o.text) == 0) {
			*ret_peer = p->peers[i];
			return NULL;
		}
	}
	TRY(remote_new(p, p->loop, &options, ret_peer));
	p->peers[p->peer_count++] = *ret_peer;
	return NULL;
}

static struct error *take_word(struct remotes *p, const char *word)
{
	struct remotes_service *s;
	int n = (int)name_length(word);

	TRY(remotes_check(word));
	s = find(p, word);
	for (const struct service_ops *const *ops = p->options->known; !s && *ops; ops++) {
		if (strlen((*ops)->name) == (size_t)n && strncmp((*ops)->name, word, (size_t)n) == 0)
			return error_new(ERROR_EXISTS, "%s is hosted here: leave it out", (*ops)->name);
	}
	if (!s)
		return error_new(ERROR_NOT_FOUND, "there is no service \"%.*s\"", n > 40 ? 40 : n, word);
	if (s->count == REMOTES_EACH)
		return error_new(ERROR_LIMIT, "%s is named more than %d times", s->ops->name, REMOTES_EACH);
	return find_peer(p, word + n + 1, &s->list[s->count++]);
}

/* What a service of ours needs has to be somewhere. */
static struct error *check_calls(const struct remotes *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const char *name = p->services[i].ops->name;

		for (const struct service_ops *const *ops = p->options->known; !p->services[i].count && *ops; ops++) {
			if (remotes_named(p->options->hosted, (*ops)->name) && (*ops)->calls &&
			    strcmp((*ops)->calls, name) == 0)
				return error_new(ERROR_INVALID,
						 "%s calls %s, which this dsnd does not host: --peer %s=URL, please",
						 (*ops)->name, name, name);
		}
	}
	return NULL;
}

static void add_service(struct remotes *p, const struct service_ops *ops)
{
	p->services[p->count++] = (struct remotes_service){.all = p, .ops = ops};
}

static void add_methods(struct methods *all, struct remotes_service *s)
{
	s->group = (struct method_group){.rows = s->ops->methods,
					 .count = s->ops->method_count,
					 .arg = s,
					 .begin = s->count ? begin : NULL,
					 .closed = s->count ? NULL : not_here,
					 .closed_arg = s};
	methods_add_group(all, &s->group);
}

struct error *remotes_open(const void *ctx, uv_loop_t *loop, struct methods *all, const struct remotes_options *options,
			   struct remotes **ret_peers)
{
	struct remotes *p = mem_new(ctx, struct remotes);

	p->options = options;
	p->loop = loop;
	for (const struct service_ops *const *ops = options->known; *ops && p->count < SERVICES; ops++) {
		if (!remotes_named(options->hosted, (*ops)->name))
			add_service(p, *ops);
	}
	for (char **word = options->words; word && *word; word++) {
		struct error *e = take_word(p, *word);

		if (e)
			return error_wrap(e, "--peer");
	}
	TRY(check_calls(p));
	for (size_t i = 0; i < p->count; i++)
		add_methods(all, &p->services[i]);
	*ret_peers = p;
	return NULL;
}

/* --- how they are --- */

struct error *remotes_health(const struct remotes *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct remotes_service *s = &p->services[i];
		const struct remote *chosen = choose(s);

		if (!s->count)
			continue;
		if (remote_trouble(chosen))
			return error_new(ERROR_UNAVAILABLE, "%s: the dsnd at %s: %s", s->ops->name, remote_url(chosen),
					 remote_trouble(chosen)->message);
		if (!remote_leads(chosen, s->ops->name))
			return error_new(ERROR_UNAVAILABLE, "%s: the dsnd at %s does not lead it, as far as is known",
					 s->ops->name, remote_url(chosen));
	}
	return NULL;
}

bool remotes_request(struct remotes *p, struct http_request *r)
{
	const char *path = http_request_path(r);

	for (size_t i = 0; i < p->count; i++) {
		const struct remotes_service *s = &p->services[i];

		if (!s->count || !s->ops->path || strncmp(path, s->ops->path, strlen(s->ops->path)) != 0)
			continue;
		remote_page(choose(s), r);
		return true;
	}
	return false;
}

void remotes_measure(struct metrics_text *t, const struct remotes *p)
{
	metrics_head(t, METRICS_GAUGE, "peer_up", "Can the service be called at another dsnd, which leads it?");
	for (size_t i = 0; i < p->count; i++) {
		const struct remotes_service *s = &p->services[i];
		const struct remote *chosen = choose(s);

		if (s->count)
			metrics_line(t, "peer_up", "service", s->ops->name,
				     !remote_trouble(chosen) && remote_leads(chosen, s->ops->name));
	}
}
