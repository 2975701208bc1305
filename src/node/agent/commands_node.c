/* Commands about nodes. */
#include <string.h>

#include "base/beneath.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "node/agent/command.h"
#include "node/agent/node_life.h"
#include "node/agent/status.h"
#include "node/job/nginx.h"
#include "node/mode/modes.h"

#define CONTAINER_RTMP 1935
#define CONTAINER_HTTP 80
#define CONTAINER_CONTROL 8935
#define LEAVE_MS 60000
#define TAKE_BACK_AGAIN_MS 5000

/* --- node create --- */

static bool taken(const struct agent *a, int port)
{
	for (size_t i = 0; i < a->node_count; i++) {
		const struct node_row *r = &a->nodes[i]->row;

		if (r->rtmp.host_port == port || r->http.host_port == port ||
		    (a->nodes[i]->ops == &runtime_process && r->control_port == port))
			return true;
	}
	return false;
}

/* A port the document names. */
static struct error *check_port(const struct agent *a, int port)
{
	if (taken(a, port))
		return error_new(
			ERROR_EXISTS,
			"spec.containers.ports: host port %d belongs to another node of this agent; name a free one, or leave spec out to have one chosen",
			port);
	if (!ports_free(port))
		return error_new(
			ERROR_EXISTS,
			"spec.containers.ports: host port %d is in use on this machine; name a free one, or leave spec out to have one chosen",
			port);
	return NULL;
}

static struct error *pick_port(const struct agent *a, const struct node_row *row, int *ret_port)
{
	int *used = mem_array(NULL, int, a->node_count * 3 + 3);
	struct error *e, *limit;
	size_t count = 0;

	for (size_t i = 0; i < a->node_count; i++) {
		used[count++] = a->nodes[i]->row.rtmp.host_port;
		used[count++] = a->nodes[i]->row.http.host_port;
		used[count++] = a->nodes[i]->row.control_port;
	}
	used[count++] = row->rtmp.host_port;
	used[count++] = row->http.host_port;
	used[count++] = row->control_port;
	e = ports_pick(a->port_first, a->port_last, used, count, ret_port);
	mem_free(used);
	if (!e)
		return NULL;
	/* ERROR_LIMIT is kept for a full disk here. */
	limit = error_new(ERROR_UNAVAILABLE, "%s", e->message);
	error_free(e);
	return limit;
}

static const struct api_port *spec_port(const struct api_spec *spec, bool rtmp)
{
	for (size_t i = 0; spec && i < spec->port_count; i++) {
		if ((spec->ports[i].container == CONTAINER_RTMP) == rtmp)
			return &spec->ports[i];
	}
	return NULL;
}

/* Host port as the document says, else a free one; the container's port is the host's where there is no container. */
static struct error *choose(struct agent *a, struct node_row *row, const struct api_port *p, int container, bool here,
			    struct runtime_port *port)
{
	if (p) {
		TRY(check_port(a, p->host));
		port->host_port = p->host;
	} else {
		TRY(pick_port(a, row, &port->host_port));
	}
	port->container_port = here ? port->host_port : p ? p->container : container;
	return NULL;
}

static struct error *choose_ports(struct agent *a, struct node_row *row, const struct api_spec *spec)
{
	bool here = !strcmp(row->runtime, "process");
	const struct api_port *http = spec_port(spec, false);

	TRY(choose(a, row, spec_port(spec, true), CONTAINER_RTMP, here, &row->rtmp));
	if (row->role == API_STORAGE || (http && !here))
		TRY(choose(a, row, http, CONTAINER_HTTP, here, &row->http));
	row->control_port = CONTAINER_CONTROL;
	if (here)
		TRY(pick_port(a, row, &row->control_port));
	return NULL;
}

/* What the document's mounts name on the host is kept below the node's folder: two nodes never share files, and a
 * document cannot reach anything else of the machine. */
static void set_mounts(struct agent *a, struct node_row *row, const struct mode_ops *mode)
{
	row->mounts = mem_array(row, char *, mode->mount_count + 1);
	for (size_t i = 0; i < mode->mount_count; i++)
		row->mounts[row->mount_count++] =
			mem_printf(row, "%s/nodes/%s/%s:%s", a->host.settings.state_dir, row->id,
				   mode->mounts[i].folder, mode->mounts[i].container);
}

static struct error *new_row(struct command *c)
{
	const struct api_spec *spec = c->api->spec;
	struct agent *a = c->agent;
	struct node_row *row = mem_new(c, struct node_row);
	const struct mode_ops *mode;

