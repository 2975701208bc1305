#include "vcli/whisper/whisper_ping.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "vcli/whisper/whisper_message.h"

#define BUCKETS 4096 /* a power of two */
#define LOOK_MS 100

struct ping {
	char id[WHISPER_ID_DIGITS + 1];
	struct ping_sender *sender;
	struct whisper_target *target;
	int64_t began_us, until_ms;
	bool over; /* answered or lost; it stays until its post is done too */
	bool posted;
	struct ping *bucket_next;
	struct ping *next; /* in the order they were sent */
};

struct engine {
	struct whisper_ping public;
	struct ping_sender *all;
	struct ping *buckets[BUCKETS];
	struct ping *oldest, **newest;
	size_t working; /* senders that have pings left, or a post under way */
	bool done;
	void (*each)(struct whisper_ping *p, void *arg);
	void *arg;
};

struct ping_sender {
	struct engine *engine;
	struct whisper_node *node;
	char *pair, *own;
	bool made; /* the pair is ours to delete */
	size_t own_index, next, planned;
	struct timer *pause;
};

static struct ping **bucket_of(struct engine *g, const char *id)
{
	unsigned n = 0;

	for (size_t i = 0; i < 3; i++)
		n = n << 4 | (unsigned)hex_digit(id[i]);
	return &g->buckets[n % BUCKETS];
}

static void check_done(struct engine *g)
{
	g->done = g->working == 0 && !g->oldest;
}

/* The pings at the front that nothing is to come of any more. */
static void drop_settled(struct engine *g)
{
	while (g->oldest && g->oldest->over && g->oldest->posted) {
		struct ping *p = g->oldest, **at = bucket_of(g, p->id);

		while (*at != p)
			at = &(*at)->bucket_next;
		*at = p->bucket_next;
		g->oldest = p->next;
		if (!g->oldest)
			g->newest = &g->oldest;
		mem_free(p);
	}
	check_done(g);
}

/* --- sending --- */

static void send_next(struct ping_sender *s);

static void on_pause(void *arg)
{
	send_next(arg);
}

static void on_posted(const json_t *result, const struct error *e, void *arg)
{
	struct ping *p = arg;
	struct ping_sender *s = p->sender;
	struct engine *g = s->engine;

	p->posted = true;
	if (result)
		whisper_times_add(g, &g->public.post_times, (double)(clock_mono_us() - p->began_us) / 1e3);
	if (e && !g->public.failure)
		g->public.failure = error_wrap(error_copy(e), "%s", s->node->name);
	if (e)
		p->until_ms = 0;
	if (s->next < s->planned) {
		mem_free(s->pause);
		s->pause = timer_start(g, &g->public.senders->v->loop, g->public.interval_ms, 0, on_pause, s);
	} else {
		g->working--;
	}
	drop_settled(g);
}

static void send_ping(struct ping_sender *s, struct whisper_target *target)
{
	struct engine *g = s->engine;
	const struct vcli_whisper_options *options = &g->public.senders->v->set.whisper;
	struct ping *p = mem_new(g, struct ping), **bucket;
	char *id = hex_random(p, WHISPER_ID_DIGITS / 2), *text = whisper_note_text(p, WHISPER_PING, id);

	memcpy(p->id, id, sizeof(p->id));
	p->sender = s;
	p->target = target;
	p->began_us = clock_mono_us();
	p->until_ms = clock_mono_ms() + g->public.wait_ms;
	bucket = bucket_of(g, p->id);
	p->bucket_next = *bucket;
	*bucket = p;
	*g->newest = p;
	g->newest = &p->next;
	target->sent++;
	g->public.sent++;
	rpc_client_call(
		s->node->rpc, "shh_post",
		json_pack("[o]", whisper_post(options, "pubKey", target->entry->public, s->pair, text, strlen(text))),
		on_posted, p);
}

static void send_next(struct ping_sender *s)
{
	struct whisper_ping *p = &s->engine->public;
	/* Senders begin at different places, so that no target gets all at once. */
	size_t i = s->next++ + s->node->index * p->target_count / p->senders->count;

	send_ping(s, &p->targets[i % p->target_count]);
}

/* --- what comes of it --- */

static void on_message(struct whisper_node *n, const json_t *message)
{
	struct ping_sender *s = n->data;
	struct engine *g = s->engine;
	struct whisper_note note;
	struct ping *p;
	double ms;
	struct error *e = whisper_note_read(message, &note);

	if (e || note.kind != WHISPER_PONG) {
		error_free(e);
		return;
	}
	p = *bucket_of(g, note.id);
	while (p && strcasecmp(p->id, note.id) != 0)
		p = p->bucket_next;
	/* Only who was pinged may answer, and once. */
	if (!p || p->over || p->sender != s || strcmp(note.signer, p->target->entry->public) != 0)
		return;
	ms = (double)(clock_mono_us() - p->began_us) / 1e3;
	p->over = true;
	p->target->answered++;
	whisper_times_add(g, &p->target->times, ms);
	g->public.answered++;
	whisper_times_add(g, &g->public.times, ms);
	drop_settled(g);
}

