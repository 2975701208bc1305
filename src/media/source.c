/* Facts about streams, gathered from ffprobe's JSON: members are read by name, in whatever order they come. */
#include "media/source.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "media/source_json.h"

#define ELEMENT_LIMIT (64u << 10)

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

#define COPY(to, o, key) copy((to), sizeof(to), json_string_value(json_object_get((o), (key))))

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

	if (source_json_number(o, "rotation", &rotation)) /* counter-clockwise, -180 to 180 */
		s->rotation_deg = (int)(((-(int64_t)rotation) % 360 + 360) % 360);
	if (s->rotation_deg == 0 && turns(json_string_value(json_object_get(o, "displaymatrix"))))
		s->rotation_deg = 360; /* mirrored, or turned by less than a degree */
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		s->cropped = s->cropped || source_json_whole(o, edges[i]) > 0;
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
	s->is_default = source_json_whole(o, "default") > 0;
	s->is_cover = source_json_whole(o, "attached_pic") > 0 || source_json_whole(o, "timed_thumbnails") > 0 ||
		      source_json_whole(o, "still_image") > 0;
	s->is_aside = source_json_whole(o, "comment") > 0 || source_json_whole(o, "visual_impaired") > 0 ||
		      source_json_whole(o, "hearing_impaired") > 0 || source_json_whole(o, "descriptions") > 0 ||
		      source_json_whole(o, "karaoke") > 0;
}

static struct error *read_stream(struct media_source *all, const json_t *o)
{
	struct media_stream_facts *s = NULL;
	const char *type = json_string_value(json_object_get(o, "codec_type"));
	const json_t *side = NULL;
	size_t i;

	TRY(source_json_stream(all, o, "index", &s));
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
	s->width = (int)source_json_whole(o, "width");
	s->height = (int)source_json_whole(o, "height");
	read_ratio(o, "sample_aspect_ratio", &s->sar_num, &s->sar_den);
	s->promised_ms = source_json_whole(o, "duration") ? source_json_ms(o, "duration") : 0;
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

		TRY(source_json_stream(all, stream, "index", &s));
		assert(s);
		if (!s->program) /* a stream may be in several */
			s->program = all->programs;
	}
	return NULL;
}

static struct error *read_frame(struct media_source *all, const json_t *o)
{
	struct media_stream_facts *s = NULL;

	TRY(source_json_stream(all, o, "stream_index", &s));
	assert(s);
	s->interlaced = s->interlaced || source_json_whole(o, "interlaced_frame") > 0;
	return NULL;
}

static struct error *read_format(struct media_source *all, const json_t *o)
{
	int64_t ms = source_json_ms(o, "duration");

	all->promised_ms = ms > 0 ? ms : 0;
	COPY(all->format, o, "format_name");
	return NULL;
}

static struct error *on_element(const char *member, const char *value, size_t len, void *arg)
{
	static const struct {
		const char *member;
		struct error *(*read)(struct media_source *all, const json_t *o);
	} readers[] = {
		{"packets", source_read_packet}, {"streams", read_stream}, {"programs", read_program},
		{"frames", read_frame},          {"format", read_format},
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
