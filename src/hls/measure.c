#include "hls/measure.h"

#include <inttypes.h>
#include <libavutil/crc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "hls/describe.h"

/* More segments than this do not stand within one and a half target durations, but for very short ones. */
#define RECENT 32
/* A frame rate of fewer frames says nothing. */
#define LEAST_FRAMES 10
#define MAX_RATE_MHZ 1000000
/* Of `settings` as they are written now; what earlier versions wrote is not compared. */
#define SETTINGS_FORM "2-"

struct piece {
	int64_t bytes, duration_ms;
};

struct measure {
	const char *folder, *path;
	int64_t target_ms;
	struct piece recent[RECENT]; /* contiguous segments, the last one last */
	size_t recent_count;
	int64_t bytes, duration_ms; /* of all */
	struct hls_measured found;
	int64_t peak_bps; /* of runs of segments that are long enough to count */
};

static int64_t rate_bps(int64_t bytes, int64_t duration_ms)
{
	return (bytes * 8000 + duration_ms - 1) / duration_ms;
}

/* RFC 8216 4.3.4.2: the peak is the highest rate of contiguous segments that last half to one and a half targets. */
static void find_peak(struct measure *m)
{
	int64_t bytes = 0, duration_ms = 0;

	for (size_t i = m->recent_count; i-- > 0;) {
		bytes += m->recent[i].bytes;
		duration_ms += m->recent[i].duration_ms;
		if (duration_ms * 2 > m->target_ms * 3)
			break;
		if (duration_ms * 2 >= m->target_ms && rate_bps(bytes, duration_ms) > m->peak_bps)
			m->peak_bps = rate_bps(bytes, duration_ms);
	}
}

static void add(struct measure *m, int64_t bytes, int64_t duration_ms)
{
	if (m->recent_count == RECENT)
		memmove(m->recent, m->recent + 1, --m->recent_count * sizeof(m->recent[0]));
	m->recent[m->recent_count++] = (struct piece){bytes, duration_ms};
	m->bytes += bytes;
	m->duration_ms += duration_ms;
	find_peak(m);
	m->found.average_bps = rate_bps(m->bytes, m->duration_ms);
	/* Not kept: of a first segment that is too short to count, the average may be far above all that follows. */
	m->found.peak_bps = m->peak_bps > m->found.average_bps ? m->peak_bps : m->found.average_bps;
}

static void add_listed(struct measure *m, const struct hls_segment *s)
{
	char *name, *path;
	struct stat st;

	if (s->gap || s->duration_ms <= 0) {
		m->recent_count = 0;
		return;
	}
	name = hls_segment_name(m, s->number);
	path = file_join(m, m->folder, name);
	if (stat(path, &st) == 0)
		add(m, st.st_size, s->duration_ms);
	mem_free(name);
	mem_free(path);
}

/* Codecs, frame rate and settings of an earlier run. */
static void read_file(struct measure *m)
{
	struct hls_measured found = {0};
	struct error *e;
	char *text;
	size_t len;

	if (!file_exists(m->path))
		return;
	e = file_read(m, m->path, HLS_MEASURED_MAX_BYTES, &text, &len);
	if (!e) {
		e = hls_measured_parse(text, len, &found);
		mem_free(text);
	}
	if (e) {
		log_warn("hls.measured", "error=%s measured anew", log_q(e->message));
		error_free(e);
		return;
	}
	found.peak_bps = m->found.peak_bps;
	found.average_bps = m->found.average_bps;
	m->found = found;
}

struct measure *measure_new(const void *ctx, const char *folder, const struct hls_playlist *playlist)
{
	struct measure *m = mem_new(ctx, struct measure);

	m->folder = mem_strdup(m, folder);
	m->path = file_join(m, folder, HLS_MEASURED_NAME);
	m->target_ms = playlist->target_s * 1000;
	for (size_t i = 0; i < playlist->count; i++)
		add_listed(m, &playlist->segments[i]);
	if (playlist->count)
		read_file(m);
	return m;
}

static void add_codec(struct measure *m, char *codec)
{
	char *list = m->found.codecs;
	size_t used = strlen(list), len = strlen(codec);
	const char *at = strstr(list, codec);

	if ((!at || (at[len] && at[len] != ',')) && used + len + 2 <= sizeof(m->found.codecs)) {
		if (used)
			list[used++] = ',';
		memcpy(list + used, codec, len + 1);
	}
	mem_free(codec);
}

static uint32_t checksum(const char *text)
{
	return av_crc(av_crc_get_table(AV_CRC_32_IEEE), 0, (const uint8_t *)text, strlen(text));
}

/* What a player sets its decoders up for, and no more: an encoder of another node writes the same in other bytes, and
 * where one rendition had a discontinuity for that the others would not (6.2.4). Of AAC's settings the first two bytes
 * say the kind, rate and channels. */
static void describe_settings(const struct measure *m, const struct hls_frame *first, const AVCodecParameters *audio,
			      char *ret_text, size_t size)
{
	char video[64], sound[64] = "";

	snprintf(video, sizeof(video), "%d %dx%d", first->profile[0], m->found.size.width, m->found.size.height);
	if (audio)
		snprintf(sound, sizeof(sound), "%d %d %d", audio->codec_id,
			 audio->extradata_size > 0 ? audio->extradata[0] : 0,
			 audio->extradata_size > 1 ? audio->extradata[1] : 0);
	snprintf(ret_text, size, SETTINGS_FORM "%08" PRIx32 "-%08" PRIx32, checksum(video),
		 audio ? checksum(sound) : 0);
}

bool measure_begin(struct measure *m, const struct source *source, const struct hls_frame *first)
{
	const AVCodecParameters *audio = source_audio(source);
	char settings[sizeof(m->found.settings)];
	bool known = strncmp(m->found.settings, SETTINGS_FORM, strlen(SETTINGS_FORM)) == 0, equal;

	describe_picture(source, first, &m->found.size);
	describe_settings(m, first, audio, settings, sizeof(settings));
	equal = !known || strcmp(settings, m->found.settings) == 0;
	memcpy(m->found.settings, settings, sizeof(settings));
	add_codec(m, describe_video_codec(m, first));
	if (audio)
		add_codec(m, describe_audio_codec(m, audio));
	return equal;
}

static void measure_rate(struct measure *m, const struct segment *g)
{
	int64_t mhz = describe_rate_mhz(segment_rate_mhz(g));

	if (g->frames >= LEAST_FRAMES && mhz > m->found.rate_mhz && mhz <= MAX_RATE_MHZ)
		m->found.rate_mhz = mhz;
}

void measure_end(struct measure *m, const struct segment *g, bool after_gap, int64_t bytes, int64_t duration_ms)
{
	struct error *e;
	char *text;

	if (after_gap)
		m->recent_count = 0;
	measure_rate(m, g);
	add(m, bytes, duration_ms);
	text = hls_measured_text(m, &m->found);
	e = file_replace(m->path, text, strlen(text), 0644);
	if (e)
		log_warn("hls.measured", "error=%s", log_q(e->message));
	error_free(e);
	mem_free(text);
}
