#include "node/mode/nginx_unit.h"

#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "media/nginx.h"
#include "node/job/nginx.h"
#include "node/job/publishers.h"
#include "node/job/unit.h"
#include "node/mode.h"
#include "node/runtime/folders.h"

#define UP_POLL_MS 25

static char **nginx_argv(const void *ctx, struct unit *u, const char *progress_url)
{
	(void)progress_url;
	return u->node->mode->nginx_argv(ctx, u->node);
}

/* Where an nginx of an earlier agent serves, all is as it should be. */
static void make_folders(struct unit *u)
{
	const struct node *n = u->node;
	struct error *e = nginx_listens(n) ? NULL : media_nginx_folders(n->folder, folders_units(&n->units));

	if (e)
		log_error("node.folders", "node=%s reason=%s", n->row.id, log_q(e->message));
	error_free(e);
}

static void on_up_timer(void *arg)
{
	struct node *n = arg;

	n->mode->look(n);
	if (n->up)
		nginx_serves(n);
}

static void started(struct unit *u)
{
	struct node *n = u->node;

	if (!n->up_timer)
		n->up_timer = timer_start(n, n->host->loop, 5, UP_POLL_MS, on_up_timer, n);
}

static void down(struct unit *u)
{
	struct node *n = u->node;

	mem_free(n->up_timer);
	n->up_timer = NULL;
	n->up = false;
	if (n->mode->ended)
		n->mode->ended(n);
	for (size_t i = 0; i < n->stream_count; i++)
		stream_clear(n, n->streams[i]);
	node_step(n);
}

struct unit *nginx_unit_new(struct node *n)
{
	struct unit *u = unit_new(n, n, NULL, "nginx", 0, nginx_argv, NULL);

	u->begins = make_folders;
	u->started = started;
	u->down = down;
	return u;
}
