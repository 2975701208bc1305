/* One byte stream, TCP or unix socket, bound to a talloc lifetime: freeing it closes it and silences its callbacks. A
 * peer that sends without end is read once in a turn of the loop (16 KiB), so that others come in between.
 * Threads: loop thread. Callbacks may free the wire. */
#ifndef DSN_BASE_WIRE_H
#define DSN_BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "base/error.h"

struct wire;

struct wire_events {
	void (*connected)(int status, void *arg); /* after wire_connect_...() */
	/* `len` bytes, valid during the call; 0: the peer has closed; negative: a libuv status */
	void (*data)(const char *bytes, ssize_t len, void *arg);
	void (*written)(int status, void *arg); /* once per wire_write() */
};

/* A wire that is not yet connected. */
struct wire *wire_new(const void *ctx, uv_loop_t *loop, bool unix_socket, const struct wire_events *events, void *arg);
struct error *wire_accept(struct wire *w, uv_stream_t *listener) MUST_CHECK;
struct error *wire_connect_unix(struct wire *w, const char *path) MUST_CHECK;
struct error *wire_connect_tcp(struct wire *w, const struct sockaddr *address) MUST_CHECK;
struct error *wire_read(struct wire *w) MUST_CHECK;
void wire_pause(struct wire *w);
/* Bytes are copied. */
struct error *wire_write(struct wire *w, const char *bytes, size_t len) MUST_CHECK;
/* Hands the wire to another owner with other callbacks, e.g. after an HTTP upgrade. Call it with no write under way. */
void wire_hand_over(struct wire *w, const void *ctx, const struct wire_events *events, void *arg);
/* No more will be written: tells the peer after all is sent. */
void wire_shutdown(struct wire *w);

/* Bytes that wire_write() took and the system has not yet taken: what a slow peer lets pile up. */
size_t wire_backlog(const struct wire *w);
/* TCP only. Either may be NULL. ERROR_IO when the connection has gone. */
struct error *wire_addresses(const struct wire *w, struct sockaddr_storage *ret_local,
			     struct sockaddr_storage *ret_remote) MUST_CHECK;

/* A unix socket's path fits into sockaddr_un. */
struct error *wire_check_path(const char *path) MUST_CHECK;

#endif
