/* vcli pipeline push, vcli order push: a film to the distributor in real time, by ffmpeg. */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "client/folders.h"
#include "media/ffmpeg.h"
#include "media/loop.h"
#include "vcli/commands.h"
#include "vcli/pipeline/push.h"

/* Files that ffmpeg reads while it runs, and what it is given. */
struct inputs {
	char *preset; /* name and key; NULL: the job has no key */
	char *turns;  /* turns of a looped film; NULL: no loop */
	char *lists;  /* text of the list of lists */
};

/* It is read more than once, so a pipe will not do. */
static struct error *check_file(const char *film)
{
	struct stat st;

	if (stat(film, &st) != 0 || access(film, R_OK) != 0)
		return error_sys(errno, "%s", film);
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return error_new(
			ERROR_INVALID,
			"%s is no file: a film is read twice; a stream that comes by a pipe is sent by an encoder, to the address that pipeline start prints",
			film);
	return NULL;
}

/* The film's verdict: sent as it is, or encoded, and why. */
static struct error *look_at(struct vcli *v, const struct user_job *j, const char *film,
			     struct media_verdict **ret_verdict)
{
	struct media_verdict *verdict = NULL;

	TRY(check_file(film));
	if (!v->set.quiet && isatty(STDERR_FILENO))
		fprintf(stderr, "looking at %s\n", film);
	TRY(media_probe_file(v, v->set.pipeline.ffmpeg, v->set.pipeline.ffprobe, film, 0, j->fragment_s, &verdict));
	if (verdict->refused)
		return error_new(ERROR_INVALID, "%s: %s", film, verdict->reason);
	if (v->set.pipeline.loop && verdict->jumps)
		return error_new(
			ERROR_INVALID,
			"%s: its clock jumps, so it cannot be looped: write it anew first, ffmpeg -i FILM NEW.mp4",
			film);
	if (v->set.pipeline.loop)
		media_verdict_loop(verdict, j->fragment_s);
	*ret_verdict = verdict;
	return NULL;
}

static const char *ordered(const struct user_job *j, const char *member)
{
	const json_t *source = json_object_get(json_object_get(j->document, "pipeline"), "source");

	return json_string_value(json_object_get(source, member));
}

/* What the customer should know before it goes out. */
static void say_notes(const struct push *p)
{
	const struct media_verdict *v = p->verdict;
	const char *size = ordered(p->job, "resolution");
	char *shown = mem_printf(p->v, "%dx%d", v->width / 2 * 2, v->height / 2 * 2);

	if (p->v->set.quiet)
		return;
	if (!v->fits)
		fprintf(stderr, "note: %s encoded once on the way: %s\n", v->how.copy_video ? "its sound is" : "it is",
			v->reason);
	if (size && strcmp(size, shown) != 0)
		fprintf(stderr, "note: the picture is sent as %s, the job's document says %s\n", shown, size);
	if (media_verdict_missing_ms(v))
		fprintf(stderr, "note: %s is cut off: it promises %s and has %s\n", p->film,
			push_clock(p->v, v->promised_ms), push_clock(p->v, v->duration_ms));
}

/* The bit rate the customer ordered, else the film's own. */
static struct media_normalise normalising(const struct push *p)
{
	struct media_normalise how = p->verdict->how;
	const char *bitrate = ordered(p->job, "bitrate");

	if (bitrate)
		how.bitrate_bps = strtoll(bitrate, NULL, 10);
	if (p->v->set.pipeline.loop)
		how.turn_ms = p->verdict->turn_ms;
	return how;
}

/* --- what ffmpeg reads --- */

static struct error *write_inputs(const struct push *p, struct inputs *in)
{
	const struct user_job *j = p->job;
	char *folder = NULL, *base = NULL, real[PATH_MAX];
	struct media_loop loop;

	TRY(client_state_make(p->v, &p->v->set.client.state, "jobs", &folder));
	base = mem_printf(p->v, "%s/.push-%s-%d", folder, j->name, (int)getpid());
	if (j->key) {
		/* ffmpeg takes the stream's name and key from a preset file, so that the key stands in no process
		 * list. */
		char *text = mem_printf(p->v, "rtmp_playpath=%s?key=%s\n", j->name, j->key);

		in->preset = mem_strdup(p->v, base);
		TRY(file_write_atomic(in->preset, text, strlen(text), 0600));
	}
	if (!p->v->set.pipeline.loop)
		return NULL;
	if (!realpath(p->film, real))
		return error_sys(errno, "%s", p->film);
	in->turns = mem_printf(p->v, "%s.turns", base);
	TRY(media_loop_lists(p->v, real, in->turns, p->verdict->turn_ms, &loop));
	in->lists = loop.lists;
	return file_write_atomic(in->turns, loop.turns, strlen(loop.turns), 0600);
}

