/* What dsn-hls leaves in its folder when the disk, memory or the process ends while a segment is written: what is
 * listed is there and whole, and the next run goes on with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <libavutil/log.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "fault/fault.h"
#include "hls/segmenter.h"
#include "media/hls.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define SECOND_MS 1000
#define PICTURE_MS 200
#define SOUND_MS 23
#define WINDOW_S 6
#define LONG_S 24 /* so many segments of a second that some leave the window, and their files go */

/* --- films: FLV, as RTMP carries it (Adobe's "Video File Format Specification" 10.1, annex E) --- */

enum look { PLAIN, OTHER_PICTURE, SOUND };

/* 64x64, baseline; the other one is of another level. */
static const char *const settings[] = {
	[PLAIN] = "\x01\x42\xc0\x0a\xff\xe1\x00\x07\x67\x42\xc0\x0a\xdc\x84\x84\x01\x00\x04\x68\xce\x06\xe2",
	[OTHER_PICTURE] = "\x01\x42\xc0\x0b\xff\xe1\x00\x07\x67\x42\xc0\x0b\xdc\x84\x84\x01\x00\x04\x68\xce\x06\xe2",
};
#define SETTINGS_BYTES 22

static void put_number(FILE *out, uint32_t n, int bytes)
{
	while (bytes-- > 0)
		fputc((int)(n >> (8 * bytes) & 0xff), out);
}

static void put_tag(FILE *out, int type, int64_t ms, const char *bytes, size_t len)
{
	fputc(type, out);
	put_number(out, (uint32_t)len, 3);
	put_number(out, (uint32_t)ms & 0xffffff, 3);
	put_number(out, (uint32_t)ms >> 24, 1);
	put_number(out, 0, 3);
	assert_int_equal(fwrite(bytes, 1, len, out), len);
	put_number(out, (uint32_t)len + 11, 4);
}

static void put_settings(FILE *out, enum look look)
{
	char video[5 + SETTINGS_BYTES] = "\x17\x00\x00\x00\x00";

	memcpy(video + 5, settings[look == SOUND ? PLAIN : look], SETTINGS_BYTES);
	put_tag(out, 9, 0, video, sizeof(video));
	if (look == SOUND)
		put_tag(out, 8, 0, "\xaf\x00\x12\x10", 4);
}

/* A key frame each second. */
static void put_picture(FILE *out, int64_t ms)
{
	bool key = ms % SECOND_MS == 0;
	char video[] = "\x17\x01\x00\x00\x00\x00\x00\x00\x08\x65\x88\x84\x00\x33\x44\x55\x66";

	video[0] = key ? 0x17 : 0x27;
	video[9] = key ? 0x65 : 0x41;
	video[14] = (char)(ms / PICTURE_MS);
	put_tag(out, 9, ms, video, sizeof(video) - 1);
}

/* From one second to another; all films are made before anything fails. */
static char *film(const void *ctx, const char *folder, int from_s, int to_s, enum look look)
{
	char *path = mem_printf(ctx, "%s/%d-%d-%d.flv", folder, from_s, to_s, (int)look);
	FILE *out = fopen(path, "we");
	int64_t sound_ms = (int64_t)from_s * SECOND_MS;

	assert_non_null(out);
	fwrite(look == SOUND ? "FLV\1\5\0\0\0\11\0\0\0\0" : "FLV\1\1\0\0\0\11\0\0\0\0", 1, 13, out);
	put_settings(out, look);
	for (int64_t ms = sound_ms; ms < (int64_t)to_s * SECOND_MS; ms += PICTURE_MS) {
		put_picture(out, ms);
		for (; look == SOUND && sound_ms < ms + PICTURE_MS; sound_ms += SOUND_MS)
			put_tag(out, 8, sound_ms, "\xaf\x01\x21\x10\x04\x60\x8c\x1c", 8);
	}
	assert_int_equal(fclose(out), 0);
	return path;
}

