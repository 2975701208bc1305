#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/mem.h"
#include "http/client.h"
#include "http/server.h"
#include "world.h"

struct nginx nginx;

/* --- nginx's side --- */

int nginx_listen(const char *folder, uid_t uid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/run/control.sock", folder);
	unlink(address.sun_path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
		must(lchown(address.sun_path, uid, (gid_t)-1) == 0);
		must(listen(fd, 1) == 0);
	}
	return fd;
}

int nginx_listen_port(int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		must(listen(fd, 16) == 0);
	return fd;
}

struct exchange {
	struct timer *timer;
	bool stat;
	http_answer_fn *fn;
	void *arg;
};

static void on_answer(void *arg)
{
	struct exchange *x = talloc_steal(NULL, (struct exchange *)arg);
	struct error *e = nginx.stat ? NULL : error_new(ERROR_UNAVAILABLE, "refused");
	char *body = mem_strndup(x, nginx.stat ? nginx.stat : "", nginx.stat && x->stat ? nginx.stat_len : 0);
	struct http_answer answer = {.error = e, .status = 200, .body = body, .len = strlen(body)};

	x->fn(&answer, x->arg);
	error_free(e);
	mem_free(x);
}

void http_fetch(const void *ctx, uv_loop_t *loop, const struct http_exchange *x, http_answer_fn *fn, void *arg)
{
	struct exchange *one = mem_new(ctx, struct exchange);

	must(x->unix_path);
	one->stat = !strcmp(x->path, "/stat");
	one->fn = fn;
	one->arg = arg;
	one->timer = timer_start(one, loop, 1, 0, on_answer, one);
}

/* --- the agent's --- */

struct http_server {
	struct http_server *next;
	http_handler_fn *fn;
	void *arg;
};

struct http_request {
	const char *path, *body;
	size_t len;
};

static struct http_server *servers;

static int server_destroy(struct http_server *s)
{
	struct http_server **at = &servers;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	return 0;
}

struct error *http_server_open(const void *ctx, uv_loop_t *loop, const struct http_listen *listen, http_handler_fn *fn,
			       void *arg, struct http_server **ret_server)
{
	struct http_server *s = mem_new(ctx, struct http_server);
	int fd = open(listen->unix_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	(void)loop;
	if (fd < 0) {
		mem_free(s);
		return error_sys(errno, "%s", listen->unix_path);
	}
	close(fd);
	s->fn = fn;
	s->arg = arg;
	s->next = servers;
	servers = s;
	talloc_set_destructor(s, server_destroy);
	*ret_server = s;
	return NULL;
}

const char *http_request_path(const struct http_request *r)
{
	return r->path;
}

const char *http_request_body(const struct http_request *r, size_t *ret_len)
{
	*ret_len = r->len;
	return r->body;
}

void http_respond(struct http_request *r, int status, const char *content_type, const char *body, size_t len)
{
	(void)content_type, (void)body, (void)len;
	must(status >= 200 && status < 600);
	mem_free(r);
}

void nginx_report(size_t n, const char *path, const char *body, size_t len)
{
	struct http_server *s = servers;
	struct http_request *r;

	for (; s && n; n--)
		s = s->next;
	if (!s)
		return;
	r = mem_new(s, struct http_request);
	r->path = mem_strdup(r, path);
	r->body = mem_strndup(r, body, len);
	r->len = strlen(r->body);
	s->fn(r, s->arg);
}
