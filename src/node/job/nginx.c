#include "node/job/nginx.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "http/client.h"
#include "media/stat.h"
#include "node/job/unit.h"
#include "node/mode.h"

#define STAT_LIMIT (4 * 1024 * 1024)

struct error *nginx_trouble(const struct node *n)
{
	if (n->up)
		return NULL;
	if (n->nginx->trouble)
		return error_new(ERROR_UNAVAILABLE, "nginx of the node does not serve: it %s; its log: %s",
				 n->nginx->trouble, n->nginx->log_path);
	return error_new(ERROR_UNAVAILABLE, "nginx of the node does not serve yet; its log: %s", n->nginx->log_path);
}

/* nginx's own socket and nobody else's, whatever a unit has put there. */
static struct error *control_socket(const struct node *n, int *ret_fd)
{
	return beneath_socket(n->folder, NODE_CONTROL_SOCKET, n->units.set_user ? n->units.uid : geteuid(), ret_fd);
}

/* How connect(2) names the socket of a descriptor. */
static char *socket_path(const void *ctx, int fd)
{
	return mem_printf(ctx, "/proc/self/fd/%d", fd);
}

/* A socket left by a killed nginx refuses. */
bool nginx_listens(const struct node *n)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int control = -1, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct error *e = control_socket(n, &control);
	bool answers = false;

	if (!e && fd >= 0) {
		snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", control);
		answers = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 || errno == EAGAIN;
	}
	error_free(e);
	if (control >= 0)
		close(control);
	if (fd >= 0)
		close(fd);
	return answers;
}

void nginx_serves(struct node *n)
{
	n->up = true;
	mem_free(n->up_timer);
	n->up_timer = NULL;
	node_step(n);
}

static void on_stat(const struct http_answer *a, void *arg)
{
	struct node *n = arg;
	struct media_stream *found;
	struct error *e;
	size_t count;
	void *tmp;

	n->asked = false;
	if (a->error || a->status != 200 || n->nginx->state != UNIT_RUNNING)
		return;
	tmp = mem_strdup(NULL, "");
	e = media_stat_parse(tmp, a->body, a->len, &found, &count);
	if (e) {
		log_warn("node.stat", "node=%s reason=%s", n->row.id, log_q(e->message));
		error_free(e);
	} else {
		if (n->mode->streams)
			n->mode->streams(n, found, count);
		n->stat_at_ms = node_now();
	}
	mem_free(tmp);
	if (!n->up && !e)
		nginx_serves(n);
}

/* False: nginx does not listen (yet). */
static bool ask_nginx(struct node *n, struct http_exchange *x, http_answer_fn *fn)
{
	int fd = -1;
	struct error *e = control_socket(n, &fd);
	char *path;

	if (e) {
		log_debug("node.control", "node=%s reason=%s", n->row.id, log_q(e->message));
		error_free(e);
		return false;
	}
	path = socket_path(NULL, fd);
	x->unix_path = path;
	http_fetch(n, n->host->loop, x, fn, n); /* connects at once: the descriptor has done its work then */
	mem_free(path);
	close(fd);
	return true;
}

void nginx_ask_streams(struct node *n)
{
	struct http_exchange x = {.method = "GET", .path = "/stat", .deadline_ms = 5000, .limit = STAT_LIMIT};

	if (n->asked)
		return;
	n->asked = ask_nginx(n, &x, on_stat);
}

static void on_control(const struct http_answer *a, void *arg)
{
	struct node *n = arg;

	if (a->error)
		log_warn("node.control", "node=%s reason=%s", n->row.id, log_q(a->error->message));
}

void nginx_control(struct node *n, const char *path)
{
	struct http_exchange x = {.method = "GET", .path = path, .deadline_ms = 5000};

	ask_nginx(n, &x, on_control);
}

void nginx_drop_publisher(struct node *n, const char *application, const char *name)
{
	/* Both are of the narrow grammar of api/grammar.h: nothing to encode. */
	char *path = mem_printf(NULL, "/control/drop/publisher?app=%s&name=%s", application, name);

	nginx_control(n, path);
	mem_free(path);
}
