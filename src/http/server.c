#include "http/server.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "http/connection.h"

#define BODY_LIMIT 65536
#define REQUEST_MS 30000
#define CONNECTIONS 256
#define BACKLOG 128

union listener {
	uv_handle_t any;
	uv_stream_t stream;
	uv_tcp_t tcp;
	uv_pipe_t pipe;
};

struct http_server {
	struct http_settings settings;
	struct http_crowd crowd;
	union listener *listener; /* lives until uv has closed it; any.data is NULL once the server is gone */
	bool unix_socket;
	int port;
	unsigned connections, connection_limit;
};

static void on_listener_closed(uv_handle_t *handle)
{
	mem_free(handle);
}

/* libuv itself removes the file of a unix socket that it bound. */
static int server_destroy(struct http_server *s)
{
	s->listener->any.data = NULL;
	/* loop_drain() may have closed it already, without a callback. */
	if (uv_is_closing(&s->listener->any))
		mem_free(s->listener);
	else
		uv_close(&s->listener->any, on_listener_closed);
	return 0;
}

static void on_gone(void *arg)
{
	struct http_server *s = arg;

	s->connections--;
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct http_server *s = listener->data;

	if (!s)
		return;
	if (status < 0) {
		log_warn("http.accept", "error=%s", uv_err_name(status));
		return;
	}
	s->connections++;
	/* Above the bound, when no other can give way, it is taken and closed at once, so that the caller knows. */
	struct error *e = http_connection_accept(s, &s->settings, listener, s->unix_socket,
						 s->connections > s->connection_limit, on_gone, s);
	if (e)
		log_warn("http.accept", "error=%s", log_q(e->message));
	error_free(e);
}

/* A socket file nobody listens on is left from an earlier process: it goes. */
static struct error *remove_stale(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? NULL : error_sys(errno, "%s", path);
	if (!S_ISSOCK(st.st_mode))
		return error_new(ERROR_EXISTS, "%s: exists and is no socket", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_sys(errno, "socket");
	memcpy(address.sun_path, path, strlen(path) + 1);
	int failed = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
	close(fd);
	if (failed != ECONNREFUSED)
		return error_new(ERROR_EXISTS, "%s: another process listens there", path);
	return unlink(path) < 0 && errno != ENOENT ? error_sys(errno, "%s", path) : NULL;
}

static struct error *bind_unix(struct http_server *s, uv_loop_t *loop, const struct http_listen *listen)
{
	uv_pipe_init(loop, &s->listener->pipe, 0);
	talloc_set_destructor(s, server_destroy);
	TRY(wire_check_path(listen->unix_path));
	TRY(remove_stale(listen->unix_path));
	/* The file must never be open to more than unix_mode, not even for a moment. */
	mode_t before = umask(~(mode_t)listen->unix_mode & 0777);
	int status = uv_pipe_bind(&s->listener->pipe, listen->unix_path);
	umask(before);
	if (status < 0)
		return error_uv(status, "%s: cannot bind", listen->unix_path);
	if (chmod(listen->unix_path, listen->unix_mode) < 0)
		return error_sys(errno, "%s", listen->unix_path);
	return NULL;
}

static struct error *bind_tcp(struct http_server *s, uv_loop_t *loop, const struct http_listen *listen)
{
	struct sockaddr_storage address = {0};
	int len = sizeof(address);

	uv_tcp_init(loop, &s->listener->tcp);
	talloc_set_destructor(s, server_destroy);
	if (uv_ip4_addr(listen->address, listen->port, (struct sockaddr_in *)&address) &&
	    uv_ip6_addr(listen->address, listen->port, (struct sockaddr_in6 *)&address))
		return error_new(ERROR_INVALID, "%s: is no IP address to listen on", listen->address);
	int status = uv_tcp_bind(&s->listener->tcp, (struct sockaddr *)&address, 0);
	if (!status)
		status = uv_tcp_getsockname(&s->listener->tcp, (struct sockaddr *)&address, &len);
	if (status < 0)
		return error_uv(status, "%s port %d: cannot listen", listen->address, listen->port);
	s->port = ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
						      : ((struct sockaddr_in *)&address)->sin_port);
	return NULL;
}

struct error *http_server_open(const void *ctx, uv_loop_t *loop, const struct http_listen *listen, http_handler_fn *fn,
			       void *arg, struct http_server **ret_server)
{
	struct http_server *s = mem_new(ctx, struct http_server);
	struct error *e;

	s->settings = (struct http_settings){.loop = loop,
					     .fn = fn,
					     .arg = arg,
					     .body_limit = listen->body_limit ? listen->body_limit : BODY_LIMIT,
					     .request_ms = listen->request_ms ? listen->request_ms : REQUEST_MS,
					     .admit = listen->admit,
					     .budget = listen->budget,
					     .answer_budget = listen->answer_budget,
					     .crowd = &s->crowd};
	s->settings.answer_ms = listen->answer_ms ? listen->answer_ms : s->settings.request_ms;
	s->connection_limit = listen->connections ? listen->connections : CONNECTIONS;
	s->listener = mem_new(NULL, union listener);
	s->unix_socket = listen->unix_path != NULL;
	e = s->unix_socket ? bind_unix(s, loop, listen) : bind_tcp(s, loop, listen);
	s->listener->any.data = s;
	if (!e) {
		int status = uv_listen(&s->listener->stream, BACKLOG, on_connection);

		if (status < 0)
			e = error_uv(status, "cannot listen on %s",
				     listen->unix_path ? listen->unix_path : listen->address);
	}
	if (e) {
		mem_free(s);
		return e;
	}
	*ret_server = s;
	return NULL;
}

int http_server_port(const struct http_server *s)
{
	return s->port;
}

const char *http_breach_name(enum http_breach b)
{
	static const char *const names[HTTP_BREACHES] = {
		[HTTP_MALFORMED] = "malformed", [HTTP_SLOW] = "slow", [HTTP_BODY] = "body",       [HTTP_HEAD] = "head",
		[HTTP_CODING] = "coding",       [HTTP_BUSY] = "busy", [HTTP_CROWDED] = "crowded",
	};

	return names[b];
}

uint64_t http_server_count(const struct http_server *s, enum http_breach b)
{
	return s->crowd.breaches[b];
}
