/* Where tags go: an RTMP server. A receiver that stalls is an error after its socket's small buffers are full and five
 * seconds more. Blocking; one thread. */
#ifndef DSN_RELAY_OUTPUT_H
#define DSN_RELAY_OUTPUT_H

#include <signal.h>

#include "base/error.h"
#include "relay/tag.h"

struct output;

/* Publish. `playpath`: the stream with its key, when `url` ends with the application; else NULL. Errors name the URL,
 * never the key. */
struct error *output_open(const void *ctx, const char *url, const char *playpath, const volatile sig_atomic_t *stop,
			  struct output **ret_output) MUST_CHECK;
/* Send at once. */
struct error *output_write(struct output *out, const struct tag *t, uint32_t stamp_ms) MUST_CHECK;
/* Freeing it unpublishes. */

#endif
