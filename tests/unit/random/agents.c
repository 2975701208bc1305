#include "random/agents.h"

#include <stdio.h>
#include <string.h>

#include "api/beat.h"
#include "api/command.h"
#include "api/task.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "bus/bus.h"
#include "bus/memory.h"
#include "random/dice.h"
#include "random/tell.h"

#define TELL_MS 5000
#define TELL_TTL_MS 60000
#define SEND_AGAIN_MS 500
#define LAG_MS 400    /* until a command is looked at, at most */
#define START_MS 3000 /* until a job serves, at most */
#define SEEN 256      /* commands of a node whose ids are known */

const struct place_amount agents_capacity = {250000, 60000000};

/* A command whose answer is not sent yet; on the disk. */
struct letter {
	struct letter *next;
	struct message *result;
	size_t agent;
	int64_t due_ms;
	bool sending;
};

struct seen {
	char id[MESSAGE_ID_DIGITS + 1];
	char *result; /* as sent */
};

/* A command that was delivered and is not looked at yet: gone with the process. */
struct queued {
	struct queued *next;
	struct bus_delivery *delivery;
	const struct message *message;
	struct agents_node *node;
};

struct agent {
	char id[ID_DIGITS + 1];
	struct live {
		struct bus *bus;
		struct queued *queue;
		struct timer *working;
		bool up;
	} * live; /* NULL: it does not run */
};

static struct {
	void *disk;
	uv_loop_t *loop;
	struct agent agents[AGENTS];
	struct agents_node nodes[AGENTS_NODES];
	struct seen seen[AGENTS_NODES][SEEN];
	size_t seen_count[AGENTS_NODES];
	struct letter *letters;
	size_t refused;
} all;

/* --- nodes --- */

struct agents_node *agents_node(size_t n)
{
	return &all.nodes[n];
}

struct agents_node *agents_node_of(const char *id)
{
	for (size_t i = 0; i < AGENTS_NODES; i++) {
		if (strcmp(all.nodes[i].id, id) == 0)
			return &all.nodes[i];
	}
	return NULL;
}

static size_t job_at(const struct agents_node *n, const char *job)
{
	size_t at = 0;

	while (at < n->job_count && strcmp(n->jobs[at], job) != 0)
		at++;
	return at;
}

bool agents_serves(const struct agents_node *n, const char *job)
{
	return job_at(n, job) < n->job_count;
}

static void serve(struct agents_node *n, const char *job)
{
	if (agents_serves(n, job))
		return;
	if (n->job_count == AGENTS_JOBS)
		tell_fail("node %s serves %d jobs", n->id, AGENTS_JOBS);
	n->jobs[n->job_count++] = mem_strdup(all.disk, job);
}

static void end_job(struct agents_node *n, const char *job)
{
	size_t at = job_at(n, job);

	if (at == n->job_count)
		return;
	mem_free(n->jobs[at]);
	n->jobs[at] = n->jobs[--n->job_count];
}

/* --- what they say --- */

static void say(const struct agent *a, const char *from, json_t *body)
{
	struct message *m = message_new(NULL, MESSAGE_STATUS, from, "", TELL_TTL_MS, body);

	bus_send(a->live->bus, m, NULL, NULL);
	mem_free(m);
	json_decref(body);
}

static void say_beat(const struct agent *a, size_t which)
{
	struct api_beat b = api_beat_unknown;
	struct api_beat_node nodes[AGENTS_NODES];

	snprintf(b.agent_id, sizeof(b.agent_id), "%s", a->id);
	b.version = (char[]){"1.0.0"};
	b.blocks_per_s = agents_capacity.blocks_per_s;
	b.bps = agents_capacity.bps;
	b.policy.ceiling_pm = 1000;
	b.policy.most_jobs = AGENTS_MOST_JOBS;
	b.nodes = nodes;
	for (size_t i = 0; i < AGENTS_NODES; i++) {
		const struct agents_node *n = &all.nodes[i];
		struct api_beat_node *said = &nodes[b.node_count];

		if (n->agent != which)
			continue;
		*said = (struct api_beat_node){
			.serves = true, .maintenance = n->maintenance, .job_count = (int)n->job_count};
		snprintf(said->id, sizeof(said->id), "%s", n->id);
		b.node_count++;
	}
	say(a, a->id, api_beat_write(&b));
}

/* Its program that sends to the next node fails. */
static json_t *complaint(const struct agents_node *n, const char *job)
{
	char name[128];

	snprintf(name, sizeof(name), n->role == API_TRANSCODER ? "%s-encode" : "%s-to-1", job);
	return json_pack("[{s:s,s:s,s:s,s:s}]", "name", name, "state", "failing", "restarts", "1", "last_exit",
			 "the connection was lost");
}

static json_t *jobs_json(struct agents_node *n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n->job_count; i++) {
		json_t *units = n->complains ? complaint(n, n->jobs[i]) : json_array();

		json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:o,s:[]}", "job_id", n->jobs[i], "role",
						      api_role_name(n->role), "state", "running", "units", units,
						      "published"));
	}
	n->complains = false;
	return list;
}

