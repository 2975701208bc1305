#include "node/job/job_end.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "node/job/publishers.h"
#include "node/mode.h"
#include "node/store.h"

static struct error *remove_files(struct job *j)
{
	char *keys = file_join(NULL, j->node->folder, "keys");
	struct error *e = media_keys_remove(keys, j->task, j->node->row.rtmp.container_port, MEDIA_LIVE);

	mem_free(keys);
	for (size_t i = 0; !e && i < j->unit_count; i++) {
		e = store_put_failover(j->node->host->db, j->node->row.id, j->units[i]->name, false);
		if (!e)
			e = file_remove(j->units[i]->progress_path);
		if (!e)
			e = file_remove(j->units[i]->log_path);
	}
	return e ? e : j->node->mode->job->remove(j);
}

static void forget(struct job *j)
{
	struct node *n = j->node;
	struct error *e = remove_files(j);

	if (e) {
		job_in_trouble(j, error_wrap(e, "remove what was stored"));
		j->close = false;
		return;
	}
	e = store_remove_job(n->host->db, n->row.id, j->name);
	if (e) {
		job_in_trouble(j, e);
		j->close = false;
		return;
	}
	node_decide(n, "job.closed", "%s: what was stored is removed", j->name);
	mem_free(j);
	streams_forget(n);
	node_changed(n);
}

void job_reap(struct job *j)
{
	for (size_t i = 0; i < j->unit_count;) {
		struct unit *u = j->units[i];

		if (u->marked || u->state != UNIT_ENDED) {
			i++;
			continue;
		}
		mem_free(u);
		memmove(&j->units[i], &j->units[i + 1], (--j->unit_count - i) * sizeof(struct unit *));
	}
	if (j->close && j->state == JOB_STOPPED && !(j->node->mode->job->busy && j->node->mode->job->busy(j)))
		forget(j);
}
