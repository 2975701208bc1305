#include "node/job/ingest.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "media/probe.h"
#include "node/job/nginx.h"

/* Three key frames are needed to see that they are regular; a source with rarer ones does not fit anyway. */
#define PROBE_FRAGMENTS 2
#define PROBE_MORE_S 2
#define PROBE_MAX_S 15
#define PROBE_SLACK_MS 20000

/* --- what comes of it --- */

void ingest_drop(struct job *j)
{
	int i = job_find_input(j, MEDIA_INGEST, j->task->source_stream);

	if (i >= 0 && j->inputs[i]->active)
		nginx_drop_publisher(j->node, MEDIA_INGEST, j->inputs[i]->name);
}

static void fits(struct job *j)
{
	node_decide(j->node, "ingest.fits", "%s: %s %dx%d, audio %s, key frames every %lld ms", j->name,
		    j->verdict->video_codec, j->verdict->width, j->verdict->height,
		    *j->verdict->audio_codec ? j->verdict->audio_codec : "none",
		    (long long)j->verdict->max_key_interval_ms);
}

void ingest_refuse(struct job *j, const char *why)
{
	if (!j->refused || strcmp(j->refused, why))
		node_decide(j->node, "ingest.refused", "%s: %s", j->name, why);
	if (why != j->refused) {
		mem_free(j->refused);
		j->refused = mem_strdup(j, why);
	}
	j->refused_ms = node_now();
	ingest_drop(j);
}

void ingest_does_not_fit(struct job *j, bool picture_fits, const char *why)
{
	if (!j->task->normalise) {
		ingest_refuse(j, why);
		return;
	}
	if (j->mending.bps && (picture_fits || !j->mending.copy_video))
		return;
	j->mending.bps = j->verdict && j->verdict->bitrate_bps > 0 ? j->verdict->bitrate_bps : -1;
	j->mending.fps = j->verdict ? j->verdict->how.fps : 0;
	j->mending.copy_video = picture_fits;
	job_store(j);
	node_decide(j->node, "ingest.normalised", "%s: %s; encoding %s anew", j->name, why,
		    picture_fits ? "its sound" : "it");
	job_rename_units(j);
}

/* --- looking --- */

/* The job may be gone when the program has ended: found again by its name. */
struct check {
	struct node *node;
	char *job, *hash;
};

static void judge(struct job *j, const struct child_result *r)
{
	struct media_verdict *v = NULL;
	struct error *e = NULL;

	if (r->error)
		e = error_copy(r->error);
	else if (!r->out_len)
		e = error_new(ERROR_FAILED, "ffprobe ended with code %d: %s", r->code, r->err ? r->err : "");
	else
		e = media_probe_judge(j, r->out, r->out_len, j->task->fragment_s, &v);
	if (e || !v) { /* the stream ended too soon, most likely */
		log_info("ingest.unknown", "job=%s reason=%s", j->name, log_q(e ? e->message : "no verdict"));
		error_free(e);
		return;
	}
	mem_free(j->verdict);
	j->verdict = v;
	if (v->refused && v->enough) {
		ingest_refuse(j, v->reason);
	} else if (!v->fits && v->doubtful && !j->doubted) {
		log_info("ingest.doubt", "job=%s reason=%s looking again", j->name, log_q(v->reason));
		j->doubted = true;
	} else if (!v->fits && !v->refused) {
		j->doubted = false;
		ingest_does_not_fit(j, v->how.copy_video, v->reason);
	} else if (v->fits && v->enough) {
		mem_free(j->refused);
		j->refused = NULL;
		j->doubted = false;
		fits(j);
	}
	node_changed(j->node);
}

static void on_probed(const struct child_result *r, void *arg)
{
	struct check *c = arg;
	struct job *j = node_job(c->node, c->job);
	bool same = j && !strcmp(j->hash, c->hash), doubted = j && j->doubted;
	int input;

	if (j) {
		j->probing = false;
		input = job_find_input(j, MEDIA_LIVE, j->task->source_stream);
		if (j->wanted && same)
			judge(j, r);
		j->looked_ms = node_now();
		/* The task has changed meanwhile, and with it the limits; or one look is not enough. */
		if ((!same || (j->doubted && !doubted)) && j->wanted && input >= 0 && j->inputs[input]->active)
			ingest_check(j);
	}
	mem_free(c);
}

void ingest_check(struct job *j)
{
	struct node *n = j->node;
	int seconds = j->task->fragment_s * PROBE_FRAGMENTS + PROBE_MORE_S;
	struct check *c;
	char **argv, *url;

	if (j->probing || j->mending.bps)
		return;
	if (seconds > PROBE_MAX_S)
		seconds = PROBE_MAX_S;
	c = mem_new(n, struct check);
	c->node = n;
	c->job = mem_strdup(c, j->name);
	c->hash = mem_strdup(c, j->hash);
	url = media_rtmp_url(c, "127.0.0.1", n->row.rtmp.container_port, MEDIA_LIVE, j->task->source_stream, NULL);
	argv = media_ffprobe_packets(c, &n->programs, url, seconds);
	j->probing = true;
	n->ops->run(n->runtime, (const char *const *)argv, seconds * 1000 + PROBE_SLACK_MS, on_probed, c);
}
