#include "shhd/derivation.h"

#include <string.h>

#include "base/loop.h"
#include "base/mem.h"
#include "crypto/secret.h"

struct derivation {
	struct derivations *queue;
	struct derivation *next;
	char *password;
	uint8_t key[SYM_KEY_BYTES];
	derived_fn *done;
	void *arg;
};

struct derivations {
	uv_loop_t *loop;
	struct derivation *waiting, **waiting_end; /* children of the queue until they run */
	bool running;
};

static int derivation_destroy(struct derivation *w)
{
	secret_wipe(w->password, strlen(w->password));
	secret_wipe(w->key, sizeof(w->key));
	return 0;
}

static void run_derivation(void *arg)
{
	struct derivation *w = arg;

	payload_key_from_password(w->password, w->key);
}

static void run_next(struct derivations *q);

static void on_derived(void *arg)
{
	struct derivation *w = arg;

	w->queue->running = false;
	run_next(w->queue);
	w->done(w->key, w->arg); /* may free the queue */
}

static void drop_derivation(void *arg)
{
	mem_free(arg);
}

static void run_next(struct derivations *q)
{
	struct derivation *w = q->waiting;

	if (!w || q->running)
		return;
	q->waiting = w->next;
	if (!q->waiting)
		q->waiting_end = &q->waiting;
	q->running = true;
	talloc_steal(NULL, w);
	work_start(q, q->loop, run_derivation, on_derived, drop_derivation, w);
}

struct derivations *derivations_new(const void *ctx, uv_loop_t *loop)
{
	struct derivations *q = mem_new(ctx, struct derivations);

	q->loop = loop;
	q->waiting_end = &q->waiting;
	return q;
}

void derivation_start(struct derivations *q, const char *password, derived_fn *done, void *arg)
{
	struct derivation *w = mem_new(q, struct derivation);

	w->queue = q;
	w->password = mem_strdup(w, password);
	w->done = done;
	w->arg = arg;
	talloc_set_destructor(w, derivation_destroy);
	*q->waiting_end = w;
	q->waiting_end = &w->next;
	run_next(q);
}
