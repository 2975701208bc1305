/* Distributor: ingest/<job> is relayed to live/<job>, mended if need be, and copied from there to each target.
 *
 * The relay's output begins at the job's offset whatever the publisher's clock says, so after each of its runs the
 * offset moves behind what was sent: the time line of all renditions only goes forward. */
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/ingest.h"
#include "node/job.h"
#include "node/store.h"

#define RELAY 0 /* index of its input too */
#define PROGRESS_LIMIT (64 * 1024)
/* A killed relay has sent up to one progress period more than its last report says. */
#define UNSAID_MS 1000
/* FLV's time stamps end at 2^31 ms. */
#define OFFSET_LIMIT_MS INT64_C(1900000000)
#define SILENT_S 3

/* Move the offset behind what the relay has sent in the run that has ended. */
static void advance(struct job *j, const char *progress_path)
{
	struct media_progress p;
	struct error *e;
	int64_t last_ms;

	if (!file_exists(progress_path))
		return;
	e = media_progress_read(progress_path, PROGRESS_LIMIT, &p);
	if (e) { /* it has sent nothing yet */
		error_free(e);
		return;
	}
	last_ms = j->offset_ms + p.out_time_ms + (p.ended ? 0 : UNSAID_MS);
	j->offset_ms = media_relay_offset_ms(last_ms, j->task->fragment_s);
	if (j->offset_ms > OFFSET_LIMIT_MS) {
		decide(j->node, "timeline.again", "%s: its time line has reached the end of FLV's; it starts again",
		       j->name);
		j->offset_ms = media_relay_offset_ms(-1, j->task->fragment_s);
	}
	e = media_progress_empty(progress_path);
	if (e)
		log_warn("relay.progress", "job=%s reason=%s", j->name, log_q(e->message));
	error_free(e);
	job_store(j);
}

static void relay_ended(struct unit *u)
{
	advance(u->job, u->progress_path);
}

/* Did the relay of an earlier agent end unseen? A running one reports twice a second, a waiting one has said nothing
 * since its report was emptied. */
static void look_back(struct job *j, struct unit *relay)
{
	struct stat st;

	if (stat(relay->progress_path, &st) < 0 || !st.st_size || time(NULL) - st.st_mtime < SILENT_S)
		return;
	advance(j, relay->progress_path);
}

static char **relay_argv(const void *ctx, struct unit *u, const char *progress_url)
{
	struct job *j = u->job;
	struct media_relay r = {
		.rtmp_port = u->node->row.rtmp.container_port,
		.job = j->task->source_stream,
		.key = j->task->key,
		.offset_ms = j->offset_ms ? j->offset_ms : media_relay_offset_ms(-1, j->task->fragment_s),
		.normalise = j->normalise_bps != 0,
		.bitrate_bps = j->normalise_bps > 0 ? j->normalise_bps : 0,
		.fragment_s = j->task->fragment_s,
		.progress_url = progress_url,
	};

	return media_ffmpeg_relay(ctx, &u->node->programs, &r);
}

static char **copy_argv(const void *ctx, struct unit *u, const char *progress_url)
{
	struct api_task *t = u->job->task;

	return media_ffmpeg_copy(ctx, &u->node->programs, u->node->row.rtmp.container_port, t->source_stream,
				 &t->outputs[u->index], u->use_failover, MEDIA_LIVE, progress_url);
}

static void units(struct job *j)
{
	size_t ingest = job_input(j, MEDIA_INGEST, j->task->source_stream);
	size_t live = job_input(j, MEDIA_LIVE, j->task->source_stream);
	struct unit *u = job_unit(j, "relay", RELAY, relay_argv, j->inputs[ingest]);

	u->ended = relay_ended;
	for (size_t i = 0; i < j->task->output_count; i++) {
		char *name = mem_printf(NULL, "to-%zu", i + 1);

		u = job_unit(j, name, i, copy_argv, j->inputs[live]);
		u->has_failover = j->task->outputs[i].failover_ip != NULL;
		mem_free(name);
	}
}

static struct unit *relay(struct job *j)
{
	for (size_t i = 0; i < j->unit_count; i++) {
		if (j->units[i]->argv == relay_argv)
			return j->units[i];
	}
	return NULL;
}

static struct error *prepare(struct job *j)
{
	if (!j->offset_ms)
		j->offset_ms = media_relay_offset_ms(-1, j->task->fragment_s);
	if (relay(j)->state == UNIT_ENDED)
		look_back(j, relay(j));
	return NULL;
}

static void published(struct job *j, size_t i)
{
	if (i != RELAY)
		return;
	if (!j->epoch_ms) {
		j->epoch_ms = clock_wall_ms();
		job_store(j);
	}
	ingest_check(j);
}

static void draining(struct job *j)
{
	if (j->inputs[RELAY]->active)
		node_drop_publisher(j->node, MEDIA_INGEST, j->inputs[RELAY]->name);
}

void ingest_fits(struct job *j)
{
	decide(j->node, "ingest.fits", "%s: %s %dx%d, audio %s, key frames every %lld ms", j->name,
	       j->verdict->video_codec, j->verdict->width, j->verdict->height,
	       *j->verdict->audio_codec ? j->verdict->audio_codec : "none", (long long)j->verdict->max_key_interval_ms);
}

void ingest_does_not_fit(struct job *j, const char *why)
{
	if (!j->task->normalise) {
		if (!j->refused || strcmp(j->refused, why))
			decide(j->node, "ingest.refused", "%s: %s", j->name, why);
		mem_free(j->refused);
		j->refused = mem_strdup(j, why);
		j->refused_ms = node_now();
		draining(j);
		return;
	}
	if (j->normalise_bps)
		return;
	j->normalise_bps = j->verdict && j->verdict->bitrate_bps > 0 ? j->verdict->bitrate_bps : -1;
	job_store(j);
	decide(j->node, "ingest.normalised", "%s: %s; encoding it anew", j->name, why);
	unit_refresh(relay(j));
}

static void status(struct job *j, json_t *o)
{
	json_t *ingest = json_object();

	json_put(ingest, "published", j->inputs[RELAY]->active ? "yes" : "no");
	json_put(ingest, "normalised", j->normalise_bps ? "yes" : "no");
	if (j->refused)
		json_put(ingest, "refused", j->refused);
	if (j->verdict) {
		json_put(ingest, "fits", j->verdict->fits ? "yes" : "no");
		if (j->verdict->reason)
			json_put(ingest, "reason", j->verdict->reason);
		json_put(ingest, "video_codec", j->verdict->video_codec);
		json_put(ingest, "audio_codec", j->verdict->audio_codec);
		json_put_decimal(ingest, "key_interval_ms", j->verdict->max_key_interval_ms);
	}
	json_put_decimal(ingest, "offset_ms", j->offset_ms);
	json_object_set_new(o, "ingest", ingest);
}

const struct role_ops role_distributor = {
	.role = API_DISTRIBUTOR,
	.units = units,
	.prepare = prepare,
	.published = published,
	.draining = draining,
	.status = status,
	.drain_ms = 5000,
	.entry = MEDIA_INGEST,
};