static struct {
	char folder[64];
	char *begin, *next, *other, *sound, *many, *after_many;
} films;

/* --- what dsn-hls does with one --- */

static struct error *read_all(struct segmenter *segmenter, struct source *source)
{
	for (;;) {
		enum source_event event;
		struct hls_frame frame;

		TRY(source_read(source, &event, &frame));
		if (event != SOURCE_FRAME)
			return segmenter_flush(segmenter);
		TRY(segmenter_frame(segmenter, source, &frame));
	}
}

static struct error *store(struct fault_world *w, const char *path, int window_s)
{
	static const volatile sig_atomic_t stop = 0;
	void *scope = mem_strdup(w->ctx, path);
	struct hls_report report = {.fd = -1};
	struct segmenter *segmenter = NULL;
	struct source *source = NULL;
	struct error *e = segmenter_new(scope, w->folder, 1, window_s, &report, &segmenter);

	if (!e)
		e = source_open(scope, path, &stop, &source);
	if (!e)
		e = read_all(segmenter, source);
	mem_free(scope);
	return e;
}

static struct error *prepare(struct fault_world *w)
{
	return store(w, films.begin, 0);
}

static struct error *prepare_nothing(struct fault_world *w)
{
	(void)w;
	return NULL;
}

static struct error *prepare_window(struct fault_world *w)
{
	return store(w, films.many, WINDOW_S);
}

static struct error *prepare_bad(struct fault_world *w)
{
	TRY(store(w, films.begin, 0));
	return file_write_atomic(file_join(w->ctx, w->folder, HLS_PLAYLIST_NAME), "not a playlist\n", 15, 0644);
}

static struct error *run_first(struct fault_world *w)
{
	return store(w, films.begin, 0);
}

static struct error *run_next(struct fault_world *w)
{
	return store(w, films.next, 0);
}

static struct error *run_other(struct fault_world *w)
{
	return store(w, films.other, 0);
}

static struct error *run_sound(struct fault_world *w)
{
	return store(w, films.sound, 0);
}

static struct error *run_window(struct fault_world *w)
{
	return store(w, films.after_many, WINDOW_S);
}

static bool unfinished(const char *folder, int64_t number)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/.%010d.ts.part", folder, (int)number);
	return file_exists(path);
}

/* The playlist is lost, and the segments are not: no number of theirs is begun again. */
static struct error *run_beside(struct fault_world *w)
{
	static const volatile sig_atomic_t stop = 0;
	struct hls_report report = {.fd = -1};
	struct segmenter *segmenter = NULL;
	struct source *source = NULL;
	enum source_event event;
	struct hls_frame frame;

	TRY(segmenter_new(w->ctx, w->folder, 1, 0, &report, &segmenter));
	TRY(source_open(w->ctx, films.begin, &stop, &source));
	TRY(source_read(source, &event, &frame));
	TRY(segmenter_frame(segmenter, source, &frame));
	if (!unfinished(w->folder, HLS_MARK_FRAGMENTS))
		fail_msg("another number than the next mark's behind the highest stored one is begun");
	return NULL;
}

/* The next dsn-hls: it finds no unfinished file, when it has begun. */
static struct error *open_folder(struct fault_world *w)
{
	struct hls_report report = {.fd = -1};
	struct segmenter *segmenter = NULL;

	TRY(segmenter_new(w->ctx, w->folder, 1, 0, &report, &segmenter));
	for (int i = 0; i <= LONG_S + 1; i++)
		assert_true(fault_armed() || !unfinished(w->folder, i));
	assert_true(fault_armed() || !unfinished(w->folder, HLS_MARK_FRAGMENTS));
	mem_free(segmenter);
	return NULL;
}

/* --- what counts of the folder --- */

static uint64_t sum_of(const char *text, size_t len)
{
	uint64_t sum = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ (uint8_t)text[i]) * UINT64_C(1099511628211);
	return sum;
}

