/* Asking a node whether it is there. */
#include <string.h>

#include "api/command.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "manager/jobs/watch_impl.h"

#define ASK_AT_ONCE 512
/* Whoever complains all the time makes no more questions than these. */
#define ASK_LEAST_MS 500

struct watch_question {
	struct watch_question *next, **link;
	struct watch_jobs *watch;
	char *node_id;
	struct client_request_list *list;
	struct client_requests *requests;
	struct timer *probe; /* the next one; NULL: the bus cannot tell */
	int64_t began_ms;
	int64_t gone_ms; /* since when nobody serves its mailbox; 0: somebody does, or it is not known */
};

static int question_destroy(struct watch_question *q)
{
	*q->link = q->next;
	if (q->next)
		q->next->link = q->link;
	q->watch->question_count--;
	return 0;
}

static struct watch_question *question_to(const struct watch_jobs *w, const char *node_id)
{
	struct watch_question *q = w->questions;

	while (q && strcmp(q->node_id, node_id) != 0)
		q = q->next;
	return q;
}

static bool was_asked_just_now(const struct watch_jobs *w, const char *node_id)
{
	size_t at = watch_first(w, node_id);
	const struct watch_part *p = at < w->part_count ? w->by_node[at] : NULL;

	return p && strcmp(p->witness.node_id, node_id) == 0 && p->asked_ms &&
	       clock_mono_ms() - p->asked_ms < ASK_LEAST_MS;
}

/* It has not answered, and there was a way to it. */
static void no_answer(struct watch_jobs *w, const struct watch_question *q)
{
	int64_t now_ms = clock_mono_ms();

	if (now_ms - w->began_ms < WATCH_SILENT_MS)
		return;
	/* Held up: the answer may be there, and is not read yet. */
	if (now_ms - q->began_ms > 2 * WATCH_ASK_MS)
		return;
	for (size_t i = watch_first(w, q->node_id);
	     i < w->part_count && strcmp(w->by_node[i]->witness.node_id, q->node_id) == 0; i++) {
		struct watch_part *p = w->by_node[i];

		if (p->state == PART_SUSPECT && p->complained_ms && p->heard_ms < q->began_ms)
			watch_lose(p, NULL, p->why);
	}
}

static void on_ended(const struct error *away, void *arg)
{
	struct watch_question *q = arg;
	struct watch_jobs *w = q->watch;
	const struct error *e = away ? away : q->list->items[0].error;

	/* Refused: it is there, and obeys somebody else now; that is for who gives it work to find out. */
	if (!e || e->code == ERROR_REFUSED)
		watch_alive(w, q->node_id, clock_mono_ms());
	else if (e->code == ERROR_TIMEOUT || e->code == ERROR_NOT_FOUND)
		no_answer(w, q);
	mem_free(q);
}

/* --- what the bus knows --- */

static void on_probe_timer(void *arg)
{
	const struct watch_question *q = arg;

	client_link_probe(q->watch->host->link, q->node_id);
}

/* Not yet believed: a bus that has just come back. One that is away for a moment is back within WATCH_GONE_MS. */
static void on_probed(const char *id, bool served, void *arg)
{
	struct watch_jobs *w = arg;
	struct watch_question *q = question_to(w, id);
	int64_t now_ms = clock_mono_ms();

	if (!q)
		return;
	if (served || !w->up_ms || now_ms - w->up_ms < WATCH_SILENT_MS)
		q->gone_ms = 0;
	else if (!q->gone_ms)
		q->gone_ms = now_ms;
	if (!q->gone_ms || now_ms - q->gone_ms < WATCH_GONE_MS)
		return;
	log_info("jobs.gone", "node=%s why=\"nobody serves its mailbox\"", id);
	no_answer(w, q);
	mem_free(q);
}

static void on_state(bool up, const struct error *why, void *arg)
{
	struct watch_jobs *w = arg;

	(void)why;
	w->up_ms = up ? clock_mono_ms() : 0;
}

void watch_listen(struct watch_jobs *w)
{
	const struct client_link_events events = {.state = on_state, .probed = on_probed, .arg = w};
	struct error *e = client_link_join(w, w->host->link, &events, &w->bus);

	if (e)
		log_warn("jobs.watch", "why=%s", log_q(e->message));
	error_free(e);
}

/* --- asking --- */

void watch_ask(struct watch_jobs *w, const char *node_id)
{
	const struct client_request_options options = {.link = w->host->link,
						       .timeout_ms = WATCH_ASK_MS,
						       .patience_ms = WATCH_ASK_MS,
						       .ttl_ms = CLIENT_TTL_LEAST_MS};
	struct client_request_events events = {.ended = on_ended};
	struct watch_question *q;
	struct error *e;

	if (question_to(w, node_id) || was_asked_just_now(w, node_id) || w->question_count >= ASK_AT_ONCE)
		return;
	q = mem_new(w, struct watch_question);
	*q = (struct watch_question){.next = w->questions, .link = &w->questions, .watch = w};
	if (q->next)
		q->next->link = &q->next;
	w->questions = q;
	w->question_count++;
	talloc_set_destructor(q, question_destroy);
	q->node_id = mem_strdup(q, node_id);
	q->began_ms = clock_mono_ms();
	q->list = client_requests_new(q);
	client_requests_add(q->list, node_id, NULL, api_command_document(API_PIPELINE_LIST, node_id, NULL, NULL));
	for (size_t i = watch_first(w, node_id);
	     i < w->part_count && strcmp(w->by_node[i]->witness.node_id, node_id) == 0; i++)
		w->by_node[i]->asked_ms = q->began_ms;
	events.arg = q;
	if (client_link_probe(w->host->link, node_id))
		q->probe = timer_start(q, w->host->loop, WATCH_PROBE_MS, WATCH_PROBE_MS, on_probe_timer, q);
	e = client_requests_begin(q, &options, q->list, &events, &q->requests);
	if (e) {
		log_warn("jobs.ask", "node=%s why=%s", node_id, log_q(e->message));
		mem_free(q);
	}
	error_free(e);
}
