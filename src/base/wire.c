#include "base/wire.h"

#include <string.h>
#include <sys/un.h>

#include "base/mem.h"

/* The uv handle lives until uv has closed it, longer than the wire that owns it. */
union handle {
	uv_handle_t any;
	uv_stream_t stream;
	uv_tcp_t tcp;
	uv_pipe_t pipe;
};

struct wire {
	union handle *handle; /* handle->any.data points back here, NULL once the wire is gone */
	const struct wire_events *events;
	void *arg;
	bool full; /* the last read has filled its space: there is more, for the next turn of the loop */
};

struct connect {
	uv_connect_t req;
};

struct write {
	uv_write_t req;
	char bytes[];
};

static void on_closed(uv_handle_t *handle)
{
	mem_free(handle);
}

static int wire_destroy(struct wire *w)
{
	w->handle->any.data = NULL;
	/* loop_drain() may have closed it already, without a callback. */
	if (uv_is_closing(&w->handle->any))
		mem_free(w->handle);
	else
		uv_close(&w->handle->any, on_closed);
	return 0;
}

struct wire *wire_new(const void *ctx, uv_loop_t *loop, bool unix_socket, const struct wire_events *events, void *arg)
{
	struct wire *w = mem_new(ctx, struct wire);

	w->handle = mem_new(NULL, union handle);
	w->events = events;
	w->arg = arg;
	if (unix_socket)
		uv_pipe_init(loop, &w->handle->pipe, 0);
	else
		uv_tcp_init(loop, &w->handle->tcp);
	w->handle->any.data = w;
	talloc_set_destructor(w, wire_destroy);
	return w;
}

struct error *wire_accept(struct wire *w, uv_stream_t *listener)
{
	int status = uv_accept(listener, &w->handle->stream);

	if (status < 0)
		return error_uv(status, "accepting a connection");
	if (w->handle->any.type == UV_TCP)
		uv_tcp_nodelay(&w->handle->tcp, 1);
	return NULL;
}

static void on_connected(uv_connect_t *req, int status)
{
	struct wire *w = req->handle->data;

	mem_free(req);
	if (w)
		w->events->connected(status, w->arg);
}

struct error *wire_check_path(const char *path)
{
	struct sockaddr_un address;

	if (strlen(path) >= sizeof(address.sun_path))
		return error_new(ERROR_INVALID, "%s: the path of a unix socket has at most %zu bytes", path,
				 sizeof(address.sun_path) - 1);
	return NULL;
}

struct error *wire_connect_unix(struct wire *w, const char *path)
{
	TRY(wire_check_path(path));
	uv_pipe_connect(&mem_new(NULL, struct connect)->req, &w->handle->pipe, path, on_connected);
	return NULL;
}

struct error *wire_connect_tcp(struct wire *w, const struct sockaddr *address)
{
	struct connect *c = mem_new(NULL, struct connect);
	int status = uv_tcp_connect(&c->req, &w->handle->tcp, address, on_connected);

	if (status < 0) {
		mem_free(c);
		return error_uv(status, "connecting");
	}
	uv_tcp_nodelay(&w->handle->tcp, 1);
	return NULL;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	/* Bytes are consumed before the next read of this thread. */
	static _Thread_local char space[16384];
	struct wire *w = handle->data;

	(void)suggested;
	*ret = uv_buf_init(space, sizeof(space));
	/* No space: libuv stops reading for this turn, and tells on_read() so (UV_ENOBUFS). */
	if (w && w->full)
		*ret = uv_buf_init(NULL, 0);
	if (w)
		w->full = false;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct wire *w = stream->data;

	if (!w || n == 0 || n == UV_ENOBUFS)
		return;
	if (n < 0)
		uv_read_stop(stream);
	w->full = n == (ssize_t)buf->len;
	w->events->data(buf->base, n == UV_EOF ? 0 : n, w->arg);
}

struct error *wire_read(struct wire *w)
{
	int status = uv_read_start(&w->handle->stream, on_alloc, on_read);

	return status < 0 && status != UV_EALREADY ? error_uv(status, "reading") : NULL;
}

void wire_pause(struct wire *w)
{
	uv_read_stop(&w->handle->stream);
}

static void on_written(uv_write_t *req, int status)
{
	struct wire *w = req->handle->data;

	mem_free(req);
	if (w)
		w->events->written(status, w->arg);
}

struct error *wire_write(struct wire *w, const char *bytes, size_t len)
{
	struct write *out = talloc_size(NULL, sizeof(*out) + len);

	if (!out)
		return error_new(ERROR_LIMIT, "out of memory for %zu bytes", len);
	memset(out, 0, sizeof(*out));
	memcpy(out->bytes, bytes, len);
	uv_buf_t buf = uv_buf_init(out->bytes, (unsigned)len);
	int status = uv_write(&out->req, &w->handle->stream, &buf, 1, on_written);
	if (status < 0) {
		mem_free(out);
		return error_uv(status, "writing");
	}
	return NULL;
}

void wire_hand_over(struct wire *w, const void *ctx, const struct wire_events *events, void *arg)
{
	talloc_steal(ctx, w);
	w->events = events;
	w->arg = arg;
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
	(void)status;
	mem_free(req);
}

void wire_shutdown(struct wire *w)
{
	uv_shutdown_t *req = mem_new(NULL, uv_shutdown_t);

	if (uv_shutdown(req, &w->handle->stream, on_shutdown) < 0)
		mem_free(req);
}

size_t wire_backlog(const struct wire *w)
{
	return uv_stream_get_write_queue_size(&w->handle->stream);
}

struct error *wire_addresses(const struct wire *w, struct sockaddr_storage *ret_local,
			     struct sockaddr_storage *ret_remote)
{
	struct sockaddr_storage local, remote;
	int n = sizeof(local), m = sizeof(remote);
	int status = uv_tcp_getsockname(&w->handle->tcp, (struct sockaddr *)&local, &n);

	if (status == 0)
		status = uv_tcp_getpeername(&w->handle->tcp, (struct sockaddr *)&remote, &m);
	if (status < 0)
		return error_uv(status, "asking for a connection's addresses");
	if (ret_local)
		*ret_local = local;
	if (ret_remote)
		*ret_remote = remote;
	return NULL;
}
