/* Facts about streams, gathered from ffprobe's JSON: members are read by name, in whatever order they come. */
#include "media/source.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define ELEMENT_LIMIT (64u << 10)
#define NO_TIME INT64_MIN

/* A number that ffprobe writes as a number, as a string, or as "N/A". */
static bool number(const json_t *o, const char *key, double *ret)
{
	const json_t *value = json_object_get(o, key);
	const char *text = json_string_value(value);
	char *end = NULL;
	double n = json_number_value(value);

	if (text)
		n = strtod(text, &end);
	if (text ? end == text || *end : !json_is_number(value))
		return false;
	if (!(fabs(n) < 1e9))
		return false;
	*ret = n;
	return true;
}

static int64_t whole(const json_t *o, const char *key)
{
	double n = 0;

	return number(o, key, &n) && n > 0 ? (int64_t)n : 0;
}

static int64_t time_ms(const json_t *o, const char *key)
{
	double s = 0;

	return number(o, key, &s) ? (int64_t)llround(s * 1000) : NO_TIME;
}

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

#define COPY(to, o, key) copy((to), sizeof(to), json_string_value(json_object_get((o), (key))))

static struct error *find(struct media_source *s, const json_t *o, const char *key, struct media_stream_facts **ret)
{
	const json_t *index = json_object_get(o, key);

	if (!json_is_integer(index) || json_integer_value(index) < 0)
		return error_new(ERROR_INVALID, "ffprobe's output: there is no %s", key);
	if (json_integer_value(index) >= MEDIA_MAX_STREAMS)
		return error_new(ERROR_LIMIT, "the source has more than %d streams", MEDIA_MAX_STREAMS);
	*ret = &s->streams[json_integer_value(index)];
	return NULL;
}

/* --- packets --- */

static void add_key(struct media_stream_facts *s, int64_t pts_ms)
{
	int64_t interval_ms = pts_ms - (s->keys ? s->last_key_ms : s->all.first_ms);

	if (s->keys++ == 0) {
		/* What stands before the first key frame cannot be decoded: an interval as long at least. */
		s->max_key_ms = interval_ms;
	} else {
		if (interval_ms > s->max_key_ms)
			s->max_key_ms = interval_ms;
		if (s->keys == 2 || interval_ms < s->min_key_ms)
			s->min_key_ms = interval_ms;
	}
	s->last_key_ms = pts_ms;
}

/* Begin and end, by one packet more. */
static void add_time(struct media_span *s, int64_t pts_ms, int64_t dts_ms, int64_t duration_ms)
{
	if (!s->timed || pts_ms < s->first_ms)
		s->first_ms = pts_ms;
	if (!s->timed || pts_ms > s->last_ms)
		s->last_ms = pts_ms;
	if (!s->timed || pts_ms + duration_ms > s->end_ms)
		s->end_ms = pts_ms + duration_ms;
	if (!s->timed || dts_ms < s->first_dts_ms)
		s->first_dts_ms = dts_ms;
	if (!s->timed || dts_ms + duration_ms > s->end_dts_ms)
		s->end_dts_ms = dts_ms + duration_ms;
	s->timed = true;
}

static void add_times(struct media_stream_facts *s, const json_t *o, int64_t pts_ms, int64_t dts_ms, bool hidden)
{
	int64_t duration_ms = time_ms(o, "duration_time");

	if (duration_ms < 0)
		duration_ms = 0;
	if (dts_ms == NO_TIME)
		dts_ms = pts_ms;
	add_time(&s->all, pts_ms, dts_ms, duration_ms);
	if (!hidden)
		add_time(&s->shown, pts_ms, dts_ms, duration_ms);
}

static struct error *read_packet(struct media_source *all, const json_t *o)
{
	struct media_stream_facts *s = NULL;
	const char *flags = json_string_value(json_object_get(o, "flags"));
	const json_t *idr = json_object_get(o, "idr");
	int64_t size = whole(o, "size"), pts_ms = time_ms(o, "pts_time"), dts_ms = time_ms(o, "dts_time");
	bool key = flags && flags[0] == 'K', hidden = flags && strchr(flags, 'D');

	TRY(find(all, o, "stream_index", &s));
	assert(s);
	if (s->packets++ == 0)
		s->first_is_key = key;
	s->bytes += size;
	if (size > s->max_frame_bytes)
		s->max_frame_bytes = size;
	if (pts_ms == NO_TIME) {
		s->untimed++;
		pts_ms = dts_ms;
	}
	if (pts_ms != NO_TIME)
		add_times(s, o, pts_ms, dts_ms, hidden);
	s->hidden += hidden;
	s->flagged += key;
	if (idr && !s->told_idr) { /* what flags said before is void */
		s->told_idr = true;
		s->keys = 0;
	}
	if (pts_ms != NO_TIME && (s->told_idr ? json_integer_value(idr) == 1 : key))
		add_key(s, pts_ms);
	return NULL;
}

