#include "vcli/order/top_frame.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

#define LEAST_WIDTH 8
#define COUNTED 12 /* states that are told of in a title */
#define PER_MILLE 10

/* --- text --- */

/* At most `width` columns, each letter one; what is no plain ASCII is shown as one "?". */
static char *plain(const void *ctx, const char *text, size_t width)
{
	char *out = talloc_zero_size(ctx, width + 1);
	size_t n = 0;

	for (const unsigned char *p = (const unsigned char *)text; *p && n < width; p++) {
		if ((*p & 0xc0) == 0x80)
			continue; /* the rest of a letter of several bytes */
		out[n++] = *p >= ' ' && *p <= '~' ? (char)*p : '?';
	}
	return out;
}

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

/* --- cells --- */

typedef char *cell_fn(const void *ctx, const json_t *row);

static char *node_name(const void *ctx, const json_t *row)
{
	const char *name = text_of(row, "name");

	return *name ? mem_strdup(ctx, name) : mem_printf(ctx, "%.8s", text_of(row, "node_id"));
}

static char *node_role(const void *ctx, const json_t *row)
{
	return mem_strdup(ctx, text_of(row, "role"));
}

static char *row_state(const void *ctx, const json_t *row)
{
	return mem_strdup(ctx, text_of(row, "state"));
}

static char *node_jobs(const void *ctx, const json_t *row)
{
	return mem_printf(ctx, "%lld", (long long)json_integer_value(json_object_get(row, "jobs")));
}

static char *node_load(const void *ctx, const json_t *row)
{
	const json_t *load = json_object_get(row, "load_pm");

	if (!json_is_integer(load) || json_integer_value(load) < 0)
		return mem_strdup(ctx, "-");
	return mem_printf(ctx, "%lld%%", (long long)json_integer_value(load) / PER_MILLE);
}

static char *node_note(const void *ctx, const json_t *row)
{
	return mem_strdup(ctx, json_is_false(json_object_get(row, "obeys"))        ? "not ours"
			       : json_is_true(json_object_get(row, "maintenance")) ? "maintenance"
			       : json_is_false(json_object_get(row, "serves"))     ? "not serving"
										   : "");
}

static char *node_address(const void *ctx, const json_t *row)
{
	return mem_printf(ctx, "%s:%lld", text_of(row, "ip"),
			  (long long)json_integer_value(json_object_get(row, "rtmp_port")));
}

static char *node_agent(const void *ctx, const json_t *row)
{
	return mem_printf(ctx, "%.8s", text_of(row, "agent_id"));
}

static char *order_job(const void *ctx, const json_t *row)
{
	return mem_strdup(ctx, text_of(row, "job"));
}

static char *order_created(const void *ctx, const json_t *row)
{
	return mem_printf(ctx, "%.19s", text_of(row, "created"));
}

static char *order_why(const void *ctx, const json_t *row)
{
	return mem_strdup(ctx, text_of(row, "why"));
}

struct column {
	const char *head;
	cell_fn *cell;
	size_t width; /* the last one may have less, and gets what is left */
};

static const struct column node_columns[] = {
	{"NODE", node_name, 16}, {"STATE", row_state, 9}, {"ROLE", node_role, 11},  {"JOBS", node_jobs, 4},
	{"LOAD", node_load, 5},  {"NOTE", node_note, 11}, {"AGENT", node_agent, 8}, {"ADDRESS", node_address, 21},
};
static const struct column order_columns[] = {
	{"JOB", order_job, 22},
	{"STATE", row_state, 10},
	{"CREATED", order_created, 19},
	{"WHY", order_why, 8},
};

/* --- panes --- */

struct pane {
	const char *what, *one; /* "nodes", "node" */
	const struct column *columns;
	size_t column_count;
	const json_t **rows;
	size_t count;
};

static bool is_well(const json_t *row)
{
	const char *state = text_of(row, "state");

	return strcmp(state, "online") == 0 || strcmp(state, "running") == 0 || strcmp(state, "stopped") == 0 ||
	       strcmp(state, "cancelled") == 0;
}

/* Those that are not well first; otherwise as they came. */
static void sort_rows(const void *ctx, struct pane *p, const json_t *list)
{
	p->rows = mem_array(ctx, const json_t *, json_array_size(list) + 1);
	for (int well = 0; well < 2; well++) {
		for (size_t i = 0; i < json_array_size(list); i++) {
			const json_t *row = json_array_get(list, i);

			if (is_well(row) == well)
				p->rows[p->count++] = row;
		}
	}
}

