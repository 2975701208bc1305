/* What the machine is and what it can do: for `node hardware` and `node free_hardware`.
 *
 * Processor, memory, disk and network are read when asked. Encoders and the benchmark cost seconds: they are found out
 * once, when first asked for, by child processes at the lowest priority; the benchmark is kept in
 * <folder>/hardware.json and made again when processor or ffmpeg have changed.
 *
 * The benchmark tells how many 16x16 macroblocks a second all processors together encode with x264, by preset
 * (1280x720 at 25 frames a second: 90000). It is measured in processor time, so running jobs do not spoil it.
 *
 * Documents have string values only. Threads: loop thread.
 */
#ifndef DSN_NODE_AGENT_HARDWARE_H
#define DSN_NODE_AGENT_HARDWARE_H

#include <jansson.h>
#include <stdint.h>
#include <uv.h>

#include "base/error.h"

struct hardware;

struct hardware_options {
	const char *ffmpeg; /* program names or paths */
	const char *nginx;
	const char *folder; /* state folder: disk space is that of its file system, and the cache is there */
};

/* Reads the cache; starts nothing. */
struct hardware *hardware_new(const void *ctx, uv_loop_t *loop, const struct hardware_options *options);

/* Borrowed document; called once, never from within the call that asked, at most about 15 s later. */
typedef void hardware_fn(const json_t *document, void *arg);

/* {"cpu":{"model","cores","load"},"memory":{"total_bytes","available_bytes"},"disk":{"total_bytes","free_bytes"},
 *  "network":["eth0"],"encoders":["libx264"],"programs":{"ffmpeg":"5.1","nginx":"1.22.1"},
 *  "benchmark":{"ultrafast":"2500000",..}}
 * What could not be found out is left out. Freeing ctx drops the question. */
void hardware_report(struct hardware *h, const void *ctx, hardware_fn *fn, void *arg);

/* What running jobs need of the machine. */
struct hardware_use {
	int64_t macroblocks_per_s;
	const char *preset; /* that they are encoded with */
};
/* {"cpu":{"cores","load"},"memory":{"available_bytes"},"disk":{"free_bytes"},"used":{"macroblocks_per_s","preset"},
 *  "free":{"share":"0.75","ultrafast":"1900000",..}}: what could be encoded beside the running jobs, if all of it was
 * encoded with that preset. */
void hardware_free_report(struct hardware *h, const void *ctx, const struct hardware_use *use, hardware_fn *fn,
			  void *arg);

/* Macroblocks a second that are left at `preset`; -1 as long as there is no benchmark. */
int64_t hardware_free_macroblocks(const struct hardware *h, const char *preset, const struct hardware_use *use);

#endif