/* --- streams --- */

/* "64:45"; "0:1" is ffprobe's word for not told. */
static void read_ratio(const json_t *o, const char *key, int *num, int *den)
{
	const char *text = json_string_value(json_object_get(o, key));
	char *end = NULL;
	long n = text ? strtol(text, &end, 10) : 0, d = end && *end == ':' ? strtol(end + 1, NULL, 10) : 0;

	if (n <= 0 || d <= 0 || n > INT32_MAX || d > INT32_MAX)
		n = d = 1;
	*num = (int)n;
	*den = (int)d;
}

/* A display matrix as ffprobe prints it: three lines "0000000r: a b u". One that does nothing is common. */
static bool turns(const char *text)
{
	static const long identity[] = {65536, 0, 0, 65536};
	size_t found = 0;

	for (const char *line = text; line && found < 4; line = strchr(line + 1, '\n')) {
		const char *at = strchr(line, ':');
		char *end = NULL;

		for (int column = 0; at && column < 2 && found < 4; column++) {
			if (strtol(column ? end : at + 1, &end, 10) != identity[found++])
				return true;
		}
		if (!at)
			break;
	}
	return false;
}

static void read_side_data(struct media_stream_facts *s, const json_t *o)
{
	static const char *const edges[] = {"crop_top", "crop_bottom", "crop_left", "crop_right"};
	double rotation = 0;

	if (number(o, "rotation", &rotation)) /* counter-clockwise, -180 to 180 */
		s->rotation_deg = (int)(((-(int64_t)rotation) % 360 + 360) % 360);
	if (s->rotation_deg == 0 && turns(json_string_value(json_object_get(o, "displaymatrix"))))
		s->rotation_deg = 360; /* mirrored, or turned by less than a degree */
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		s->cropped = s->cropped || whole(o, edges[i]) > 0;
}

/* "00:00:30.040000000", Matroska's own way of telling how long a track is. */
static int64_t clock_ms(const char *text)
{
	char *end = NULL;
	long hours = text ? strtol(text, &end, 10) : 0, minutes = end && *end == ':' ? strtol(end + 1, &end, 10) : -1;
	double seconds = end && *end == ':' ? strtod(end + 1, NULL) : -1;

	if (hours < 0 || hours > 9999 || minutes < 0 || minutes > 59 || !(seconds >= 0 && seconds < 61))
		return 0;
	return (hours * INT64_C(3600) + minutes * INT64_C(60)) * 1000 + llround(seconds * 1000);
}

static void read_disposition(struct media_stream_facts *s, const json_t *o)
{
	s->is_default = whole(o, "default") > 0;
	s->is_cover = whole(o, "attached_pic") > 0 || whole(o, "timed_thumbnails") > 0 || whole(o, "still_image") > 0;
	s->is_aside = whole(o, "comment") > 0 || whole(o, "visual_impaired") > 0 || whole(o, "hearing_impaired") > 0 ||
		      whole(o, "descriptions") > 0 || whole(o, "karaoke") > 0;
}

static struct error *read_stream(struct media_source *all, const json_t *o)
{
	struct media_stream_facts *s = NULL;
	const char *type = json_string_value(json_object_get(o, "codec_type"));
	const json_t *side = NULL;
	size_t i;

	TRY(find(all, o, "index", &s));
	assert(s);
	s->known = true;
	s->video = type && strcmp(type, "video") == 0;
	s->audio = type && strcmp(type, "audio") == 0;
	all->others = all->others || (!s->video && !s->audio);
	COPY(s->codec, o, "codec_name");
	COPY(s->tag, o, "codec_tag_string");
	COPY(s->profile, o, "profile");
	COPY(s->pix_fmt, o, "pix_fmt");
	COPY(s->field_order, o, "field_order");
	s->width = (int)whole(o, "width");
	s->height = (int)whole(o, "height");
	read_ratio(o, "sample_aspect_ratio", &s->sar_num, &s->sar_den);
	s->promised_ms = whole(o, "duration") ? time_ms(o, "duration") : 0;
	if (!s->promised_ms)
		s->promised_ms = clock_ms(json_string_value(json_object_get(json_object_get(o, "tags"), "DURATION")));
	read_disposition(s, json_object_get(o, "disposition"));
	json_array_foreach (json_object_get(o, "side_data_list"), i, side)
		read_side_data(s, side);
	return NULL;
}

static struct error *read_program(struct media_source *all, const json_t *o)
{
	const json_t *stream = NULL;
	size_t i;

	all->programs++;
	json_array_foreach (json_object_get(o, "streams"), i, stream) {
		struct media_stream_facts *s = NULL;

		TRY(find(all, stream, "index", &s));
		assert(s);
		if (!s->program) /* a stream may be in several */
			s->program = all->programs;
	}
	return NULL;
}