static void remove_inputs(const struct inputs *in)
{
	if (in->preset)
		error_free(file_remove(in->preset));
	if (in->turns)
		error_free(file_remove(in->turns));
}

/* `argv` with the preset put in front of its last element, the address. */
static const char **with_preset(const void *ctx, char **argv, const char *preset)
{
	size_t count = 0, n = 0;
	const char **all = NULL;

	while (argv[count])
		count++;
	all = mem_array(ctx, const char *, count + 3);
	for (size_t i = 0; i + 1 < count; i++)
		all[n++] = argv[i];
	if (preset) {
		all[n++] = "-fpre";
		all[n++] = preset;
	}
	all[n++] = argv[count - 1];
	return all;
}

/* --- the command --- */

static void answer(const struct push *p)
{
	const struct media_verdict *v = p->verdict;
	json_t *o = json_object();

	json_put(o, "job", p->job->name);
	json_put(o, "sent_as", v->fits ? "copy" : "normalised");
	if (v->reason)
		json_put(o, "reason", v->reason);
	json_put_decimal(o, "frames", p->last.frames);
	json_put_decimal(o, "sent_ms", push_sent_ms(p));
	if (media_verdict_missing_ms(v))
		json_put_decimal(o, "missing_ms", media_verdict_missing_ms(v));
	vcli_answer(p->v, o);
}

static struct error *send_film(struct push *p, const struct inputs *in)
{
	const struct media_programs programs = {.ffmpeg = p->v->set.pipeline.ffmpeg,
						.ffprobe = p->v->set.pipeline.ffprobe};
	const struct user_job *j = p->job;
	struct media_push how = {.film = in->lists ? NULL : p->film,
				 .url = j->key ? j->url : mem_printf(p->v, "%s/%s", j->url, j->name),
				 .verdict = p->verdict,
				 .how = normalising(p),
				 .from_ms = p->from_ms,
				 .progress_url = "pipe:3"};
	char **argv = media_ffmpeg_push(p->v, &programs, &how);

	TRY(push_run(p, with_preset(p->v, argv, in->preset), in->lists));
	return push_outcome(p);
}

/* Once, to where the job takes it in now. */
static struct error *send_once(struct push *p)
{
	struct inputs in = {0};
	struct error *e = write_inputs(p, &in);

	if (!e)
		e = send_film(p, &in);
	remove_inputs(&in);
	return e;
}

/* A looped film has no place to go on at: it begins anew. */
static void go_on(struct push *p, const struct user_job *j)
{
	int64_t sent_ms = push_sent_ms(p);

	p->job = j;
	p->from_ms = !p->v->set.pipeline.loop && sent_ms > PUSH_BACK_MS ? sent_ms - PUSH_BACK_MS : 0;
	memset(&p->last, 0, sizeof(p->last));
	if (!p->v->set.quiet)
		fprintf(stderr, "the stream broke; it goes on at %s from %s\n", j->url, push_clock(p->v, p->from_ms));
}

static struct error *send_all(struct push *p, push_again_fn *again, void *arg)
{
	struct error *e = send_once(p);

	while (e && again && !p->stopped && p->end.known && (p->end.code || p->end.signal)) {
		const struct user_job *next = NULL;
		struct error *lost = again(p->v, e, &next, arg);

		error_free(lost);
		if (lost || !next)
			break;
		error_free(e);
		go_on(p, next);
		e = send_once(p);
	}
	return e;
}

struct error *push_film(struct vcli *v, const struct user_job *j, const char *film, push_again_fn *again, void *arg)
{
	struct push p = {.v = v, .job = j, .film = film};
	struct media_verdict *verdict = NULL;
	struct error *e = NULL;

	TRY(look_at(v, j, film, &verdict));
	assert(verdict);
	p.verdict = verdict;
	p.duration_ms = v->set.pipeline.loop ? 0 : verdict->duration_ms;
	say_notes(&p);
	e = send_all(&p, again, arg);
	if (p.end.known)
		answer(&p);
	if (!e && !v->set.json)
		printf("sent %s of %s to job %s (%s)\n", push_clock(v, push_sent_ms(&p)), film, j->name,
		       verdict->fits ? "as it is" : "normalised");
	return e;
}

struct error *cmd_pipeline_push(struct vcli *v)
{
	struct user_job *j = NULL;

	TRY(user_job_find(v, v, v->args[0], &j));
	if (!j->url)
		return error_new(ERROR_NOT_FOUND,
				 "job %s: the distributor's address is not known; start the job from here first",
				 j->name);
	return push_film(v, j, v->args[1], NULL, NULL);
}
