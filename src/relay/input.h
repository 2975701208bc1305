/* Where tags come from: an RTMP stream, read by libavformat as the FLV byte stream it is, without its demuxer, which
 * would hide what is foreign to it and wait for tracks. Blocking; one thread. */
#ifndef DSN_RELAY_INPUT_H
#define DSN_RELAY_INPUT_H

#include <signal.h>

#include "base/error.h"
#include "relay/tag.h"

struct input;

/* Waits for the stream until it is published. *ret_input is NULL when `stop` was set meanwhile. */
struct error *input_open(const void *ctx, const char *url, const volatile sig_atomic_t *stop,
			 struct input **ret_input) MUST_CHECK;
/* The next tag; *ret_tag is the input's until the next call, NULL at the stream's end or when `stop` is set. */
struct error *input_read(struct input *in, struct tag **ret_tag) MUST_CHECK;

#endif
