#include "hls/writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libavutil/opt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "media/hls.h"

#define BUFFER_BYTES 65536
#define UNFINISHED ".part"
/* Sound whose time stamps do not rise: so little is moved, more is left out. */
#define MAX_MOVE (90 * 200)
/* What a decoder may buffer: the program clock runs this much before the time stamps. */
#define CLOCK_LEAD_US 700000

enum { VIDEO, AUDIO, STREAMS };

struct writer {
	AVFormatContext *muxer;
	AVIOContext *io;
	AVPacket *packet;
	const char *folder;
	unsigned versions[STREAMS];
	int64_t last_dts[STREAMS];
	bool header_written;
	bool resumed;
	int fd;
	int failed; /* errno of a failed write */
	int64_t bytes;
	char *part, *path; /* of the open segment */
};

static int write_bytes(void *arg, uint8_t *data, int len)
{
	struct writer *w = arg;
	int done = 0;

	while (done < len) {
		ssize_t n = write(w->fd, data + done, (size_t)(len - done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			w->failed = errno;
			return AVERROR(errno);
		}
		done += (int)n;
	}
	w->bytes += len;
	return len;
}

static int destroy(struct writer *w)
{
	writer_abandon(w);
	if (w->muxer)
		w->muxer->pb = NULL;
	avformat_free_context(w->muxer);
	if (w->io)
		av_freep(&w->io->buffer);
	avio_context_free(&w->io);
	av_packet_free(&w->packet);
	return 0;
}

static int add_stream(struct writer *w, int index, const AVCodecParameters *par)
{
	AVStream *stream = avformat_new_stream(w->muxer, NULL);
	int code;

	if (!stream)
		return AVERROR(ENOMEM);
	code = avcodec_parameters_copy(stream->codecpar, par);
	stream->codecpar->codec_tag = 0;
	w->last_dts[index] = INT64_MIN;
	return code;
}

/* The muxer gets pictures as annex B wants them, and so must not be told of another form. */
static int add_video(struct writer *w, const struct source *source)
{
	const struct h264_config *config = source_config(source);
	AVCodecParameters *par;
	int code = add_stream(w, VIDEO, source_video(source));

	if (code < 0)
		return code;
	par = w->muxer->streams[VIDEO]->codecpar;
	av_freep(&par->extradata);
	par->extradata_size = 0;
	par->extradata = av_mallocz(config->sets_len + AV_INPUT_BUFFER_PADDING_SIZE);
	if (!par->extradata)
		return AVERROR(ENOMEM);
	memcpy(par->extradata, config->sets, config->sets_len);
	par->extradata_size = (int)config->sets_len;
	return 0;
}

static int set_up(struct writer *w, const struct source *source)
{
	const AVCodecParameters *audio = source_audio(source);
	uint8_t *buffer = av_malloc(BUFFER_BYTES);
	int code;

	w->packet = av_packet_alloc();
	w->io = buffer ? avio_alloc_context(buffer, BUFFER_BYTES, 1, w, NULL, write_bytes, NULL) : NULL;
	if (!w->packet || !w->io)
		return AVERROR(ENOMEM);
	code = avformat_alloc_output_context2(&w->muxer, NULL, "mpegts", NULL);
	if (code < 0)
		return code;
	w->muxer->avoid_negative_ts = AVFMT_AVOID_NEG_TS_DISABLED;
	/* All renditions share the job's time line: time stamps are written as they come. */
	code = av_opt_set(w->muxer->priv_data, "mpegts_copyts", "1", 0);
	if (code >= 0)
		code = add_video(w, source);
	if (code >= 0 && w->resumed)
		code = av_opt_set(w->muxer->priv_data, "mpegts_flags", "+initial_discontinuity", 0);
	if (code >= 0 && audio)
		code = add_stream(w, AUDIO, audio);
	w->versions[VIDEO] = source_video_version(source);
	w->versions[AUDIO] = audio ? source_audio_version(source) : 0;
	return code;
}

static struct error *failure(const struct writer *w, int code)
{
	char text[AV_ERROR_MAX_STRING_SIZE];

	if (w->failed)
		return error_sys(w->failed, "cannot write %s", w->part);
	return error_new(ERROR_FAILED, "cannot make MPEG-TS: %s", av_make_error_string(text, sizeof(text), code));
}

struct error *writer_new(const void *ctx, const struct source *source, const char *folder, bool resumed,
			 struct writer **ret_writer)
{
	struct writer *w = mem_new(ctx, struct writer);
	int code;

	w->fd = -1;
	w->resumed = resumed;
	w->folder = mem_strdup(w, folder);
	talloc_set_destructor(w, destroy);
	code = set_up(w, source);
	if (code < 0) {
		struct error *e = failure(w, code);

		mem_free(w);
		return e;
	}
	*ret_writer = w;
	return NULL;
}

bool writer_video_fits(const struct writer *w, const struct source *source)
{
	return w->versions[VIDEO] == source_video_version(source);
}

bool writer_fits(const struct writer *w, const struct source *source)
{
	return w->versions[VIDEO] == source_video_version(source) && w->versions[AUDIO] == source_audio_version(source);
}

struct error *writer_begin(struct writer *w, int64_t number)
{
	char *name = hls_segment_name(w, number);

	mem_free(w->part);
	mem_free(w->path);
	w->path = file_join(w, w->folder, name);
	w->part = mem_printf(w, "%s/.%s" UNFINISHED, w->folder, name);
	mem_free(name);
	w->fd = open(w->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (w->fd < 0)
		return error_sys(errno, "cannot create %s", w->part);
	w->bytes = 0;
	w->failed = 0;
	w->io->error = 0;
	w->muxer->pb = w->io;
	/* Each file can be decoded on its own. */
	if (w->header_written)
		av_opt_set(w->muxer->priv_data, "mpegts_flags", "resend_headers", 0);
	return NULL;
}

static struct error *write_header(struct writer *w, const struct hls_frame *first)
{
	int code;

	if (w->header_written)
		return NULL;
	w->muxer->max_delay = first->dts_ms * 1000 < CLOCK_LEAD_US ? 0 : CLOCK_LEAD_US;
	code = avformat_write_header(w->muxer, NULL);
	if (code < 0)
		return failure(w, code);
	w->header_written = true;
	return NULL;
}

/* The frame as the muxer takes it; AVERROR_INVALIDDATA: it has nothing to be written. */
static int fill_packet(struct writer *w, const struct source *source, const struct hls_frame *f)
{
	const struct h264_config *config = source_config(source);
	AVPacket *p = w->packet;
	size_t len = (size_t)f->packet->size, room = h264_annexb_room(config, len);
	int code;

	if (!f->video) {
		code = av_packet_ref(p, f->packet);
	} else {
		code = room > INT_MAX / 2 ? AVERROR_INVALIDDATA : av_new_packet(p, (int)room);
		if (code >= 0)
			av_shrink_packet(
				p, (int)h264_annexb(config, f->packet->data, len, f->key && !f->has_sets, p->data));
		if (code >= 0 && f->key)
			p->flags |= AV_PKT_FLAG_KEY;
	}
	p->stream_index = f->video ? VIDEO : AUDIO;
	p->dts = f->dts_ms * 90;
	p->pts = f->pts_ms * 90;
	p->duration = f->duration_ms * 90;
	p->pos = -1;
	return code;
}

static bool make_rise(struct writer *w, AVPacket *p)
{
	int64_t last = w->last_dts[p->stream_index];

	if (p->dts <= last) {
		if (p->stream_index == AUDIO && last - p->dts > MAX_MOVE)
			return false;
		p->dts = last + 1;
	}
	if (p->pts < p->dts)
		p->pts = p->dts;
	return true;
}

struct error *writer_write(struct writer *w, const struct source *source, const struct hls_frame *f, bool *ret_kept)
{
	AVPacket *p = w->packet;
	int code;

	*ret_kept = false;
	if (!f->video && w->versions[AUDIO] != f->codec_version)
		return NULL; /* goes on with the next segment's settings */
	TRY(write_header(w, f));
	code = fill_packet(w, source, f);
	if (code >= 0 && make_rise(w, p)) {
		int64_t dts = p->dts;

		code = av_write_frame(w->muxer, p);
		if (code >= 0)
			w->last_dts[f->video ? VIDEO : AUDIO] = dts;
		*ret_kept = code >= 0;
	}
	av_packet_unref(p);
	return w->failed || w->io->error ? failure(w, w->io->error) : NULL;
}

struct error *writer_end(struct writer *w, int64_t *ret_bytes)
{
	int code = av_write_frame(w->muxer, NULL);

	avio_flush(w->io);
	if (code >= 0)
		code = w->io->error;
	if (code < 0 || w->failed)
		return failure(w, code);
	if (fdatasync(w->fd) < 0 || rename(w->part, w->path) < 0)
		return error_sys(errno, "cannot finish %s", w->part);
	close(w->fd);
	w->fd = -1;
	/* A disk may have the playlist's new name without that of the segment it lists. */
	TRY(file_sync_name(w->path));
	*ret_bytes = w->bytes;
	return NULL;
}

void writer_abandon(struct writer *w)
{
	if (w->fd < 0)
		return;
	close(w->fd);
	w->fd = -1;
	unlink(w->part);
}

void writer_clean(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		size_t len = strlen(entry->d_name), end = strlen(UNFINISHED);

		if (entry->d_name[0] == '.' && len > end && strcmp(entry->d_name + len - end, UNFINISHED) == 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	closedir(dir);
}
