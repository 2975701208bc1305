/* Transcoder: one decode of live/<job>, one encode per rendition, each sent to its target. */
#include "base/mem.h"
#include "node/job/job.h"

static char **encode_argv(const void *ctx, struct unit *u, const char *progress_url)
{
	struct node *n = u->node;
	struct api_task *t = u->job->task;

	return media_ffmpeg_transcode(ctx, &n->programs, n->row.rtmp.container_port, t->source_stream, t->renditions,
				      t->rendition_count, u->use_failover, MEDIA_LIVE, n->host->settings.preset,
				      progress_url);
}

static void units(struct job *j)
{
	size_t input = job_input(j, MEDIA_LIVE, j->task->source_stream);
	struct unit *u = job_unit(j, "encode", 0, encode_argv, j->inputs[input]);

	u->has_failover = false;
	for (size_t i = 0; i < j->task->rendition_count; i++)
		u->has_failover = u->has_failover || j->task->renditions[i].target.failover_ip;
}

const struct role_ops role_transcoder = {
	.role = API_TRANSCODER,
	.units = units,
	.drain_ms = 8000,
	.entry = MEDIA_LIVE,
};