/* Each segment that the playlist names. */
static void look_listed(FILE *out, const char *folder, const char *playlist)
{
	for (const char *at = playlist; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		char path[PATH_MAX], *text = NULL;
		size_t n = strcspn(at, "\n"), len = 0;
		struct error *e;

		if (*at == '#' || n != strlen("0000000000.ts") || strncmp(at + n - 3, ".ts", 3) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%.*s", folder, (int)n, at);
		e = file_read(NULL, path, 1 << 20, &text, &len);
		if (e)
			fail_msg("listed, and not there: %s", e->message);
		fprintf(out, "%.*s: %zu bytes, %llx\n", (int)n, at, len, (unsigned long long)sum_of(text, len));
		mem_free(text);
	}
}

static bool ends(const char *name, const char *with)
{
	size_t n = strlen(name), m = strlen(with);

	return n > m && strcmp(name + n - m, with) == 0;
}

/* What should have been removed again. */
static void look_left(FILE *out, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (ends(entry->d_name, ".part") || (dot && dot != entry->d_name && strlen(dot) == 7))
			fprintf(out, "left: %s\n", entry->d_name);
	}
	closedir(dir);
}

static void look_text(FILE *out, const char *folder, const char *name, bool listed)
{
	char path[PATH_MAX], *text = NULL;
	struct error *e;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (!file_exists(path))
		return;
	e = file_read(NULL, path, 1 << 20, &text, NULL);
	assert_null(e);
	fprintf(out, "%s:\n%s", name, text);
	if (listed)
		look_listed(out, folder, text);
	mem_free(text);
}

/* A segment that is not listed may be there; it is overwritten, or never read. What was measured can be measured anew.
 */
static char *look(const char *folder, bool crashed)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	look_text(out, folder, HLS_PLAYLIST_NAME, true);
	look_text(out, folder, HLS_PLAYLIST_NAME ".bad", false);
	if (!crashed)
		look_left(out, folder);
	fclose(out);
	return text;
}

static const struct fault_case segments[] = {
	{.name = "opening", .run = NULL},
	{.name = "opening with a playlist that is none", .prepare = prepare_bad, .run = NULL},
	{.name = "the first segment", .prepare = prepare_nothing, .run = run_first},
	{.name = "the next segment", .run = run_next},
	{.name = "a segment of another picture", .run = run_other},
	{.name = "a segment with sound", .run = run_sound},
	{.name = "a segment, and an old one leaves", .prepare = prepare_window, .run = run_window},
	{.name = "beside segments that nothing lists", .prepare = prepare_bad, .run = run_beside},
};

static void the_segmenters_folder(void **state)
{
	const struct fault_suite suite = {.open = open_folder,
					  .prepare = prepare,
					  .look = look,
					  .place = "/work",
					  .cases = segments,
					  .count = COUNT(segments)};

	(void)state;
	fault_run(&suite);
}

static int make_films(void **state)
{
	void *ctx = mem_strdup(NULL, "films");

	strcpy(films.folder, "/tmp/dsn-films-XXXXXX");
	assert_non_null(mkdtemp(films.folder));
	films.begin = film(ctx, films.folder, 0, 1, PLAIN);
	films.next = film(ctx, films.folder, 1, 2, PLAIN);
	films.other = film(ctx, films.folder, 1, 2, OTHER_PICTURE);
	films.sound = film(ctx, films.folder, 1, 2, SOUND);
	films.many = film(ctx, films.folder, 0, LONG_S, PLAIN);
	films.after_many = film(ctx, films.folder, LONG_S, LONG_S + 1, PLAIN);
	*state = ctx;
	return 0;
}

static int remove_films(void **state)
{
	mem_free(*state);
	assert_null(file_remove_tree(films.folder));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_segmenters_folder, make_films, remove_films),
	};

	mem_init();
	fault_install();
	av_log_set_level(AV_LOG_QUIET);
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
