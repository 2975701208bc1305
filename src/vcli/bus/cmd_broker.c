/* vcli broker setup: a RabbitMQ made ready for a network. */
#include <stdio.h>

#include "base/json.h"
#include "base/mem.h"
#include "bus/broker_admin.h"
#include "client/folders.h"
#include "vcli/commands.h"
#include "vcli/render.h"

struct setup {
	struct vcli *v;
	json_t *lines;
};

static void on_line(const char *line, void *arg)
{
	struct setup *s = arg;

	json_array_append_new(s->lines, json_string(line));
	if (s->v->set.json)
		return;
	render_text(stdout, line);
	fputc('\n', stdout);
	fflush(stdout);
}

struct error *cmd_broker_setup(struct vcli *v)
{
	struct setup s = {v, json_array()};
	struct broker_admin_plan plan = {
		.url = v->set.broker.management,
		.user = v->set.broker.admin,
		.password_file = v->set.broker.admin_password_file,
		.vhost = v->set.broker.vhost,
		.network = v->set.client.network,
		.agents = (const char *const *)v->set.broker.nodes,
		.clients = (const char *const *)v->set.broker.clients,
		.plain = v->set.broker.plain,
		.timeout_ms = v->timeout_ms,
		.folder = v->set.broker.passwords,
	};
	char *folder = NULL;

	vcli_answer(v, json_object());
	json_object_set_new(v->answer, "made", s.lines);
	if (!plan.folder) {
		TRY(client_state_make(v, &v->set.client.state, "broker", &folder));
		plan.folder = folder;
	}
	json_put(v->answer, "passwords", plan.folder);
	TRY(broker_admin_setup(&plan, on_line, &s));
	json_put(v->answer, "state", "done");
	return NULL;
}
