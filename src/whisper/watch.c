/* Who wants raw envelopes of which topics. */
#include <string.h>

#include "base/mem.h"
#include "whisper/node_impl.h"

struct shh_watch {
	struct shh *node;
	shh_watch_fn *fn;
	void *arg;
	uint64_t until; /* number of the newest envelope when it began: up to here from the pool */
	struct timer *first;
};

static int watch_destroy(struct shh_watch *w)
{
	topic_index_remove(&w->node->watched, w);
	return 0;
}

static bool is_wanted(const struct shh_watch *w, const struct envelope *e)
{
	size_t count;
	const struct topic_index_entry *entries = topic_index_find(&w->node->watched, e->topic, &count);

	for (size_t i = 0; i < count; i++) {
		if (entries[i].value == w)
			return true;
	}
	return false;
}

static void on_first(void *arg)
{
	struct shh_watch *w = arg;
	const struct envelope *e;
	uint64_t number = 0;

	while ((e = pool_next(w->node->pool, &number)) && number <= w->until) {
		if (is_wanted(w, e))
			w->fn(e, w->arg);
	}
}

struct shh_watch *shh_watch(struct shh *s, const void *ctx, const uint8_t (*topics)[TOPIC_BYTES], size_t count,
			    shh_watch_fn *fn, void *arg)
{
	struct shh_watch *w = mem_new(ctx, struct shh_watch);

	w->node = s;
	w->fn = fn;
	w->arg = arg;
	w->until = pool_newest(s->pool);
	for (size_t i = 0; i < count; i++)
		topic_index_add(&s->watched, topics[i], w);
	shh_want_topics(s, topics, count);
	w->first = timer_start(w, s->loop, 0, 0, on_first, w);
	talloc_set_destructor(w, watch_destroy);
	return w;
}

void shh_watches_offer(struct shh *s, const struct envelope *e)
{
	size_t count;
	const struct topic_index_entry *entries = topic_index_find(&s->watched, e->topic, &count);

	for (size_t i = 0; i < count; i++) {
		struct shh_watch *w = entries[i].value;

		w->fn(e, w->arg);
	}
}

void shh_watches_bloom(const struct shh *s, uint8_t bloom[BLOOM_BYTES])
{
	for (size_t i = 0; i < s->watched.count; i++)
		bloom_add(bloom, s->watched.entries[i].topic);
}
