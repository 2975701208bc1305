/* Argument vectors for ffmpeg and the segmenter. No shell, no quoting: each element is one argument.
 * All vectors are NULL-terminated and belong to ctx. Recipes and their measurements: docs/media.md. */
#ifndef DSN_MEDIA_FFMPEG_H
#define DSN_MEDIA_FFMPEG_H

#include "api/task.h"

struct media_programs {
	const char *ffmpeg; /* path or name as the runtime sees it */
	const char *ffprobe;
	const char *segmenter; /* dsn-hls */
	/* Folder of key files as the runtime sees it: a publisher's key is then read by ffmpeg from the file
	 * media_key_name() in it (made by media_keys_write()) and stands in no process list. NULL: keys stand in the
	 * URL. */
	const char *keys;
};

/* rtmp://host:port/application/stream[?key=...]; brackets IPv6. */
char *media_rtmp_url(const void *ctx, const char *host, int port, const char *application, const char *stream,
		     const char *key);

/* The applications of a managed node. */
#define MEDIA_INGEST "ingest"
#define MEDIA_LIVE "live"

/* The application a target is reached at: its own, or `default_application` when it names none or just the job (which
 * is how 1.00 documents write "that node's application for this job"). */
const char *media_application(const struct api_target *t, const char *job, const char *default_application);

/* Name of the key file for one target. */
char *media_key_name(const void *ctx, const char *host, int port, const char *application, const char *stream);
/* Write (atomically) the key files of all a task's targets, failover addresses too, and of its own relay
 * (127.0.0.1:rtmp_port/live/<job>) into `folder` (host path, exists, only we may write it). The same
 * default_application as for the vectors. `readers`: group that may read them; (gid_t)-1: none, they are for us. */
struct error *media_keys_write(const char *folder, const struct api_task *task, int rtmp_port,
			       const char *default_application, gid_t readers) MUST_CHECK;
/* Remove them again. */
struct error *media_keys_remove(const char *folder, const struct api_task *task, int rtmp_port,
				const char *default_application) MUST_CHECK;

/* Distributor: takes ingest/<job>, moves its time line by offset_ms, publishes live/<job> on the same node.
 * normalise: encode once with regular key frames (every fragment_s/2) and AAC; else copy.
 * offset_ms: at least MEDIA_OFFSET_MS (encoders' negative dts must not reach FLV) and below 2147000000 with the
 * stream's length (FLV's time stamps); for a publisher that comes back, media_relay_offset_ms(). */
#define MEDIA_OFFSET_MS 10000
struct media_relay {
	int rtmp_port;
	const char *job;
	const char *key;
	int64_t offset_ms;
	bool normalise;
	int64_t bitrate_bps; /* for normalise; 0: 4 Mb/s */
	int fragment_s;
	const char *progress_url;
};
char **media_ffmpeg_relay(const void *ctx, const struct media_programs *p, const struct media_relay *r);
/* The offset for a publisher that comes back: the first fragment after `last_ms`, so that segments' numbers go on.
 * last_ms is where the job's time line ended: the former relay's offset_ms plus its last out_time_ms (the relay's
 * progress counts from 0); negative: nothing was relayed yet. */
int64_t media_relay_offset_ms(int64_t last_ms, int fragment_s);

/* Distributor: copy live/<job> to one target. use_failover picks failover_ip. */
char **media_ffmpeg_copy(const void *ctx, const struct media_programs *p, int rtmp_port, const char *job,
			 const struct api_target *target, bool use_failover, const char *default_application,
			 const char *progress_url);

/* Transcoder: one decode of live/<job>, one encode per rendition, key frames at the source's, sent to the targets. */
char **media_ffmpeg_transcode(const void *ctx, const struct media_programs *p, int rtmp_port, const char *job,
			      const struct api_rendition *renditions, size_t count, bool use_failover,
			      const char *default_application, const char *default_preset, const char *progress_url);

/* Storage: segment live/<stream> into <path>/data/hls/<stream>/. */
char **media_segmenter(const void *ctx, const struct media_programs *p, int rtmp_port, const char *stream,
		       const char *folder, int fragment_s, int window_s, const char *progress_url);

/* Customer: send a file in real time to the distributor (copy when probed fit, else normalised). */
char **media_ffmpeg_push(const void *ctx, const struct media_programs *p, const char *input, const char *url,
			 bool normalise, int64_t bitrate_bps, int fragment_s, const char *progress_url);

/* Ingest check of a live stream: ffprobe of the first `seconds` of ingest/<job>, packets as CSV, see media/probe.h.
 * seconds 0: all of it. */
char **media_ffprobe_packets(const void *ctx, const struct media_programs *p, const char *url, int seconds);

#endif
