/* Distributor: ingest/<job> is relayed to live/<job>, and copied from there to each target. A source that has to be
 * mended is relayed to clean/<job> and encoded from there to live/<job>.
 *
 * The relay's output begins at the job's offset whatever the publisher's clock says, so after each of its runs the
 * offset moves behind what was sent: the time line of all renditions only goes forward. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "node/job/ingest.h"
#include "node/job/job.h"

/* Inputs, in the order in which units() names them. */
enum { INGEST, LIVE, CLEAN };
#define PROGRESS_LIMIT (64 * 1024)
/* A killed relay has sent up to one progress period more than its last report says. */
#define UNSAID_MS 1000
/* FLV's time stamps end at 2^31 ms. */
#define OFFSET_LIMIT_MS INT64_C(1900000000)
#define SILENT_S 3
/* A source with a stray stamp now and then is told of no more often. */
#define STRAYS_TOLD_MS 60000
/* A check that saw too little, or nothing, is followed by another. */
#define LOOK_AGAIN_MS 2000
/* So many key frames that are none are no accident. */
#define OPEN_KEYS 2

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
	if (*p.carried)
		memcpy(j->carried, p.carried, sizeof(j->carried));
	if (j->offset_ms > OFFSET_LIMIT_MS) {
		node_decide(j->node, "timeline.again",
			    "%s: its time line has reached the end of FLV's; it starts again", j->name);
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
	u->job->jumps_told = u->job->bridged_told = u->job->changes_told = 0;
}

/* Did the relay of an earlier agent end unseen? It says so last, unless it was killed; a running one reports twice a
 * second, a waiting one has said nothing since its report was emptied. */
static bool ended_unseen(const char *progress_path)
{
	struct media_progress p = {0};
	struct error *e;
	struct stat st;

	if (stat(progress_path, &st) < 0 || !st.st_size)
		return false;
	if (time(NULL) - st.st_mtime >= SILENT_S)
		return true;
	e = media_progress_read(progress_path, PROGRESS_LIMIT, &p);
	if (e) {
		error_free(e);
		return false;
	}
	return p.ended;
}

static void look_back(struct job *j, struct unit *relay)
{
	if (ended_unseen(relay->progress_path))
		advance(j, relay->progress_path);
}

/* Behind the relay, other ways to mend a stream make other settings of it. */
static int mended(const struct job_mending *m)
{
	return m->bps ? 1 + m->copy_video + 2 * m->fps : 0;
}

static char **relay_argv(const void *ctx, struct unit *u, const char *progress_url)
{
	struct job *j = u->job;
	struct media_relay r = {
		.rtmp_port = u->node->row.rtmp.container_port,
		.job = j->task->source_stream,
		.key = j->task->key,
		.offset_ms = j->offset_ms ? j->offset_ms : media_relay_offset_ms(-1, j->task->fragment_s),
		.carried = j->carried,
		.mended = mended(&j->mending),
		.normalise = j->mending.bps != 0,
		.fragment_s = j->task->fragment_s,
		.progress_url = progress_url,
	};

	return media_relay(ctx, &u->node->programs, &r);
}

static char **normalise_argv(const void *ctx, struct unit *u, const char *progress_url)
{
	const struct job *j = u->job;
	struct media_normalise how = {.bitrate_bps = j->mending.bps > 0 ? j->mending.bps : 0,
				      .fragment_s = j->task->fragment_s,
				      .fps = j->mending.fps,
				      .copy_video = j->mending.copy_video,
				      .live = true};

	return media_ffmpeg_normalise(ctx, &u->node->programs, u->node->row.rtmp.container_port, j->task->source_stream,
				      j->task->key, &how, progress_url);
}

static char **copy_argv(const void *ctx, struct unit *u, const char *progress_url)
{
	struct api_task *t = u->job->task;

	return media_copy(ctx, &u->node->programs, u->node->row.rtmp.container_port, t->source_stream,
			  &t->outputs[u->index], u->use_failover, MEDIA_LIVE, progress_url);
}

