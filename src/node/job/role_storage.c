/* Storage: one segmenter per rendition, the master playlist, and the end of the stream. */
#include <string.h>

#include "base/beneath.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "media/hls.h"
#include "node/job/job.h"
#include "node/runtime/folders.h"

/* The master playlist follows what the segments turn out to be, so often. */
#define MASTER_EVERY_MS 1000
/* So many fragments it waits for the slower renditions, since players read it once. */
#define MASTER_WAITS 3

static const char *variant(const struct job *j, size_t i)
{
	return j->task->hls.variants[i].variant;
}

/* Below the node's folder. */
static char *rendition_folder(const void *ctx, const struct job *j, size_t i)
{
	return mem_printf(ctx, "data/hls/%s%s", j->name, variant(j, i));
}

static char **segmenter_argv(const void *ctx, struct unit *u, const char *progress_url)
{
	struct node *n = u->node;
	const struct api_hls *hls = &u->job->task->hls;

	return media_segmenter(ctx, &n->programs, n->row.rtmp.container_port, u->input->name,
			       mem_printf(ctx, "%s/%s", n->path, rendition_folder(ctx, u->job, u->index)),
			       hls->fragment_s, hls->keep_all ? 0 : hls->playlist_length_s, progress_url);
}

static void units(struct job *j)
{
	for (size_t i = 0; i < j->task->hls.variant_count; i++) {
		char *name = mem_printf(NULL, "%s%s", j->task->source_stream, variant(j, i));
		size_t input = job_input(j, MEDIA_LIVE, name);

		mem_free(name);
		name = mem_printf(NULL, "hls%s", variant(j, i));
		job_unit(j, name, i, segmenter_argv, j->inputs[input]);
		mem_free(name);
	}
}

static char *master_name(const void *ctx, const struct job *j)
{
	return mem_printf(ctx, "data/hls/%s.m3u8", j->name);
}

static struct error *prepare(struct job *j)
{
	void *tmp = mem_strdup(NULL, "");
	struct error *e = NULL;

	for (size_t i = 0; !e && i < j->task->hls.variant_count; i++)
		e = beneath_mkdirs(j->node->folder, rendition_folder(tmp, j, i), 0755, folders_units(&j->node->units));
	mem_free(tmp);
	return e;
}

/* --- the master playlist --- */

static struct error *read_measured(const struct job *j, size_t i, struct hls_measured *ret)
{
	void *tmp = mem_strdup(NULL, "");
	char *name = mem_printf(tmp, "%s/%s", rendition_folder(tmp, j, i), HLS_MEASURED_NAME), *text = NULL;
	size_t len = 0;
	struct error *e = beneath_read(tmp, j->node->folder, name, HLS_MEASURED_MAX_BYTES, &text, &len);

	if (!e)
		e = hls_measured_parse(text, len, ret);
	mem_free(tmp);
	return e;
}

static struct error *write_master(struct job *j, const char *text)
{
	char *name = master_name(NULL, j);
	struct error *e = beneath_write(j->node->folder, name, text, strlen(text), 0644, BENEATH_KEEP, true);

	mem_free(name);
	return e;
}

/* Written when every rendition has a segment, or some time after the first has, without those that have none; again
 * whenever there is more to say. Before that there is nothing to play, and nothing true to say. */
static void refresh_master(struct job *j, int64_t now_ms)
{
	size_t count = j->task->hls.variant_count, known = 0;
	struct hls_measured *measured = mem_array(NULL, struct hls_measured, count);
	const struct hls_measured **found = mem_array(measured, const struct hls_measured *, count);
	struct error *e = NULL;
	char *text;

	for (size_t i = 0; i < count; i++) {
		struct error *unknown = read_measured(j, i, &measured[i]);

		found[i] = unknown ? NULL : &measured[i];
		known += !unknown;
		error_free(unknown);
	}
	if (known && !j->measured_ms)
		j->measured_ms = now_ms;
	text = hls_master_text(measured, j->name, &j->task->hls, found);
	if (known && (known == count || now_ms - j->measured_ms >= MASTER_WAITS * 1000 * j->task->hls.fragment_s) &&
	    (!j->master || strcmp(text, j->master) != 0)) {
		e = write_master(j, text);
		if (!e) {
			mem_free(j->master);
			j->master = mem_strdup(j, text);
		} else {
			log_warn("hls.master", "job=%s error=%s", j->name, log_q(e->message));
		}
	}
	error_free(e);
	mem_free(measured);
}

