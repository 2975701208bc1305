/* Inside node/: what is found out by running programs, one after the other. For others there is node/agent/hardware.h.
 */
#ifndef DSN_NODE_AGENT_HARDWARE_PROBE_H
#define DSN_NODE_AGENT_HARDWARE_PROBE_H

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "base/error.h"

#define PROBE_PRESETS 5
/* Fastest first. */
extern const char *const hardware_probe_presets[PROBE_PRESETS];
#define PROBE_ENCODERS 4
extern const char *const hardware_probe_encoders[PROBE_ENCODERS];

/* 0 or "": not found out. */
struct hardware_probe_findings {
	char *ffmpeg_version, *nginx_version;
	bool encoders[PROBE_ENCODERS];         /* they work, seen with a frame of ours */
	int64_t per_cpu_second[PROBE_PRESETS]; /* macroblocks that one second of one processor encodes */
};

typedef void probe_fn(const struct hardware_probe_findings *found, void *arg);
/* `known` (may be NULL): the ffmpeg version and benchmark of an earlier probe; what fits is not measured again. `fn` is
 * called once, later. Freeing ctx ends all. */
void hardware_probe_start(const void *ctx, uv_loop_t *loop, const char *ffmpeg, const char *nginx,
			  const struct hardware_probe_findings *known, probe_fn *fn, void *arg);

/* "ffmpeg version 5.1.9-0 Copyright" -> "5.1.9-0"; "nginx version: nginx/1.22.1" -> "1.22.1"; "" otherwise. */
char *hardware_probe_ffmpeg_version(const void *ctx, const char *text);
char *hardware_probe_nginx_version(const void *ctx, const char *text);
/* Is the encoder in the list that ffmpeg -encoders prints? */
bool hardware_probe_lists_encoder(const char *text, const char *encoder);

#endif