static void on_look(void *arg)
{
	struct engine *g = arg;
	int64_t now_ms = clock_mono_ms();

	for (struct ping *p = g->oldest; p; p = p->next) {
		if (p->over || p->until_ms > now_ms)
			continue;
		p->over = true;
		p->target->lost++;
		g->public.lost++;
	}
	drop_settled(g);
	if (g->each)
		g->each(&g->public, g->arg);
}

/* --- keys --- */

static struct error *give_key(struct engine *g, struct ping_sender *s, const struct whisper_list *list)
{
	for (size_t i = 0; i < list->count && !s->pair; i++) {
		json_t *has = NULL;

		TRY(whisper_call(s->node, "shh_hasKeyPair", json_pack("[s]", list->items[i].pair_id), &has));
		if (json_is_true(has))
			s->pair = mem_strdup(g, list->items[i].pair_id);
		json_decref(has);
	}
	if (!s->pair) {
		TRY(whisper_call_text(g, s->node, "shh_newKeyPair", json_array(), &s->pair));
		s->made = true;
	}
	TRY(whisper_public_key(g, s->node, s->pair, &s->own));
	return whisper_call(s->node, "shh_subscribe",
			    json_pack("[s, {ss, s[s]}]", "messages", "privateKeyID", s->pair, "topics",
				      g->public.senders->v->set.whisper.topic),
			    NULL);
}

static bool is_own(const struct engine *g, const struct whisper_entry *entry)
{
	for (size_t i = 0; i < g->public.senders->count; i++) {
		if (strcasecmp(g->all[i].own, entry->public) == 0)
			return true;
	}
	return false;
}

static struct error *find_targets(struct engine *g, const struct whisper_list *list)
{
	struct whisper_ping *p = &g->public;

	p->targets = mem_array(g, struct whisper_target, list->count);
	for (size_t i = 0; i < list->count; i++) {
		if (!is_own(g, &list->items[i]))
			p->targets[p->target_count++].entry = &list->items[i];
	}
	if (p->target_count == 0)
		return error_new(ERROR_NOT_FOUND, "the list has no node but those that ping");
	if ((uint64_t)p->count > WHISPER_PINGS_MAX / p->target_count / p->senders->count)
		return error_new(ERROR_LIMIT, "%zu nodes that ping %zu others %lld times: at most %d pings are sent",
				 p->senders->count, p->target_count, (long long)p->count, WHISPER_PINGS_MAX);
	p->planned = p->senders->count * p->target_count * (size_t)p->count;
	return NULL;
}

struct error *whisper_ping_new(struct whisper_nodes *senders, const struct whisper_list *list, int64_t count,
			       struct whisper_ping **ret_ping)
{
	struct engine *g = mem_new(senders, struct engine);
	struct error *e = NULL;

	g->public.senders = senders;
	g->public.count = count;
	g->newest = &g->oldest;
	g->all = mem_array(g, struct ping_sender, senders->count);
	senders->take = on_message;
	for (size_t i = 0; i < senders->count && !e; i++) {
		g->all[i] = (struct ping_sender){.engine = g, .node = &senders->items[i]};
		senders->items[i].data = &g->all[i];
		e = give_key(g, &g->all[i], list);
	}
	if (!e)
		e = find_targets(g, list);
	if (e) {
		whisper_ping_end(&g->public);
		return e;
	}
	*ret_ping = &g->public;
	return NULL;
}

struct error *whisper_ping_run(struct whisper_ping *p, void (*each)(struct whisper_ping *p, void *arg), void *arg)
{
	struct engine *g = (struct engine *)p;
	struct timer *look;

	g->each = each;
	g->arg = arg;
	p->began_ms = clock_mono_ms();
	g->working = p->senders->count;
	look = timer_start(g, &p->senders->v->loop, LOOK_MS, LOOK_MS, on_look, g);
	for (size_t i = 0; i < p->senders->count; i++) {
		g->all[i].planned = p->target_count * (size_t)p->count;
		send_next(&g->all[i]);
	}
	whisper_run(p->senders, &g->done, 0);
	mem_free(look);
	for (size_t i = 0; i < p->senders->count; i++) {
		mem_free(g->all[i].pause);
		g->all[i].pause = NULL;
	}
	p->took_ms = clock_mono_ms() - p->began_ms;
	if (p->answered == 0 && p->failure)
		return error_copy(p->failure);
	if (!p->senders->interrupted && !g->done)
		return error_new(ERROR_UNAVAILABLE, "the connection to %s has ended",
				 p->senders->count > 1 ? "every node that pings" : "the node that pings");
	return NULL;
}

void whisper_ping_end(struct whisper_ping *p)
{
	struct engine *g = (struct engine *)p;

	p->senders->take = NULL;
	p->senders->interrupted = false; /* what is left to do is short */
	for (size_t i = 0; i < p->senders->count; i++) {
		struct ping_sender *s = &g->all[i];

		if (s->made && rpc_client_is_open(s->node->rpc))
			error_free(whisper_call(s->node, "shh_deleteKeyPair", json_pack("[s]", s->pair), NULL));
	}
	/* Posts that are still under way must not come back to what is freed here. */
	for (size_t i = 0; i < p->senders->count; i++) {
		mem_free(p->senders->items[i].rpc);
		p->senders->items[i].rpc = NULL;
	}
	error_free(p->failure);
	mem_free(g);
}