/* --- the end of the stream --- */

static void finish(struct job *j, size_t i)
{
	char *folder = rendition_folder(NULL, j, i);
	struct error *e = hls_finish(j->node->folder, folder, folders_units(&j->node->units));

	j->finished[i] = true;
	if (e)
		node_decide(j->node, "hls.unfinished", "%s%s: %s", j->name, variant(j, i), e->message);
	error_free(e);
	mem_free(folder);
}

/* Where one rendition arrives the stream has not ended: another that does not (its transcoder died) comes back. */
static bool any_arrives(const struct job *j)
{
	for (size_t i = 0; i < j->input_count; i++) {
		if (j->inputs[i]->active)
			return true;
	}
	return false;
}

/* A rendition whose publisher was away at the agent's start may have lost it before: it is finished too. */
static void tick(struct job *j, int64_t now_ms)
{
	int64_t after_ms = j->node->host->settings.end_after_ms;

	if (j->state != JOB_RUNNING)
		return;
	if (now_ms - j->master_ms >= MASTER_EVERY_MS) {
		j->master_ms = now_ms;
		refresh_master(j, now_ms);
	}
	for (size_t k = 0; k < j->unit_count && !any_arrives(j); k++) {
		const struct unit *u = j->units[k];
		const struct stream *s = u->input;
		size_t i = u->index;
		int64_t since_ms = s->left_ms ? s->left_ms : u->started_ms;

		if (!u->marked || s->active || j->finished[i] || !unit_waits(u) || now_ms - since_ms < after_ms)
			continue;
		finish(j, i);
		if (s->left_ms)
			node_decide(j->node, "stream.finished", "%s%s: no publisher for %lld ms", j->name,
				    variant(j, i), (long long)after_ms);
	}
}

static void stopped(struct job *j)
{
	for (size_t i = 0; i < j->input_count; i++)
		finish(j, i);
	refresh_master(j, clock_mono_ms());
}

static struct error *remove_stored(struct job *j)
{
	void *tmp = mem_strdup(NULL, "");
	const char *top = j->node->folder;
	struct error *e = beneath_remove(top, master_name(tmp, j));

	for (size_t i = 0; !e && i < j->task->hls.variant_count; i++)
		e = beneath_remove_tree(top, rendition_folder(tmp, j, i));
	mem_free(tmp);
	return e;
}

/* --- status --- */

static json_t *rendition_status(struct job *j, size_t i)
{
	void *tmp = mem_strdup(NULL, "");
	char *name = mem_printf(tmp, "%s/%s", rendition_folder(tmp, j, i), HLS_PLAYLIST_NAME), *text = NULL;
	const char *top = j->node->folder;
	struct hls_playlist *p = NULL;
	json_t *o = json_object();
	struct error *e = NULL;
	int64_t segments = 0, gaps = 0;
	size_t len = 0;

	json_put(o, "variant", variant(j, i));
	json_put(o, "published", j->inputs[i]->active ? "yes" : "no");
	if (beneath_exists(top, name)) {
		e = beneath_read(tmp, top, name, HLS_MAX_TEXT_BYTES, &text, &len);
		if (!e)
			e = hls_playlist_parse(tmp, text, len, &p);
		for (size_t k = 0; !e && k < p->count; k++) {
			segments += !p->segments[k].gap;
			gaps += p->segments[k].gap;
		}
		if (!e)
			json_put(o, "ended", p->ended ? "yes" : "no");
	}
	if (e)
		json_put(o, "trouble", e->message);
	error_free(e);
	json_put_decimal(o, "segments", segments);
	json_put_decimal(o, "gaps", gaps);
	mem_free(tmp);
	return o;
}

static void status(struct job *j, json_t *o)
{
	json_t *list = json_array();

	for (size_t i = 0; i < j->input_count; i++)
		json_array_append_new(list, rendition_status(j, i));
	json_object_set_new(o, "renditions", list);
}

const struct role_ops role_storage = {
	.role = API_STORAGE,
	.units = units,
	.prepare = prepare,
	.stopped = stopped,
	.tick = tick,
	.remove = remove_stored,
	.status = status,
	.drain_ms = 10000,
	.entry = MEDIA_LIVE,
};
