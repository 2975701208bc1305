#include "whisper/opening.h"

#include <string.h>

#include "base/loop.h"
#include "base/mem.h"

#define RUNNING_MAX 2            /* batches on workers: libuv has four of these for everybody */
#define LISTED_MAX 8             /* batches running, or done and waiting for an earlier one */
#define BATCH_TRIALS 32          /* keys tried in a batch, about: bounds how long its first one waits for its last */
#define BATCH_BYTES (256 * 1024) /* decrypted in a batch, about */

struct opening {
	struct opening *next;
	struct envelope *envelope;
	bool direct;
	uint64_t stamp;
	struct whisper_message *message; /* once opened */
	const struct opening_key *by;
	size_t trials; /* keys tried */
	size_t key_count;
	struct opening_key *keys[];
};

/* Top-level, for workers; freed when neither the queue nor base/loop.h needs it any more. */
struct batch {
	struct opening_queue *queue; /* NULL: the queue has gone */
	struct batch *next;
	struct opening *first;
	bool listed, running, delivering;
};

struct opening_queue {
	uv_loop_t *loop;
	size_t count_limit, byte_limit;
	opened_fn *opened;
	void *arg;
	struct opening *waiting, **waiting_end;
	size_t waiting_bytes;
	struct batch *batches, **batches_end; /* in the order of arrival, until delivered */
	size_t running, listed;
	struct opening_counters counters;
};

static void opening_free(struct opening *o)
{
	for (size_t i = 0; i < o->key_count; i++)
		opening_key_unref(o->keys[i]);
	whisper_message_unref(o->message);
	envelope_unref(o->envelope);
	mem_free(o);
}

static void openings_free(struct opening *o)
{
	while (o) {
		struct opening *next = o->next;

		opening_free(o);
		o = next;
	}
}

static void batch_release(struct batch *b)
{
	if (b->listed || b->running || b->delivering)
		return;
	openings_free(b->first);
	mem_free(b);
}

/* --- on a worker --- */

static struct whisper_message *try_key(const struct opening_key *k, struct envelope *e)
{
	struct payload payload;
	struct error *error;

	if (k->symmetric)
		error = payload_open_sym(NULL, k->sym_key, e->data, e->data_bytes, &payload);
	else
		error = payload_open_asym(NULL, &k->key, e->data, e->data_bytes, &payload);
	if (error) {
		error_free(error);
		return NULL;
	}
	return whisper_message_new(e, &payload, k->symmetric ? NULL : k->key.public);
}

static void batch_run(void *arg)
{
	const struct batch *b = arg;

	for (struct opening *o = b->first; o; o = o->next) {
		for (size_t i = 0; i < o->key_count && !o->message; i++) {
			o->message = try_key(o->keys[i], o->envelope);
			o->by = o->keys[i];
			o->trials++;
		}
	}
}

/* --- on the loop --- */

static int queue_destroy(struct opening_queue *q)
{
	struct batch *b = q->batches;

	openings_free(q->waiting);
	while (b) {
		struct batch *next = b->next;

		b->queue = NULL;
		b->listed = false;
		batch_release(b);
		b = next;
	}
	return 0;
}

struct opening_queue *opening_queue_new(const void *ctx, uv_loop_t *loop, size_t count_limit, size_t byte_limit,
					opened_fn *opened, void *arg)
{
	struct opening_queue *q = mem_new(ctx, struct opening_queue);

	q->loop = loop;
	q->count_limit = count_limit;
	q->byte_limit = byte_limit;
	q->opened = opened;
	q->arg = arg;
	q->waiting_end = &q->waiting;
	q->batches_end = &q->batches;
	talloc_set_destructor(q, queue_destroy);
	return q;
}

static size_t opening_bytes(const struct opening *o)
{
	return offsetof(struct opening, keys[o->key_count]) + o->envelope->raw_bytes;
}

static struct opening *take_waiting(struct opening_queue *q)
{
	struct opening *o = q->waiting;

	q->waiting = o->next;
	if (!q->waiting)
		q->waiting_end = &q->waiting;
	q->counters.waiting--;
	q->waiting_bytes -= opening_bytes(o);
	o->next = NULL;
	return o;
}

static void start_batches(struct opening_queue *q);

/* False: the queue was freed by whom it delivers to. */
static bool deliver_batch(struct batch *b)
{
	for (const struct opening *o = b->first; o && b->queue; o = o->next) {
		struct opening_result r = {.message = o->message, .by = o->by, .direct = o->direct, .stamp = o->stamp};

		b->queue->counters.trials += o->trials;
		if (!o->message)
			continue;
		b->queue->counters.opened++;
		b->queue->opened(&r, b->queue->arg);
	}
	return b->queue != NULL;
}

static void deliver(struct opening_queue *q)
{
	while (q->batches && !q->batches->running) {
		struct batch *b = q->batches;
		bool go_on;

		b->delivering = true;
		go_on = deliver_batch(b);
		b->delivering = false;
		if (!go_on) {
			batch_release(b);
			return;
		}
		q->batches = b->next;
		if (!q->batches)
			q->batches_end = &q->batches;
		q->listed--;
		b->listed = false;
		batch_release(b);
	}
	start_batches(q); /* those held back by LISTED_MAX */
}

static void batch_drop(void *arg)
{
	struct batch *b = arg;
	struct opening_queue *q = b->queue;

	b->running = false;
	if (!q) {
		batch_release(b);
		return;
	}
	q->running--;
	start_batches(q); /* first: the workers go on while we deliver */
	deliver(q);
}

static void start_batch(struct opening_queue *q)
{
	struct batch *b = mem_new(NULL, struct batch);
	struct opening **end = &b->first;
	size_t trials = 0, bytes = 0;

	do {
		struct opening *o = take_waiting(q);

		trials += o->key_count;
		bytes += o->key_count * o->envelope->data_bytes;
		*end = o;
		end = &o->next;
		q->counters.tried++;
	} while (q->waiting && trials < BATCH_TRIALS && bytes < BATCH_BYTES);
	b->queue = q;
	b->listed = b->running = true;
	*q->batches_end = b;
	q->batches_end = &b->next;
	q->running++;
	q->listed++;
	work_start(q, q->loop, batch_run, NULL, batch_drop, b);
}

static void start_batches(struct opening_queue *q)
{
	while (q->waiting && q->running < RUNNING_MAX && q->listed < LISTED_MAX)
		start_batch(q);
}

void opening_queue_add(struct opening_queue *q, struct envelope *e, struct opening_key *const *keys, size_t key_count,
		       bool direct, uint64_t stamp)
{
	struct opening *o = mem_zalloc_(NULL, offsetof(struct opening, keys[key_count]), "struct opening");

	o->envelope = envelope_ref(e);
	o->direct = direct;
	o->stamp = stamp;
	o->key_count = key_count;
	for (size_t i = 0; i < key_count; i++)
		o->keys[i] = opening_key_ref(keys[i]);
	*q->waiting_end = o;
	q->waiting_end = &o->next;
	q->counters.waiting++;
	q->waiting_bytes += opening_bytes(o);
	start_batches(q);
	while (q->counters.waiting > q->count_limit || (q->counters.waiting > 1 && q->waiting_bytes > q->byte_limit)) {
		opening_free(take_waiting(q));
		q->counters.dropped++;
	}
}

void opening_queue_count(const struct opening_queue *q, struct opening_counters *ret_counters)
{
	*ret_counters = q->counters;
}