	row->id = mem_strdup(row, c->node_id);
	row->name = c->api->name ? mem_strdup(row, c->api->name) : NULL;
	row->role = c->api->role;
	row->runtime = mem_strdup(row, spec && spec->runtime ? spec->runtime : a->host.settings.runtime);
	row->mode = mem_strdup(row, spec && spec->mode ? spec->mode : a->host.settings.mode);
	row->image = mem_strdup(row, spec && spec->image ? spec->image : a->host.settings.image);
	row->memory_bytes = spec ? spec->memory_bytes : 0;
	row->cpus = spec ? spec->cpus : 0;
	if (!runtime_find(row->runtime))
		return error_new(ERROR_INVALID, "spec.containers.runtime: \"%s\" is none of process, docker",
				 row->runtime);
	mode = mode_find(row->mode);
	if (!mode)
		return error_new(ERROR_INVALID, "spec.containers.mode: \"%s\" is none of managed, classic", row->mode);
	if (mode->check)
		TRY(mode->check(&a->host.settings, strcmp(row->runtime, "process") != 0));
	TRY(choose_ports(a, row, spec));
	set_mounts(a, row, mode);
	c->row = row;
	return store_put_node(a->host.db, row);
}

static struct error *check_name(const struct command *c)
{
	for (size_t i = 0; c->api->name && i < c->agent->node_count; i++) {
		const struct node_row *r = &c->agent->nodes[i]->row;

		if (r->name && strcmp(r->name, c->api->name) == 0 && strcmp(r->id, c->node_id) != 0)
			return error_new(ERROR_EXISTS, "name: \"%s\" is that of node %s of this agent", r->name, r->id);
	}
	return NULL;
}

/* Another name for a node that is there; it is in force once it is stored. */
static struct error *keep_name(struct command *c, const struct node *n)
{
	struct node_row row = n->row;

	if (!c->api->name)
		return NULL;
	row.name = c->api->name;
	return store_put_node(c->agent->host.db, &row);
}

struct error *command_keep_node_create(struct command *c)
{
	struct node *n;

	if (!c->node_id)
		return error_new(ERROR_INVALID, "node_id: is missing");
	TRY(check_name(c));
	n = agent_node(c->agent, c->node_id);
	if (!n && agent_lost(c->agent, c->node_id))
		return command_node(c, &n);
	if (!n)
		TRY(agent_needs_key(c->agent, c->node_id));
	if (!n)
		return new_row(c);
	if (n->state == NODE_LEAVING)
		return error_new(ERROR_REFUSED, "node %s is being removed", c->node_id);
	if (n->row.role != c->api->role)
		return error_new(ERROR_EXISTS, "node %s exists already, as a %s", c->node_id,
				 api_role_name(n->row.role));
	return keep_name(c, n);
}

/* A node whose mailbox is not ours would serve nobody: nothing stays of one that was made for it. */
static struct error *unreachable(struct command *c, const struct error *refusal)
{
	const char *left = c->row ? "; nothing was created" : "";

	if (c->row)
		node_leave(agent_node(c->agent, c->node_id), true);
	if (refusal->code == ERROR_EXISTS)
		return error_new(ERROR_EXISTS, "node %s: %s%s", c->node_id, refusal->message, left);
	return error_new(
		refusal->code,
		"node %s: the broker refuses its mailbox to this agent: %s%s. Give the agent's broker user the right with \"vcli broker setup --node %s,%s\" (all ids that the agent serves, its own first)",
		c->node_id, refusal->message, left, c->agent->host.id, c->node_id);
}

static bool node_serves(struct command *c, struct error **ret_e, json_t **ret_data)
{
	struct node *n = agent_node(c->agent, c->node_id);
	const struct error *refusal;
	bool claimed = agent_claimed(c->agent, c->node_id, &refusal);

	if (!n || n->state == NODE_LEAVING)
		*ret_e = error_new(ERROR_NOT_FOUND, "node %s was removed meanwhile", c->node_id);
	else if (refusal)
		*ret_e = unreachable(c, refusal);
	else if (n->up && claimed)
		*ret_data = status_node_row(n);
	else if (c->late && n->up)
		*ret_e = error_new(ERROR_TIMEOUT, "node %s serves, but its mailbox does not yet", c->node_id);
	else if (c->late)
		*ret_e = nginx_trouble(n);
	return *ret_e || *ret_data;
}

static void node_name(struct node *n, const char *name)
{
	if (n->row.name && strcmp(n->row.name, name) == 0)
		return;
	node_decide(n, "node.name", "%s", name);
	mem_free(n->row.name);
	n->row.name = mem_strdup(n, name);
	node_changed(n);
}

static void await_service(struct command *c)
{
	agent_claim(c->agent, c->node_id);
	command_wait(c, c->agent->host.settings.apply_timeout_ms, node_serves);
}

