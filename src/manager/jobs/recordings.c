/* Telling storages to delete what orders have stored, when its time is over (recording_rows.h). */
#include "api/command.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "client/request.h"
#include "manager/jobs/jobs_impl.h"
#include "manager/jobs/recording_rows.h"

/* One at a time. */
struct jobs_deletion {
	struct jobs *jobs;
	struct recording_row *list; /* as the requests */
	size_t count;
	struct client_request_list *requests;
	struct client_requests *handle;
};

/* Who never had it, or has it no more, has nothing to delete. */
static bool is_gone(const struct client_request *q)
{
	return !q->away && !q->unsent && (!q->error || q->error->code == ERROR_NOT_FOUND);
}

static struct error *note(const struct jobs_deletion *d, size_t i)
{
	const struct client_request *q = &d->requests->items[i];
	struct db *db = d->jobs->host->db;

	if (is_gone(q))
		return recording_rows_gone(db, &d->list[i]);
	log_info("jobs.delete", "job=%s node=%s why=%s", d->list[i].job, d->list[i].node_id,
		 log_q(q->error ? q->error->message : "it is away, and learns it when it is back"));
	return q->unsent ? NULL : recording_rows_told(db, &d->list[i], clock_wall_ms());
}

static void on_ended(const struct error *away, void *arg)
{
	struct jobs_deletion *d = arg;
	struct error *e = away ? error_copy(away) : NULL;

	for (size_t i = 0; !e && i < d->count; i++)
		e = note(d, i);
	if (e)
		log_warn("jobs.delete", "why=%s", log_q(e->message));
	error_free(e);
	d->jobs->deletion = NULL;
	mem_free(d);
}

static struct error *tell_storages(struct jobs_deletion *d)
{
	const struct service_host *host = d->jobs->host;
	const struct client_request_options options = {
		.link = host->link,
		.timeout_ms = host->start_ms,
		.patience_ms = host->start_ms,
		.ttl_ms = CLIENT_TTL_LEAST_MS,
		.term = service_term(host),
	};
	const struct client_request_events events = {.ended = on_ended, .arg = d};

	if (!options.term)
		return error_new(ERROR_UNAVAILABLE, "this dsnd does not lead jobs any more");
	d->requests = client_requests_new(d);
	d->requests->lasting = true;
	for (size_t i = 0; i < d->count; i++)
		client_requests_add(d->requests, d->list[i].node_id, api_role_name(API_STORAGE),
				    api_command_document(API_PIPELINE_CLOSE, d->list[i].node_id, d->list[i].job, NULL));
	return client_requests_begin(d, &options, d->requests, &events, &d->handle);
}

static struct error *begin(struct jobs *j, struct jobs_deletion *d)
{
	const int64_t now_ms = clock_wall_ms();

	TRY(recording_rows_look(j->host->db, now_ms));
	TRY(recording_rows_due(d, j->host->db, now_ms, &d->list, &d->count));
	if (!d->count)
		return NULL;
	TRY(tell_storages(d));
	j->deletion = d;
	return NULL;
}

void jobs_delete_recordings(struct jobs *j)
{
	struct jobs_deletion *d;
	struct error *e;

	if (j->deletion)
		return;
	d = mem_new(j, struct jobs_deletion);
	d->jobs = j;
	e = begin(j, d);
	if (e)
		log_warn("jobs.delete", "why=%s", log_q(e->message));
	error_free(e);
	if (j->deletion != d)
		mem_free(d);
}
