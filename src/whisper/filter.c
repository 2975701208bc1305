#include "whisper/filter.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "whisper/bloom.h"
#include "whisper/filter_queue.h"
#include "whisper/opening.h"
#include "whisper/topic_index.h"

struct filter {
	struct filters *all;
	struct filter *next, **link; /* of all of them */
	struct opening_key *key;
	uint64_t number; /* in the order they were added */
	bool any_topic, has_from, allow_direct, removed;
	uint8_t from[SECP_PUBLIC_BYTES];
	double min_pow;
	void (*message)(struct whisper_message *m, void *arg);
	void *arg;
	struct filter_queue *queue;
};

struct filters {
	struct filter *first, **end;
	struct topic_index by_topic, any_topic; /* the latter under topic 0 only */
	uint64_t newest, offers;
	struct opening_queue *queue;
	uint64_t dropped;
	struct filter *removed; /* while delivering: freed afterwards, since the present one may be among them */
	bool *gone;             /* while delivering: set when the filters are freed meanwhile */
};

/* Filters that an envelope concerns: those of its topic, then those without topics. */
struct candidates {
	const struct topic_index_entry *own, *any;
	size_t own_count, any_count;
};

static const uint8_t no_topic[TOPIC_BYTES];

static struct candidates candidates(const struct filters *fs, const struct envelope *e)
{
	struct candidates c;

	c.own = topic_index_find(&fs->by_topic, e->topic, &c.own_count);
	c.any = topic_index_find(&fs->any_topic, no_topic, &c.any_count);
	return c;
}

static size_t candidate_count(const struct candidates *c)
{
	return c->own_count + c->any_count;
}

static struct filter *candidate(const struct candidates *c, size_t i)
{
	return i < c->own_count ? c->own[i].value : c->any[i - c->own_count].value;
}

/* --- delivering --- */

/* Did it ask for this, whatever is inside? `newest`: of the filters when the envelope came. */
static bool asks_for(const struct filter *f, const struct envelope *e, bool direct, uint64_t newest)
{
	if (f->number > newest || (direct && !f->allow_direct))
		return false;
	return f->min_pow <= 0 || envelope_worth(e) >= f->min_pow;
}

static bool from_asked(const struct filter *f, const struct payload *p)
{
	return !f->has_from || (p->is_signed && !memcmp(f->from, p->signer, SECP_PUBLIC_BYTES));
}

static void hand_over(struct filters *fs, struct filter *f, struct whisper_message *m)
{
	if (f->message)
		f->message(m, f->arg);
	else
		fs->dropped += filter_queue_add(f->queue, m);
}

static void free_removed(struct filters *fs)
{
	while (fs->removed) {
		struct filter *f = fs->removed;

		fs->removed = f->next;
		mem_free(f);
	}
}

static void on_opened(const struct opening_result *r, void *arg)
{
	struct filters *fs = arg;
	struct candidates c = candidates(fs, r->message->envelope);
	struct filter **takers = mem_array(NULL, struct filter *, candidate_count(&c));
	bool gone = false;
	size_t n = 0;

	/* A list of its own, since callbacks change the filters. */
	for (size_t i = 0; i < candidate_count(&c); i++) {
		struct filter *f = candidate(&c, i);

		if (f->key == r->by && asks_for(f, r->message->envelope, r->direct, r->stamp) &&
		    from_asked(f, &r->message->payload))
			takers[n++] = f;
	}
	fs->gone = &gone;
	for (size_t i = 0; i < n && !gone; i++) {
		if (!takers[i]->removed)
			hand_over(fs, takers[i], r->message);
	}
	mem_free(takers);
	if (gone)
		return;
	fs->gone = NULL;
	free_removed(fs);
}

/* --- the filters --- */

static int filters_destroy(struct filters *fs)
{
	if (fs->gone)
		*fs->gone = true;
	return 0;
}

struct filters *filters_new(const void *ctx, uv_loop_t *loop)
{
	struct filters *fs = mem_new(ctx, struct filters);

