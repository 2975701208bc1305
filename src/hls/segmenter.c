#include "hls/segmenter.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "hls/measure.h"
#include "hls/segment.h"
#include "hls/writer.h"
#include "media/hls.h"

/* A time stamp that far back is a new time line; less is a source's untidiness. */
#define BACK_MS 1000
/* Sound that far from the picture is nobody's. */
#define APART_MS 10000
/* One log line in so much time for what is left out. */
#define SAID_US 10000000

struct segmenter {
	const char *folder, *playlist_path, *aside_path;
	int64_t fragment_ms, target_ms;
	int64_t longest_ms; /* a segment holds no picture that is shown later than this */
	struct hls_playlist *playlist;
	struct hls_report *report;
	struct writer *writer;
	struct measure *measure;
	struct segment segment;
	int64_t floor_number; /* numbers up to this are taken; -1: none */
	int64_t shift;        /* number - floor(pts / fragment) */
	bool shift_known;     /* false: to be set so that numbers go on */
	bool new_time_line;   /* waiting for a key frame after a jump back */
	bool waiting_said;
	struct {
		bool set;
		int64_t dts_ms;
	} last_video, stray;       /* stray: a picture from elsewhere on the time line, the first one */
	int64_t left_out, said_us; /* frames, since the last log line; when that was */
};

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Negative times exist only without a relay; they belong to the first fragment. */
static int64_t slot(const struct segmenter *s, int64_t pts_ms)
{
	return pts_ms < 0 ? 0 : floor_div(pts_ms, s->fragment_ms);
}

/* -1: there is none. */
static struct error *highest_file(const char *folder, int64_t *ret_number)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int64_t number;

	if (!dir)
		return error_sys(errno, "cannot see which segments are in %s", folder);
	*ret_number = -1;
	while ((entry = readdir(dir)))
		if (hls_segment_number(entry->d_name, &number) && number > *ret_number)
			*ret_number = number;
	closedir(dir);
	return NULL;
}

/* Go on after the last segment of an earlier run. */
static void resume(struct segmenter *s, int fragment_s, int window_s)
{
	const struct hls_segment *last = s->playlist->count ? &s->playlist->segments[s->playlist->count - 1] : NULL;

	s->playlist->ended = false;
	s->playlist->window_s = window_s;
	/* Constant while the fragment is; one that was written by an earlier version may be longer. */
	if (s->playlist->target_s < hls_target_s(fragment_s))
		s->playlist->target_s = hls_target_s(fragment_s);
	if (last) {
		s->floor_number = last->number;
		s->shift = last->number - slot(s, last->start_ms);
	}
	if (s->playlist->fragment_s != fragment_s) {
		log_warn("hls.fragment", "was=%d now=%d numbers go on behind a discontinuity", s->playlist->fragment_s,
			 fragment_s);
		s->playlist->fragment_s = fragment_s;
		s->shift_known = !last;
	}
	log_info("hls.resume", "segments=%zu last=%" PRId64, s->playlist->count, s->floor_number);
}

/* Segments without a playlist that lists them: none is overwritten. */
static struct error *go_on_behind_files(struct segmenter *s)
{
	TRY(highest_file(s->folder, &s->floor_number));
	s->shift_known = s->floor_number < 0;
	return NULL;
}

/* A playlist that is none is put aside: the stream must be recorded. */
static struct error *put_aside(struct segmenter *s, struct error *why)
{
	log_error("hls.playlist", "error=%s kept-as=%s", log_q(why->message), log_q(s->aside_path));
	error_free(why);
	TRY(go_on_behind_files(s));
	if (rename(s->playlist_path, s->aside_path) < 0)
		return error_sys(errno, "cannot put %s aside", s->playlist_path);
	return NULL;
}

static bool is_too_long(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_size > (off_t)HLS_MAX_TEXT_BYTES;
}

static struct error *read_playlist(struct segmenter *s, int fragment_s, int window_s)
{
	struct hls_playlist *found = NULL;
	struct error *e;
	char *text;
	size_t len;

	s->playlist = hls_playlist_new(s, fragment_s, window_s);
	e = file_read(s, s->playlist_path, HLS_MAX_TEXT_BYTES, &text, &len);
	if (e && e->code == ERROR_NOT_FOUND) {
		error_free(e);
		/* An earlier run came no further than putting it aside. */
		return file_exists(s->aside_path) ? go_on_behind_files(s) : NULL;
	}
	/* What the system refuses now (descriptors, a disk) says nothing of the playlist: the next run may read it. */
	if (e && !is_too_long(s->playlist_path))
		return e;
	if (!e) {
		e = hls_playlist_parse(s, text, len, &found);
		mem_free(text);
	}
	if (e)
		return put_aside(s, e);
	mem_free(s->playlist);
	s->playlist = found;
	resume(s, fragment_s, window_s);
	return NULL;
}

struct error *segmenter_new(const void *ctx, const char *folder, int fragment_s, int window_s,
			    struct hls_report *report, struct segmenter **ret_segmenter)
{
	struct segmenter *s = mem_new(ctx, struct segmenter);
	struct error *e;