/* "6 nodes: 5 online, 1 offline" */
static char *title(const void *ctx, const struct pane *p)
{
	const char *states[COUNTED];
	size_t counts[COUNTED] = {0}, known = 0;
	char *text = mem_printf(ctx, "%zu %s", p->count, p->count == 1 ? p->one : p->what);

	for (size_t i = 0; i < p->count; i++) {
		const char *state = text_of(p->rows[i], "state");
		size_t k = 0;

		while (k < known && strcmp(states[k], state) != 0)
			k++;
		if (k == COUNTED)
			continue;
		states[k] = state;
		known += k == known;
		counts[k]++;
	}
	for (size_t k = 0; k < known; k++)
		text = mem_printf(ctx, "%s%s %zu %s", text, k ? "," : ":", counts[k], states[k]);
	return text;
}

struct screen {
	struct top_frame *frame;
	size_t width, height;
};

static void put(struct screen *s, const char *text)
{
	if (s->frame->count < s->height)
		s->frame->lines[s->frame->count++] = plain(s->frame->lines, text, s->width);
}

static void put_title(struct screen *s, const struct pane *p)
{
	void *scope = mem_strdup(NULL, "");
	char *line = mem_printf(scope, "-- %s ", title(scope, p));

	while (strlen(line) < s->width)
		line = mem_printf(scope, "%s----------------", line);
	put(s, line);
	mem_free(scope);
}

/* One line of a pane; `row` NULL: its heads. */
static void put_row(struct screen *s, const struct pane *p, const json_t *row)
{
	void *scope = mem_strdup(NULL, "");
	char *line = mem_strdup(scope, "");
	size_t used = 0;

	for (size_t i = 0; i < p->column_count; i++) {
		const struct column *c = &p->columns[i];
		bool last = i + 1 == p->column_count;
		size_t width = last && s->width > used ? s->width - used : c->width;

		if (i && used + c->width > s->width)
			break;
		line = mem_printf(scope, "%s%-*s ", line, (int)width,
				  plain(scope, row ? c->cell(scope, row) : c->head, width));
		used += width + 1;
	}
	put(s, line);
	mem_free(scope);
}

static void put_pane(struct screen *s, const struct pane *p, size_t rows)
{
	size_t shown = p->count <= rows ? p->count : rows ? rows - 1 : 0;

	put_title(s, p);
	put_row(s, p, NULL);
	for (size_t i = 0; i < shown; i++)
		put_row(s, p, p->rows[i]);
	if (shown < p->count && rows) {
		char *more = mem_printf(NULL, "... %zu more", p->count - shown);

		put(s, more);
		mem_free(more);
	}
}

static void put_bar(struct screen *s, const struct top_frame_view *view)
{
	void *scope = mem_strdup(NULL, "");
	char *left = mem_printf(scope, "[dsn] q quits  %s", view->trouble ? view->trouble : view->dsnd);
	size_t clock = strlen(view->clock) + 1, room = s->width > clock + LEAST_WIDTH ? s->width - clock : s->width;
	char *line = mem_printf(scope, "%-*s", (int)room, plain(scope, left, room));

	s->height++;
	put(s, room < s->width ? mem_printf(scope, "%s %s", line, view->clock) : line);
	mem_free(scope);
}

struct top_frame *top_frame_make(const void *ctx, const struct top_frame_view *view, size_t width, size_t height)
{
	struct pane nodes = {"nodes", "node", node_columns, sizeof(node_columns) / sizeof(node_columns[0]), NULL, 0};
	struct pane jobs = {"jobs", "job", order_columns, sizeof(order_columns) / sizeof(order_columns[0]), NULL, 0};
	struct screen s = {.width = width < LEAST_WIDTH ? LEAST_WIDTH : width, .height = height ? height - 1 : 0};
	size_t rows = s.height > 4 ? s.height - 4 : 0, for_nodes;

	s.frame = mem_new(ctx, struct top_frame);
	s.frame->lines = mem_array(s.frame, char *, s.height + 1);
	sort_rows(s.frame, &nodes, view->nodes);
	sort_rows(s.frame, &jobs, view->orders);
	for_nodes = nodes.count;
	if (nodes.count + jobs.count > rows)
		for_nodes = rows > jobs.count && rows - jobs.count > rows / 2 ? rows - jobs.count : rows / 2;
	if (for_nodes > nodes.count)
		for_nodes = nodes.count;
	put_pane(&s, &nodes, for_nodes);
	put_pane(&s, &jobs, rows - for_nodes);
	while (s.frame->count < s.height)
		put(&s, "");
	put_bar(&s, view);
	return s.frame;
}
