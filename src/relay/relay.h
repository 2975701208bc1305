/* One stream from one RTMP server to another, tag by tag.
 *
 * As a copy (`fragment_ms` 0) tags keep their stamps. At the entry of a job they are put onto its time line
 * (relay/timeline.h) and looked at (relay/watch.h). Publishing begins with the first key frame. Tracks that come later
 * than receivers look for them (sound that is switched on while the stream runs), or that change their codec or its
 * settings, are published anew with it at the next key frame, which is marked as a discontinuity (relay/timeline.h); in
 * a copy they just pass, since the entry does that. So is a stream that carries something else than the one before this
 * run did. Codec settings that nobody could read are left out (relay/settings.h). Blocking; one thread. */
#ifndef DSN_RELAY_RELAY_H
#define DSN_RELAY_RELAY_H

#include <signal.h>
#include <stdint.h>

#include "base/error.h"
#include "relay/carried.h"
#include "relay/report.h"

struct relay_settings {
	const char *input, *output;
	const char *playpath;          /* see relay/output.h */
	int64_t offset_ms;             /* where the time line begins */
	int64_t fragment_ms;           /* 0: a copy */
	int64_t mended;                /* how the stream is mended behind this; 0: not, or a copy */
	const struct carried *carried; /* by the last relay of the job; NULL: there was none, or it is unknown */
};

/* Until the stream has ended, `stop` is set, or an end fails. */
struct error *relay_run(const void *ctx, const struct relay_settings *settings, const volatile sig_atomic_t *stop,
			struct relay_report *report) MUST_CHECK;

#endif
