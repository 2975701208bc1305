/* Transcoder: one decode of live/<job>, one encode per rendition, each sent to its target.
 *
 * Where a target's failover address gets all as well, the renditions are published at this node (clean/<stream>) and
 * sent on from there to each address by a program of its own: when one of them dies, the other's stream and the encoder
 * go on. */
#include "base/mem.h"
#include "node/job/job.h"

static bool sends_on(const struct api_task *t)
{
	for (size_t i = 0; i < t->rendition_count; i++) {
		if (t->renditions[i].target.always)
			return true;
	}
	return false;
}

/* The same renditions, published here. */
static struct api_rendition *at_home(const void *ctx, const struct api_task *t, int rtmp_port)
{
	struct api_rendition *home = mem_array(ctx, struct api_rendition, t->rendition_count);

	for (size_t i = 0; i < t->rendition_count; i++) {
		home[i] = t->renditions[i];
		home[i].target = (struct api_target){.ip = (char *)"127.0.0.1",
						     .port = rtmp_port,
						     .application = (char *)MEDIA_CLEAN,
						     .stream = t->renditions[i].target.stream,
						     .variant = t->renditions[i].target.variant,
						     .key = t->key};
	}
	return home;
}

static char **encode_argv(const void *ctx, struct unit *u, const char *progress_url)
{
	struct node *n = u->node;
	struct api_task *t = u->job->task;
	const int port = n->row.rtmp.container_port;

	return media_ffmpeg_transcode(ctx, &n->programs, port, t->source_stream,
				      sends_on(t) ? at_home(ctx, t, port) : t->renditions, t->rendition_count,
				      u->use_failover, MEDIA_LIVE, n->host->settings.preset, progress_url);
}

static char **send_argv(const void *ctx, struct unit *u, const char *progress_url)
{
	struct node *n = u->node;
	struct api_task *t = u->job->task;

	return media_send(ctx, &n->programs, n->row.rtmp.container_port, t->source_stream,
			  &t->renditions[u->index].target, u->use_failover, MEDIA_LIVE, progress_url);
}

static void senders(struct job *j)
{
	for (size_t i = 0; i < j->task->rendition_count; i++) {
		const struct api_target *target = &j->task->renditions[i].target;
		size_t input = job_input(j, MEDIA_CLEAN, target->stream);

		job_senders(j, "send", i, target, send_argv, j->inputs[input]);
	}
}

static void units(struct job *j)
{
	size_t input = job_input(j, MEDIA_LIVE, j->task->source_stream);
	struct unit *u = job_unit(j, "encode", 0, encode_argv, j->inputs[input]);

	u->has_failover = false;
	if (sends_on(j->task)) {
		u->use_failover = false;
		senders(j);
		return;
	}
	for (size_t i = 0; i < j->task->rendition_count; i++)
		u->has_failover = u->has_failover || j->task->renditions[i].target.failover_ip;
}

const struct role_ops role_transcoder = {
	.role = API_TRANSCODER,
	.units = units,
	.drain_ms = 8000,
	.entry = MEDIA_LIVE,
};