	fs->end = &fs->first;
	fs->by_topic.ctx = fs->any_topic.ctx = fs;
	fs->queue = opening_queue_new(fs, loop, FILTER_WAITING, FILTER_WAITING_BYTES, on_opened, fs);
	talloc_set_destructor(fs, filters_destroy);
	return fs;
}

static int filter_destroy(struct filter *f)
{
	opening_key_unref(f->key);
	return 0;
}

/* The key of another filter, when it is the same: it is tried once for both. */
static struct opening_key *shared_key(const struct filters *fs, const struct filter_options *o)
{
	for (const struct filter *f = fs->first; f; f = f->next) {
		if (opening_key_is(f->key, o->sym_key, o->key))
			return opening_key_ref(f->key);
	}
	return opening_key_new(o->sym_key, o->key);
}

struct filter *filter_add(struct filters *fs, const struct filter_options *o)
{
	struct filter *f = mem_new(fs, struct filter);

	assert(!o->sym_key != !o->key);
	f->all = fs;
	f->key = shared_key(fs, o);
	talloc_set_destructor(f, filter_destroy);
	f->number = ++fs->newest;
	f->has_from = o->from != NULL;
	if (o->from)
		memcpy(f->from, o->from, sizeof f->from);
	f->min_pow = o->min_pow;
	f->allow_direct = o->allow_direct;
	f->message = o->message;
	f->arg = o->arg;
	f->queue = filter_queue_new(f, o->kept_limit ? o->kept_limit : FILTER_KEPT,
				    o->kept_bytes ? o->kept_bytes : FILTER_KEPT_BYTES);
	f->any_topic = o->topic_count == 0;
	for (size_t i = 0; i < o->topic_count; i++)
		topic_index_add(&fs->by_topic, o->topics[i], f);
	if (f->any_topic)
		topic_index_add(&fs->any_topic, no_topic, f);
	f->link = fs->end;
	*fs->end = f;
	fs->end = &f->next;
	return f;
}

void filter_remove(struct filter *f)
{
	struct filters *fs = f->all;

	assert(!f->removed);
	topic_index_remove(f->any_topic ? &fs->any_topic : &fs->by_topic, f);
	*f->link = f->next;
	if (f->next)
		f->next->link = f->link;
	else
		fs->end = f->link;
	if (!fs->gone) {
		mem_free(f);
		return;
	}
	f->removed = true;
	f->next = fs->removed;
	fs->removed = f;
}

struct whisper_message **filter_take(struct filter *f, const void *ctx, size_t *ret_count)
{
	return filter_queue_take(f->queue, ctx, ret_count);
}

void filters_offer(struct filters *fs, struct envelope *e, bool direct)
{
	struct candidates c = candidates(fs, e);
	struct opening_key **keys;
	size_t n = 0;

	if (candidate_count(&c) == 0)
		return;
	keys = mem_array(NULL, struct opening_key *, candidate_count(&c));
	fs->offers++;
	for (size_t i = 0; i < candidate_count(&c); i++) {
		const struct filter *f = candidate(&c, i);

		if (f->key->mark == fs->offers || !asks_for(f, e, direct, fs->newest) || !opening_key_fits(f->key, e))
			continue;
		f->key->mark = fs->offers;
		keys[n++] = f->key;
	}
	if (n > 0)
		opening_queue_add(fs->queue, e, keys, n, direct, fs->newest);
	mem_free(keys);
}

bool filters_bloom(const struct filters *fs, uint8_t ret_bloom[BLOOM_BYTES])
{
	if (fs->any_topic.count > 0)
		return false;
	memset(ret_bloom, 0, BLOOM_BYTES);
	for (size_t i = 0; i < fs->by_topic.count; i++)
		bloom_add(ret_bloom, fs->by_topic.entries[i].topic);
	return true;
}

void filters_count(const struct filters *fs, struct filter_counters *ret_counters)
{
	struct opening_counters c;

	opening_queue_count(fs->queue, &c);
	*ret_counters = (struct filter_counters){.tried = c.tried,
						 .trials = c.trials,
						 .opened = c.opened,
						 .dropped = c.dropped + fs->dropped,
						 .waiting = c.waiting};
}