static struct error *read_frame(struct media_source *all, const json_t *o)
{
	struct media_stream_facts *s = NULL;

	TRY(find(all, o, "stream_index", &s));
	assert(s);
	s->interlaced = s->interlaced || whole(o, "interlaced_frame") > 0;
	return NULL;
}

static struct error *read_format(struct media_source *all, const json_t *o)
{
	int64_t ms = time_ms(o, "duration");

	all->promised_ms = ms > 0 ? ms : 0;
	return NULL;
}

static struct error *on_element(const char *member, const char *value, size_t len, void *arg)
{
	static const struct {
		const char *member;
		struct error *(*read)(struct media_source *all, const json_t *o);
	} readers[] = {
		{"packets", read_packet}, {"streams", read_stream}, {"programs", read_program},
		{"frames", read_frame},   {"format", read_format},
	};

	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
		json_t *o = NULL;
		struct error *e;

		if (strcmp(member, readers[i].member) != 0)
			continue;
		e = json_parse_foreign(value, len, ELEMENT_LIMIT, &o);
		if (!e)
			e = readers[i].read(arg, o);
		json_decref(o);
		return e;
	}
	return NULL;
}

struct error *media_source_read(struct media_source *s, const char *text, size_t len)
{
	return media_json_each(text, len, on_element, s);
}

/* --- IDR pictures --- */

/* A number, and past what separates it from the next. */
static bool next_number(const char **at, long long *ret)
{
	char *end = NULL;

	*ret = strtoll(*at, &end, 10);
	if (end == *at)
		return false;
	*at = end + strspn(end, ",:/ ");
	return true;
}

/* framecrc: comments such as "#tb 0: 1/90000", then "stream, dts, pts, duration, size, checksum". */
static bool read_idr_line(const char *line, double *tick_ms, int64_t *ret_ms)
{
	long long stream, num, den, dts, pts;
	const char *at = line + 4;

	if (strncmp(line, "#tb ", 4) == 0 && next_number(&at, &stream) && next_number(&at, &num) &&
	    next_number(&at, &den) && num > 0 && den > 0)
		*tick_ms = 1000.0 * (double)num / (double)den;
	at = line;
	if (line[0] == '#' || !next_number(&at, &stream) || !next_number(&at, &dts) || !next_number(&at, &pts))
		return false;
	if (!(fabs((double)pts * *tick_ms) < 1e12))
		return false;
	*ret_ms = llround((double)pts * *tick_ms);
	return true;
}

struct error *media_source_read_idr(struct media_source *s, int index, const char *text, size_t len)
{
	struct media_stream_facts *stream = &s->streams[index];
	const char *at = text, *end = text + len;
	double tick_ms = 1;

	stream->told_idr = true;
	stream->keys = 0;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((newline ? newline : end) - at);
		int64_t ms = 0;
		char line[256];

		if (n >= sizeof(line))
			return error_new(ERROR_INVALID, "ffmpeg's list of IDR pictures: a line of %zu bytes", n);
		memcpy(line, at, n);
		line[n] = '\0';
		if (read_idr_line(line, &tick_ms, &ms))
			add_key(stream, ms);
		at += n + 1;
	}
	return NULL;
}

/* --- choosing --- */

/* The first difference decides; equal: the earlier stream. */
static bool better(const int64_t *a, const int64_t *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (a[i] != b[i])
			return a[i] > b[i];
	return false;
}

const struct media_stream_facts *media_source_picture(const struct media_source *s)
{
	const struct media_stream_facts *best = NULL;
	int64_t best_score[4] = {0};

	for (int i = 0; i < MEDIA_MAX_STREAMS; i++) {
		const struct media_stream_facts *v = &s->streams[i];
		const int64_t score[4] = {v->packets > 0, v->codec[0] != '\0', v->is_default,
					  (int64_t)v->width * v->height};

		if (!v->known || !v->video || v->is_cover || (best && !better(score, best_score, 4)))
			continue;
		best = v;
		memcpy(best_score, score, sizeof(score));
	}
	return best;
}

const struct media_stream_facts *media_source_sound(const struct media_source *s,
						    const struct media_stream_facts *picture)
{
	const struct media_stream_facts *best = NULL;
	int64_t best_score[4] = {0};

	for (int i = 0; i < MEDIA_MAX_STREAMS; i++) {
		const struct media_stream_facts *a = &s->streams[i];
		const int64_t score[4] = {!picture || a->program == picture->program, a->packets > 0, !a->is_aside,
					  a->is_default};

		/* What ffmpeg has no name for it cannot decode either: as good as no sound. */
		if (!a->known || !a->audio || !a->codec[0] || (best && !better(score, best_score, 4)))
			continue;
		best = a;
		memcpy(best_score, score, sizeof(score));
	}
	return best;
}

int media_source_index(const struct media_source *s, const struct media_stream_facts *stream)
{
	return stream ? (int)(stream - s->streams) : -1;
}