static json_t *status(struct agents_node *n)
{
	const size_t at = (size_t)(n - all.nodes);
	char ip[40], rtmp[24], http[24], count[24];

	snprintf(ip, sizeof(ip), "10.0.%zu.1", n->agent);
	snprintf(rtmp, sizeof(rtmp), "%zu", 20000 + 2 * at);
	snprintf(http, sizeof(http), "%zu", 20001 + 2 * at);
	snprintf(count, sizeof(count), "%zu", n->job_count);
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:{s:s,s:s},s:s,s:o}", "node_id", n->id, "agent_id",
			 all.agents[n->agent].id, "role", api_role_name(n->role), "state", "running", "maintenance",
			 n->maintenance ? "on" : "off", "mode", "managed", "ip", ip, "ports", "rtmp", rtmp, "http",
			 http, "job_count", count, "jobs", jobs_json(n));
}

static void say_all(void *arg)
{
	const struct agent *a = arg;
	const size_t which = (size_t)(a - all.agents);

	if (!a->live->up)
		return;
	for (size_t i = 0; i < AGENTS_NODES; i++) {
		if (all.nodes[i].agent == which)
			say(a, all.nodes[i].id, status(&all.nodes[i]));
	}
	say_beat(a, which);
}

/* --- results --- */

static void drop_letter(struct letter *l)
{
	struct letter **at = &all.letters;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	mem_free(l);
}

static void on_sent(const struct error *e, void *arg)
{
	struct letter *l = arg;

	l->sending = false;
	if (!e || e->code != ERROR_UNAVAILABLE)
		drop_letter(l);
}

static void send_letters(void *arg)
{
	const struct agent *a = arg;
	struct letter *following;

	for (struct letter *l = all.letters; l; l = following) {
		following = l->next;
		if (&all.agents[l->agent] != a || l->sending || l->due_ms > clock_mono_ms() || !a->live->up)
			continue;
		l->sending = true;
		bus_send(a->live->bus, l->result, on_sent, l);
	}
}

/* Stored, and sent when it is due. */
static void put_letter(const struct agents_node *n, struct message *result, int64_t after_ms)
{
	struct letter *l = mem_new(all.disk, struct letter), **at = &all.letters;

	*l = (struct letter){
		.result = talloc_steal(l, result), .agent = n->agent, .due_ms = clock_mono_ms() + after_ms};
	while (*at)
		at = &(*at)->next;
	*at = l;
}

/* --- commands --- */

static struct seen *find_seen(const struct agents_node *n, const char *id)
{
	const size_t at = (size_t)(n - all.nodes);

	for (size_t i = 0; i < SEEN; i++) {
		if (strcmp(all.seen[at][i].id, id) == 0)
			return &all.seen[at][i];
	}
	return NULL;
}

static void keep_seen(const struct agents_node *n, const struct message *m, const struct message *result)
{
	const size_t at = (size_t)(n - all.nodes);
	struct seen *s = &all.seen[at][all.seen_count[at]++ % SEEN];

	mem_free(s->result);
	s->result = message_encode(all.disk, result);
	snprintf(s->id, sizeof(s->id), "%s", m->id);
}

static json_t *endpoint(const struct agents_node *n, const char *job)
{
	char *url = mem_printf(NULL, "rtmp://10.0.%zu.1/%s/%s", n->agent, job, job);
	json_t *o = json_pack("{s:{s:s,s:s}}", "endpoint", "rtmp", url, "hls", url);

	mem_free(url);
	return o;
}

static struct error *start(struct agents_node *n, const struct api_command *c, json_t **ret_data)
{
	if (c->task->role != n->role)
		tell_fail("node %s is told to be a %s", n->id, api_role_name(c->task->role));
	if (n->sick)
		return error_new(ERROR_FAILED, "node %s: its program does not start", n->id);
	serve(n, c->task->job);
	*ret_data = endpoint(n, c->task->job);
	return NULL;
}

/* What the command asks for. */
static struct error *carry_out(struct agents_node *n, const struct message *m, const struct api_command *c,
			       json_t **ret_data)
{
	if (m->term < n->highest) {
		all.refused++;
		return error_new(ERROR_REFUSED, "stale: term %lld is over, %lld is known", (long long)m->term,
				 (long long)n->highest);
	}
	n->highest = m->term;
	tell("%s %.8s of term %lld: %s %s", api_role_name(n->role), n->id, (long long)m->term,
	     c->verb == API_CONFIG ? "starts" : "ends", c->verb == API_CONFIG ? c->task->job : c->job);
	if (c->verb == API_CONFIG)
		return start(n, c, ret_data);
	end_job(n, c->job);
	return NULL;
}

static void change(struct agents_node *n, const struct message *m, const struct api_command *c)
{
	const struct seen *before = find_seen(n, m->id);
	struct message *result = NULL;
	struct error *e;
	json_t *data = NULL;

	if (m->term <= 0)
		tell_fail("node %s gets a command without a term", n->id);
	if (before) {
		tell_must(message_decode(all.disk, before->result, strlen(before->result), false, NULL, &result));
		result->time_ms = clock_wall_ms();
		put_letter(n, result, 0);
		return;
	}
	e = carry_out(n, m, c, &data);
	result = message_result(all.disk, m, n->id, e, data);
	keep_seen(n, m, result);
	put_letter(n, result, e ? 0 : (int64_t)dice_below(START_MS));
	json_decref(data);
	error_free(e);
}