static void units(struct job *j)
{
	size_t ingest = job_input(j, MEDIA_INGEST, j->task->source_stream);
	size_t live = job_input(j, MEDIA_LIVE, j->task->source_stream);
	size_t clean = job_input(j, MEDIA_CLEAN, j->task->source_stream);
	struct unit *u = job_unit(j, "relay", 0, relay_argv, j->inputs[ingest]);

	u->ended = relay_ended;
	if (j->mending.bps)
		job_unit(j, "normalise", 0, normalise_argv, j->inputs[clean]);
	for (size_t i = 0; i < j->task->output_count; i++)
		job_senders(j, "to", i, &j->task->outputs[i], copy_argv, j->inputs[live]);
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

/* Was the stream that is published now looked at, and long enough to say what it is? */
static bool judged(const struct job *j)
{
	const struct stream *live = j->inputs[LIVE];

	return j->mending.bps || j->refused || !live->active ||
	       (j->verdict && j->verdict->enough && !j->doubted && j->looked_ms >= live->since_ms);
}

static void published(struct job *j, size_t i)
{
	if (i == INGEST && !j->epoch_ms) {
		j->epoch_ms = clock_wall_ms();
		job_store(j);
	}
	if (i == INGEST)
		j->doubted = false;
	if (i == LIVE)
		ingest_check(j);
}

/* --- what the relay tells --- */

static void tell_jumps(struct job *j, const struct media_progress *p)
{
	if (p->jumps > j->jumps_told) {
		node_decide(
			j->node, "ingest.discontinuity",
			"%s: the publisher's clock jumped %s by %lld ms (%lld time(s) in this stream); all renditions go on behind a discontinuity",
			j->name, p->jump_ms < 0 ? "back" : "forward", llabs((long long)p->jump_ms),
			(long long)p->jumps);
		j->bridged_told = p->bridged;
	} else if (p->bridged > j->bridged_told && (!j->told_ms || node_now() - j->told_ms > STRAYS_TOLD_MS)) {
		node_decide(j->node, "ingest.stray",
			    "%s: %lld frame(s) came with stray time stamps and were put where they belong", j->name,
			    (long long)(p->bridged - j->bridged_told));
		j->bridged_told = p->bridged;
		j->told_ms = node_now();
	}
	j->jumps_told = p->jumps;
}

static void tell_changes(struct job *j, const struct media_progress *p)
{
	if (p->changes > j->changes_told)
		node_decide(
			j->node, "ingest.discontinuity",
			"%s: the publisher sends other codecs or settings, or they are encoded otherwise (%lld time(s) in this stream); all renditions go on behind a discontinuity",
			j->name, (long long)p->changes);
	j->changes_told = p->changes;
}

static void tick(struct job *j, int64_t now_ms)
{
	const struct unit *u = relay(j);

	if (j->wanted && !j->probing && !judged(j) && now_ms - j->looked_ms >= LOOK_AGAIN_MS)
		ingest_check(j);
	if (!j->wanted || u->state != UNIT_RUNNING || !u->has_progress)
		return;
	tell_jumps(j, &u->progress);
	tell_changes(j, &u->progress);
	if (u->progress.open_keys >= OPEN_KEYS)
		ingest_does_not_fit(
			j, false,
			"key frames are no IDR pictures (open GOP or intra refresh), a player cannot join there");
	/* It looks at one publisher in each of its runs: one that has gone already is not refused again. */
	if (*u->progress.refused && j->inputs[INGEST]->active && j->inputs[INGEST]->since_ms <= u->advanced_ms)
		ingest_refuse(j, u->progress.refused);
}

static void status(struct job *j, json_t *o)
{
	json_t *ingest = json_object();

	json_put(ingest, "published", j->inputs[INGEST]->active ? "yes" : "no");
	json_put(ingest, "normalised", j->mending.bps ? "yes" : "no");
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
	.draining = ingest_drop,
	.tick = tick,
	.status = status,
	.drain_ms = 5000,
	.entry = MEDIA_INGEST,
};
