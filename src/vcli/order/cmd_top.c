/* vcli top: nodes and jobs of a dsnd as they are now, on a terminal until q; else once. */
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "vcli/commands.h"
#include "vcli/order/ask.h"
#include "vcli/order/top_frame.h"
#include "vcli/render.h"
#include "vcli/terminal.h"

#define EVERY_MS 2000
#define WIDTH 80
#define HEIGHT 24
#define DATE_LETTERS 11 /* "2026-11-30T" */
#define BAR "\033[30;42m"
#define BAR_END "\033[0m"

/* --- what is shown --- */

static struct error *ask_all(struct vcli *v, json_t **ret_nodes, json_t **ret_orders)
{
	json_t *nodes = NULL, *orders = NULL;

	TRY(ask_dsnd(v, "nodes.list", json_object(), &nodes));
	*ret_nodes = json_incref(json_object_get(nodes, "nodes"));
	json_decref(nodes);
	TRY(ask_dsnd(v, "orders.list", json_object(), &orders));
	*ret_orders = json_incref(json_object_get(orders, "orders"));
	json_decref(orders);
	return NULL;
}

static struct error *show_once(struct vcli *v)
{
	static const char *const node_columns[] = {"node_id", "name", "role", "state", "jobs", "ip", "rtmp_port", NULL};
	static const char *const order_columns[] = {"job", "state", "created", "why", NULL};
	json_t *nodes = NULL, *orders = NULL;
	struct error *e = ask_all(v, &nodes, &orders);

	if (!e && !v->set.json) {
		render_table(stdout, nodes, node_columns);
		fputc('\n', stdout);
		render_table(stdout, orders, order_columns);
	}
	if (!e)
		vcli_answer(v, json_pack("{s:O,s:O}", "nodes", nodes, "orders", orders));
	json_decref(nodes);
	json_decref(orders);
	return e;
}

/* --- the terminal --- */

static volatile sig_atomic_t stopped;

static void on_stop(int number)
{
	(void)number;
	stopped = 1;
}

/* poll() returns: the screen has another size. */
static void on_resize(int number)
{
	(void)number;
}

static void catch_signals(void)
{
	struct sigaction stop = {.sa_handler = on_stop}, resize = {.sa_handler = on_resize};

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	sigaction(SIGWINCH, &resize, NULL);
}

static void draw(const struct top_frame_view *view)
{
	struct winsize size = {.ws_row = 0};
	struct top_frame *frame;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || !size.ws_row || !size.ws_col)
		size = (struct winsize){.ws_row = HEIGHT, .ws_col = WIDTH};
	frame = top_frame_make(NULL, view, size.ws_col, size.ws_row);
	terminal_control(stdout, "\033[H");
	for (size_t i = 0; i < frame->count; i++) {
		bool last = i + 1 == frame->count;

		if (last)
			terminal_control(stdout, BAR);
		fputs(frame->lines[i], stdout);
		if (!last)
			terminal_control(stdout, "\033[K\n");
	}
	terminal_control(stdout, BAR_END "\033[J");
	fflush(stdout);
	mem_free(frame);
}

/* False: it is to end, because of a key, a signal, or a terminal that is gone. */
static bool wait_for_key(void)
{
	struct pollfd key = {.fd = STDIN_FILENO, .events = POLLIN};
	char letter = 0;

	if (stopped)
		return false;
	if (poll(&key, 1, EVERY_MS) <= 0)
		return !stopped;
	return read(STDIN_FILENO, &letter, 1) == 1 && letter != 'q' && letter != 'Q';
}

struct shown {
	const char *dsnd;
	json_t *nodes, *orders; /* owned */
};

static void take(json_t **kept, json_t *taken)
{
	json_decref(*kept);
	*kept = taken;
}

/* What is known stays while dsnd is away. */
static struct error *look_again(struct vcli *v, struct shown *s)
{
	json_t *nodes = NULL, *orders = NULL;
	struct error *e = ask_all(v, &nodes, &orders);

	if (nodes)
		take(&s->nodes, nodes);
	if (orders)
		take(&s->orders, orders);
	return e;
}

static void draw_now(const struct shown *s, const struct error *e)
{
	char *now = clock_format(NULL, clock_wall_ms()), *clock = mem_printf(now, "%.8s UTC", now + DATE_LETTERS);
	const struct top_frame_view view = {.nodes = s->nodes,
					    .orders = s->orders,
					    .dsnd = s->dsnd,
					    .trouble = e ? e->message : NULL,
					    .clock = clock};

	draw(&view);
	mem_free(now);
}

static void show(struct vcli *v, struct shown *s)
{
	draw_now(s, NULL);
	while (wait_for_key()) {
		struct error *e = look_again(v, s);

		draw_now(s, e);
		error_free(e);
	}
}

static void show_on_terminal(struct vcli *v, struct shown *s, const struct termios *before)
{
	struct termios raw = *before;

	raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
	raw.c_cc[VSUSP] = _POSIX_VDISABLE;
	catch_signals();
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	terminal_control(stdout, "\033[?1049h\033[?25l");
	show(v, s);
	terminal_control(stdout, "\033[?25h\033[?1049l");
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, before);
}

struct error *cmd_top(struct vcli *v)
{
	struct termios before;
	struct shown s = {NULL, NULL, NULL};
	struct ask_target target;
	struct error *e;

	if (v->set.json || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
		return show_once(v);
	TRY(ask_find_target(v, &target));
	s.dsnd = target.url;
	e = look_again(v, &s); /* nothing is shown to whom dsnd refuses */
	if (!e)
		show_on_terminal(v, &s, &before);
	json_decref(s.nodes);
	json_decref(s.orders);
	return e;
}