static void answer(const struct agents_node *n, const struct message *m)
{
	json_t *data = json_object();
	struct message *result = message_result(NULL, m, n->id, NULL, data);

	bus_send(all.agents[n->agent].live->bus, result, NULL, NULL);
	mem_free(result);
	json_decref(data);
}

static void handle(struct agents_node *n, const struct message *m)
{
	void *scope = mem_new(NULL, char);
	struct api_command *c = NULL;

	if (m->kind == MESSAGE_COMMAND && !message_expired(m, clock_wall_ms())) {
		tell_must(api_command_read(scope, m->body, &c));
		if (!api_verbs[c->verb].changes)
			answer(n, m);
		else if (c->verb == API_CONFIG || c->verb == API_PIPELINE_STOP)
			change(n, m, c);
		else
			tell_fail("node %s is told something that is not a manager's", n->id);
	}
	mem_free(scope);
}

static void work(void *arg);

static void work_soon(struct agent *a)
{
	if (a->live->queue && !a->live->working)
		a->live->working = timer_start(a->live, all.loop, (int64_t)dice_below(LAG_MS), 0, work, a);
}

static void work(void *arg)
{
	struct agent *a = arg;
	struct queued *q = a->live->queue;

	mem_free(a->live->working);
	a->live->working = NULL;
	a->live->queue = q->next;
	handle(q->node, q->message);
	bus_accept(q->delivery);
	mem_free(q);
	work_soon(a);
}

static void on_message(struct bus_delivery *d, const struct message *m, void *arg)
{
	struct agent *a = arg;
	struct agents_node *n = agents_node_of(m->to);
	struct queued *q, **at = &a->live->queue;

	if (!n) {
		bus_accept(d);
		return;
	}
	q = mem_new(a->live, struct queued);
	*q = (struct queued){.delivery = d, .message = m, .node = n};
	while (*at)
		at = &(*at)->next;
	*at = q;
	work_soon(a);
}

/* --- lives --- */

static void on_state(bool up, const struct error *why, void *arg)
{
	struct agent *a = arg;

	(void)why;
	a->live->up = up;
	if (up)
		say_all(a);
}

static void start_agent(struct agent *a)
{
	const struct bus_options options = {.url = "memory:" AGENTS_HUB, .network = "random", .accept_plain = true};
	const struct bus_handlers handlers = {.on_state = on_state, .on_message = on_message, .arg = a};

	a->live = mem_new(NULL, struct live);
	tell_must(bus_open(a->live, all.loop, &options, &handlers, &a->live->bus));
	tell_must(bus_serve(a->live->bus, a->id, true));
	for (size_t i = 0; i < AGENTS_NODES; i++) {
		if (&all.agents[all.nodes[i].agent] == a)
			tell_must(bus_serve(a->live->bus, all.nodes[i].id, true));
	}
	for (struct letter *l = all.letters; l; l = l->next)
		l->sending = l->sending && &all.agents[l->agent] != a;
	timer_start(a->live, all.loop, TELL_MS, TELL_MS, say_all, a);
	timer_start(a->live, all.loop, SEND_AGAIN_MS, SEND_AGAIN_MS, send_letters, a);
}

bool agents_alive(size_t agent)
{
	return all.agents[agent].live != NULL;
}

void agents_kill(size_t agent)
{
	mem_free(all.agents[agent].live);
	all.agents[agent].live = NULL;
}

void agents_return(size_t agent)
{
	if (!agents_alive(agent))
		start_agent(&all.agents[agent]);
}

size_t agents_waiting(const struct agents_node *n)
{
	return memory_hub_waiting(AGENTS_HUB, n->id);
}

bool agents_busy(void)
{
	return all.letters != NULL;
}

size_t agents_refused(void)
{
	return all.refused;
}

void agents_begin(uv_loop_t *loop)
{
	static const enum api_role roles[] = {API_DISTRIBUTOR, API_STORAGE, API_TRANSCODER, API_TRANSCODER};

	memset(&all, 0, sizeof(all));
	all.disk = mem_new(NULL, char);
	all.loop = loop;
	for (size_t i = 0; i < AGENTS_NODES; i++) {
		all.nodes[i] = (struct agents_node){.role = roles[i % 4], .agent = i * AGENTS / AGENTS_NODES};
		snprintf(all.nodes[i].id, sizeof(all.nodes[i].id), "%08zx%032x", i + 1, 0xd5);
	}
	for (size_t i = 0; i < AGENTS; i++) {
		snprintf(all.agents[i].id, sizeof(all.agents[i].id), "a%07zx%032x", i + 1, 0xd5);
		start_agent(&all.agents[i]);
	}
}

void agents_end(void)
{
	for (size_t i = 0; i < AGENTS; i++)
		agents_kill(i);
	mem_free(all.disk);
}
