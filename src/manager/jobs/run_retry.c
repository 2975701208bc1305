#include "manager/jobs/run_retry.h"

#include <string.h>
#include <strings.h>

#include "base/backoff.h"
#include "base/mem.h"

struct run_retry {
	struct run_retry *next;
	char *job;
	char **nodes;
	size_t count;
	struct backoff backoff;
	int64_t due_ms; /* 0: at once */
};

struct run_retries {
	struct run_retry *first;
};

struct run_retries *run_retries_new(const void *ctx)
{
	return mem_new(ctx, struct run_retries);
}

static struct run_retry *find(const struct run_retries *all, const char *job)
{
	struct run_retry *r = all->first;

	while (r && strcmp(r->job, job) != 0)
		r = r->next;
	return r;
}

static struct run_retry *add(struct run_retries *all, const char *job)
{
	struct run_retry *r = mem_new(all, struct run_retry);

	*r = (struct run_retry){.next = all->first,
				.job = mem_strdup(r, job),
				.backoff = {.first_ms = RUN_RETRY_MS, .max_ms = RUN_RETRY_MOST_MS}};
	all->first = r;
	return r;
}

void run_retries_put_off(struct run_retries *all, const char *job, const char *const *nodes, size_t count,
			 int64_t now_ms)
{
	struct run_retry *r = find(all, job);

	if (!r)
		r = add(all, job);
	mem_free(r->nodes);
	r->nodes = mem_array(r, char *, count + 1);
	for (r->count = 0; r->count < count; r->count++)
		r->nodes[r->count] = mem_strdup(r->nodes, nodes[r->count]);
	r->due_ms = now_ms + backoff_next_ms(&r->backoff, 0);
}

bool run_retries_may(const struct run_retries *all, const char *job, int64_t now_ms)
{
	const struct run_retry *r = find(all, job);

	return !r || now_ms >= r->due_ms;
}

void run_retries_heard(struct run_retries *all, const char *node_id)
{
	for (struct run_retry *r = all->first; r; r = r->next) {
		for (size_t i = 0; i < r->count; i++) {
			if (strcasecmp(r->nodes[i], node_id) == 0)
				r->due_ms = 0;
		}
	}
}

void run_retries_forget(struct run_retries *all, const char *job)
{
	struct run_retry **p = &all->first;

	while (*p) {
		struct run_retry *r = *p;

		if (job && strcmp(r->job, job) != 0) {
			p = &r->next;
			continue;
		}
		*p = r->next;
		mem_free(r);
	}
}