/* A node that cannot be opened: it is told as failed once it is not stored any more, since what is stored is opened
 * later, by this agent or the next. */
static void take_back(void *arg)
{
	struct command *c = arg;
	struct error *e = NULL;

	mem_free(c->deadline);
	c->deadline = NULL;
	if (agent_node(c->agent, c->node_id)) {
		await_service(c);
		return;
	}
	e = store_remove_node(c->agent->host.db, c->node_id);
	if (e) {
		log_error("node.create", "node=%s trying=again failed=%s reason=%s", c->node_id,
			  log_q(c->failure->message), log_q(e->message));
		error_free(e);
		c->deadline = timer_start(c, c->agent->host.loop, TAKE_BACK_AGAIN_MS, 0, take_back, c);
		return;
	}
	e = c->failure;
	c->failure = NULL;
	command_end(c, e, NULL);
}

void command_act_node_create(struct command *c)
{
	struct agent *a = c->agent;
	struct node *n = agent_node(a, c->node_id);
	struct error *e = NULL;

	if (c->again) {
		e = command_node(c, &n); /* it was stored, unless it was removed since */
		if (e) {
			command_end(c, e, NULL);
			return;
		}
	} else if (!n) {
		e = node_open(a, c->row, &n);
	} else if (c->api->name) {
		node_name(n, c->api->name);
	}
	if (e) {
		c->failure = e;
		take_back(c);
		return;
	}
	await_service(c);
}

/* --- remove, purge --- */

static bool node_gone(struct command *c, struct error **ret_e, json_t **ret_data)
{
	struct node *n = agent_node(c->agent, c->node_id);

	if (n && c->late) {
		*ret_e = error_new(ERROR_TIMEOUT, "node %s has not ended yet; it will be removed when it has",
				   c->node_id);
		return true;
	}
	if (n)
		return false;
	*ret_data = json_pack("{s:s}", "node_id", c->node_id);
	return true;
}

static void purge_leftover(struct command *c, struct error *not_found)
{
	char *folder;
	struct error *e;

	if (not_found->code != ERROR_NOT_FOUND || c->api->verb != API_NODE_PURGE) {
		command_end(c, not_found, NULL);
		return;
	}
	folder = mem_printf(c, "%s/nodes", c->agent->host.settings.state_dir);
	if (!beneath_exists(folder, c->node_id)) {
		command_end(c, not_found, NULL);
		return;
	}
	error_free(not_found);
	e = beneath_remove_tree(folder, c->node_id);
	if (!e)
		e = uids_give_back(c->agent->host.db, c->node_id);
	command_end(c, e, e ? NULL : json_pack("{s:s}", "node_id", c->node_id));
}

void command_act_node_leave(struct command *c)
{
	struct node *n;
	struct error *e = command_node(c, &n);

	if (e && e->code == ERROR_NOT_FOUND && c->again) { /* it was gone before the agent was restarted */
		error_free(e);
		command_end(c, NULL, json_pack("{s:s}", "node_id", c->node_id));
		return;
	}
	if (e) {
		purge_leftover(c, e);
		return;
	}
	node_leave(n, c->api->verb == API_NODE_PURGE);
	command_wait(c, LEAVE_MS, node_gone);
}

/* --- maintenance --- */

struct error *command_keep_maintenance(struct command *c)
{
	struct node *n;
	struct node_row row;

	TRY(command_node(c, &n));
	row = n->row;
	row.maintenance = c->api->on;
	return store_put_node(c->agent->host.db, &row);
}

void command_act_maintenance(struct command *c)
{
	struct node *n;
	struct error *e = command_node(c, &n);

	if (e) {
		command_end(c, e, NULL);
		return;
	}
	if (!c->again && n->row.maintenance != c->api->on) {
		n->row.maintenance = c->api->on;
		node_decide(n, "node.maintenance", "%s", c->api->on ? "on: no new jobs, running ones finish" : "off");
	}
	command_end(c, NULL, status_node_row(n));
}

/* --- questions --- */

void command_act_node_list(struct command *c)
{
	json_t *o = json_object(), *list = json_array();

	for (size_t i = 0; i < c->agent->node_count; i++)
		json_array_append_new(list, status_node_row(c->agent->nodes[i]));
	json_put(o, "agent_id", c->agent->host.id);
	if (c->agent->host.settings.name)
		json_put(o, "agent_name", c->agent->host.settings.name);
	json_object_set_new(o, "nodes", list);
	command_end(c, NULL, o);
}

void command_act_node_status(struct command *c)
{
	struct node *n;
	struct error *e = command_node(c, &n);

	command_end(c, e, e ? NULL : status_node(n, true));
}
