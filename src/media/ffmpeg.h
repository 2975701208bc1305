/* Argument vectors for ffmpeg and the segmenter. No shell, no quoting: each element is one argument.
 * All vectors are NULL-terminated and belong to ctx. Recipes and their measurements: docs/media.md. */
#ifndef DSN_MEDIA_FFMPEG_H
#define DSN_MEDIA_FFMPEG_H

#include "api/task.h"
#include "media/normalise.h"
#include "media/probe.h"

struct media_programs {
	const char *ffmpeg; /* path or name as the runtime sees it */
	const char *ffprobe;
	const char *segmenter; /* dsn-hls */
	const char *relay;     /* dsn-relay */
	/* Folder of key files as the runtime sees it: a publisher's key is then read by ffmpeg or dsn-relay from the
	 * file media_key_name() in it (made by media_keys_write()) and stands in no process list. NULL: keys stand in
	 * the URL. */
	const char *keys;
};

/* rtmp://host:port/application/stream[?key=...]; brackets IPv6. */
char *media_rtmp_url(const void *ctx, const char *host, int port, const char *application, const char *stream,
		     const char *key);

/* The applications of a managed node. */
#define MEDIA_INGEST "ingest"
#define MEDIA_LIVE "live"
#define MEDIA_CLEAN "clean" /* within the node: to the encoder that normalises it; of a transcoder, to two storages */

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

/* Distributor: takes ingest/<job>, puts it onto the job's time line from offset_ms on, publishes live/<job> on the same
 * node, or clean/<job> where media_ffmpeg_normalise() takes it. offset_ms: at least MEDIA_OFFSET_MS (encoders' negative
 * dts must not reach FLV) and below 2147000000 with the stream's length (FLV's time stamps); for a publisher that comes
 * back, media_relay_offset_ms(). */
#define MEDIA_OFFSET_MS 10000
struct media_relay {
	int rtmp_port;
	const char *job;
	const char *key;
	int64_t offset_ms;
	const char *carried; /* what the relay before reported (media/progress.h); NULL or "": unknown */
	int mended;          /* names how it is normalised; 0: it is not */
	bool normalise;
	int fragment_s;
	const char *progress_url;
};
char **media_relay(const void *ctx, const struct media_programs *p, const struct media_relay *r);
/* Distributor: clean/<job> encoded once as `how` says (live), to live/<job>; on the same time line. */
char **media_ffmpeg_normalise(const void *ctx, const struct media_programs *p, int rtmp_port, const char *job,
			      const char *key, const struct media_normalise *how, const char *progress_url);
/* The offset for a publisher that comes back: the first fragment after `last_ms`, so that segments' numbers go on.
 * last_ms is where the job's time line ended: the former relay's offset_ms plus its last out_time_ms (the relay's
 * progress counts from 0); negative: nothing was relayed yet. */
int64_t media_relay_offset_ms(int64_t last_ms, int fragment_s);

/* Distributor: copy live/<job> to one target. use_failover picks failover_ip. */
char **media_copy(const void *ctx, const struct media_programs *p, int rtmp_port, const char *job,
		  const struct api_target *target, bool use_failover, const char *default_application,
		  const char *progress_url);

/* Transcoder: what it publishes at its own clean/<target's stream> to the target. */
char **media_send(const void *ctx, const struct media_programs *p, int rtmp_port, const char *job,
		  const struct api_target *target, bool use_failover, const char *default_application,
		  const char *progress_url);

/* Transcoder: one decode of live/<job>, one encode per rendition, key frames at the source's, sent to the targets. */
char **media_ffmpeg_transcode(const void *ctx, const struct media_programs *p, int rtmp_port, const char *job,
			      const struct api_rendition *renditions, size_t count, bool use_failover,
			      const char *default_application, const char *default_preset, const char *progress_url);

/* Storage: segment live/<stream> into <path>/data/hls/<stream>/. */
char **media_segmenter(const void *ctx, const struct media_programs *p, int rtmp_port, const char *stream,
		       const char *folder, int fragment_s, int window_s, const char *progress_url);

/* Customer: send a film in real time to the distributor: copied when it fits, else normalised. */
struct media_push {
	const char *film; /* NULL: what stands in the list of turns (media/loop.h) on descriptor 0 */
	const char *url;
	const struct media_verdict *verdict; /* not refused */
	struct media_normalise how;          /* the verdict's, with the bit rate that was ordered */
	int64_t from_ms;                     /* of the film; 0: its begin. Not for a list of turns */
	const char *progress_url;
};
char **media_ffmpeg_push(const void *ctx, const struct media_programs *p, const struct media_push *push);

/* What a source is judged by, see media/probe.h. First `seconds` only; 0: all of it.
 * Packets, streams, programmes and the container, as JSON. */
char **media_ffprobe_packets(const void *ctx, const struct media_programs *p, const char *url, int seconds);
/* Some decoded frames of stream `index`, as JSON. */
char **media_ffprobe_frames(const void *ctx, const struct media_programs *p, const char *url, int index);
/* The packets of an H.264 stream that are IDR pictures, as ffmpeg's framecrc. */
char **media_ffmpeg_nal(const void *ctx, const struct media_programs *p, const char *url, int index, int seconds);

#endif