	s->folder = mem_strdup(s, folder);
	s->playlist_path = file_join(s, folder, HLS_PLAYLIST_NAME);
	s->aside_path = mem_printf(s, "%s.bad", s->playlist_path);
	s->fragment_ms = fragment_s * INT64_C(1000);
	s->target_ms = hls_target_s(fragment_s) * INT64_C(1000);
	s->longest_ms = hls_longest_ms(hls_target_s(fragment_s));
	s->report = report;
	s->floor_number = -1;
	s->shift_known = true;
	writer_clean(folder);
	e = read_playlist(s, fragment_s, window_s);
	if (e) {
		mem_free(s);
		return e;
	}
	s->measure = measure_new(s, folder, s->playlist);
	*ret_segmenter = s;
	return NULL;
}

/* Files that left the window stay for another window: players may still be reading the older playlist. */
static void prune(const struct segmenter *s)
{
	int64_t keep_from, number;
	struct dirent *entry;
	DIR *dir;

	if (!s->playlist->window_s || !s->playlist->count)
		return;
	keep_from = s->playlist->segments[0].number - (int64_t)s->playlist->count - 2;
	dir = opendir(s->folder);
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (hls_segment_number(entry->d_name, &number) && number < keep_from)
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

/* Is the entry before the last a gap? */
static bool after_gap(const struct hls_playlist *p)
{
	return p->count > 1 && p->segments[p->count - 2].gap;
}

/* `next_ms`: where the next segment begins, which is this one's end unless something is missing between. */
static struct error *end_segment(struct segmenter *s, const int64_t *next_ms)
{
	struct segment *g = &s->segment;
	int64_t end_ms = segment_end_ms(g, next_ms, s->longest_ms);
	struct hls_segment entry = {.number = g->number, .start_ms = g->start_ms, .discontinuity = g->discontinuity};
	int64_t bytes = 0;
	char *text;
	struct error *e;

	if (entry.start_ms < 0)
		entry.start_ms = 0;
	entry.duration_ms = end_ms - entry.start_ms > 0 ? end_ms - entry.start_ms : 1;
	g->open = false;
	TRY(writer_end(s->writer, &bytes));
	hls_playlist_add(s->playlist, &entry);
	text = hls_playlist_text(s, s->playlist);
	e = file_write_atomic(s->playlist_path, text, strlen(text), 0644);
	mem_free(text);
	if (e)
		return e;
	s->floor_number = g->number;
	s->report->segment = g->number;
	s->report->bytes += bytes;
	measure_end(s->measure, g, after_gap(s->playlist), bytes, entry.duration_ms);
	prune(s);
	log_debug("hls.segment", "number=%" PRId64 " start_ms=%" PRId64 " duration_ms=%" PRId64 " bytes=%" PRId64,
		  entry.number, entry.start_ms, entry.duration_ms, bytes);
	return NULL;
}

static struct error *begin_segment(struct segmenter *s, const struct source *source, const struct hls_frame *f,
				   int64_t number, bool discontinuity)
{
	/* Also over a restart of ours: other tracks or another kind or size of them are a discontinuity (4.3.2.3). The
	 * relay marks each such change, so that there is one already, and in all renditions (6.2.4). */
	discontinuity |= !measure_begin(s->measure, source, f);
	if (s->writer && (discontinuity || !writer_fits(s->writer, source))) {
		mem_free(s->writer);
		s->writer = NULL;
	}
	if (!s->writer)
		TRY(writer_new(s, source, s->folder, s->playlist->count > 0, &s->writer));
	TRY(writer_begin(s->writer, number));
	s->segment = (struct segment){.open = true,
				      .discontinuity = discontinuity && s->playlist->count > 0,
				      .number = number,
				      .start_ms = f->pts_ms,
				      .last_ms = f->pts_ms};
	s->waiting_said = false;
	return NULL;
}

/* How far numbers are moved on a line that begins anew, so that they go on: by whole marks, because the renditions have
 * not all come to the same number, and are to be moved alike. */
static int64_t shift_of_new_line(const struct segmenter *s, int64_t first)
{
	int64_t least = s->floor_number + 1 - first;

	return floor_div(least + HLS_MARK_FRAGMENTS - 1, HLS_MARK_FRAGMENTS) * HLS_MARK_FRAGMENTS;
}

/* The first segment of this run. A fragment that is stored already is not stored twice: wait for the next. */
static struct error *join(struct segmenter *s, const struct source *source, const struct hls_frame *f)
{
	const struct hls_segment *last = s->playlist->count ? &s->playlist->segments[s->playlist->count - 1] : NULL;
	int64_t number = slot(s, f->pts_ms) + s->shift;
	bool back = s->new_time_line || !s->shift_known || (last && f->pts_ms < last->start_ms);

	if (back) {
		s->shift = shift_of_new_line(s, slot(s, f->pts_ms));
		s->shift_known = true;
		s->new_time_line = false;
		number = slot(s, f->pts_ms) + s->shift;
		log_warn("hls.discontinuity", "pts_ms=%" PRId64 " number=%" PRId64, f->pts_ms, number);
	} else if (number <= s->floor_number) {
		if (!s->waiting_said)
			log_warn("hls.rejoin", "number=%" PRId64 " is stored already, waiting for the next", number);
		s->waiting_said = true;
		return NULL;
	}
	return begin_segment(s, source, f, number, back);
}

static struct error *key_frame(struct segmenter *s, const struct source *source, const struct hls_frame *f)
{
	int64_t number = slot(s, f->pts_ms) + s->shift;

	if (!s->segment.open)
		return join(s, source, f);
	if (number <= s->segment.number) {
		/* A segment cannot hold two kinds of video, and numbers must stay those of the other renditions: what
		 * is left of the fragment is given up. */
		return writer_video_fits(s->writer, source) ? NULL : end_segment(s, NULL);
	}
	TRY(end_segment(s, &f->pts_ms));
	return begin_segment(s, source, f, number, false);
}

/* A picture that begins nothing, from elsewhere on the time line: one alone is a slip of a clock and is left out, the
 * second says that the time line goes on there. */
static bool is_stray(struct segmenter *s, const struct hls_frame *f)
{
	int64_t step_ms = f->dts_ms - s->last_video.dts_ms, again_ms = f->dts_ms - s->stray.dts_ms;
	bool confirmed;

	if (f->key || !s->last_video.set || (step_ms >= -BACK_MS && step_ms <= s->target_ms)) {
		s->stray.set = false;
		return false;
	}
	confirmed = s->stray.set && again_ms >= 0 && again_ms <= s->target_ms;
	s->stray.set = !confirmed;
	s->stray.dts_ms = f->dts_ms;
	return !confirmed;
}

static void leave_out(struct segmenter *s, const struct hls_frame *f, const char *why)
{
	int64_t now_us = clock_mono_us();

	s->left_out++;
	s->report->dropped += f->video;
	if (s->said_us && now_us - s->said_us < SAID_US)
		return;
	s->said_us = now_us;
	log_warn("hls.left_out", "frames=%" PRId64 " last=%s dts_ms=%" PRId64 " why=%s", s->left_out,
		 f->video ? "picture" : "sound", f->dts_ms, why);
	s->left_out = 0;
}

/* What the picture's place on the time line asks for, before it is written. */
static struct error *place_picture(struct segmenter *s, const struct source *source, const struct hls_frame *f)
{
	if (s->last_video.set && f->dts_ms < s->last_video.dts_ms - BACK_MS) {
		TRY(segmenter_flush(s));
		s->new_time_line = true;
	}
	s->last_video.set = true;
	s->last_video.dts_ms = f->dts_ms;
	if (f->key)
		return key_frame(s, source, f);
	if (!s->segment.open || f->pts_ms - s->segment.start_ms + segment_frame_ms(&s->segment) <= s->longest_ms)
		return NULL;
	/* A segment must not be longer, and none may begin here (4.3.4.2.1: EXT-X-INDEPENDENT-SEGMENTS). */
	log_warn("hls.no_key_frame",
		 "number=%" PRId64 " ends after %" PRId64 " ms without an IDR picture, waiting for one",
		 s->segment.number, segment_end_ms(&s->segment, NULL, s->longest_ms) - s->segment.start_ms);
	return end_segment(s, NULL);
}

static struct error *picture(struct segmenter *s, const struct source *source, const struct hls_frame *f)
{
	bool kept = false;

	if (f->damaged || is_stray(s, f)) {
		leave_out(s, f, f->damaged ? "damaged" : "time-stamp");
		return NULL;
	}
	TRY(place_picture(s, source, f));
	if (!s->segment.open) {
		s->report->dropped++;
		return NULL;
	}
	TRY(writer_write(s->writer, source, f, &kept));
	if (!kept) {
		leave_out(s, f, "damaged");
		return NULL;
	}
	segment_count(&s->segment, f->pts_ms, f->dts_ms);
	hls_report_frame(s->report, f->pts_ms);
	return NULL;
}

static struct error *sound(struct segmenter *s, const struct source *source, const struct hls_frame *f)
{
	int64_t end_ms = f->pts_ms + f->duration_ms, apart_ms = f->dts_ms - s->last_video.dts_ms;
	bool kept = false;

	if (!s->segment.open)
		return NULL;
	if (apart_ms > APART_MS || apart_ms < -APART_MS) {
		leave_out(s, f, "time-stamp");
		return NULL;
	}
	TRY(writer_write(s->writer, source, f, &kept));
	if (kept && end_ms > s->segment.audio_end_ms)
		s->segment.audio_end_ms = end_ms;
	return NULL;
}

struct error *segmenter_frame(struct segmenter *s, const struct source *source, const struct hls_frame *f)
{
	return f->video ? picture(s, source, f) : sound(s, source, f);
}

struct error *segmenter_flush(struct segmenter *s)
{
	return s->segment.open ? end_segment(s, NULL) : NULL;
}
