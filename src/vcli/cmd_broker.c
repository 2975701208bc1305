/* vcli broker setup: a RabbitMQ made ready for a network. */
#include <stdio.h>

#include "base/json.h"
#include "base/mem.h"
#include "bus/broker_admin.h"
#include "vcli/commands.h"
#include "vcli/paths.h"
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
		.url = v->set.management,
		.user = v->set.admin,
		.password_file = v->set.admin_password_file,
		.vhost = v->set.vhost,
		.network = v->set.network,
		.agents = (const char *const *)v->set.nodes,
		.clients = (const char *const *)v->set.clients,
		.plain = v->set.plain,
		.timeout_ms = v->timeout_ms,
		.folder = v->set.passwords,
	};
	char *folder = NULL;

	vcli_answer(v, json_object());
	json_object_set_new(v->answer, "made", s.lines);
	if (!plan.folder) {
		TRY(paths_make(v, &v->set, "broker", &folder));
		plan.folder = folder;
	}
	json_put(v->answer, "passwords", plan.folder);
	TRY(broker_admin_setup(&plan, on_line, &s));
	json_put(v->answer, "state", "done");
	return NULL;
}
