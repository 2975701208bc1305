/* `node hardware` and `node free_hardware`: about the machine, whichever node or agent is asked. */
#include <string.h>

#include "base/mem.h"
#include "node/agent/command.h"
#include "node/agent/hardware.h"

#define HARDWARE_MS 40000
#define FPS 25 /* as a plan counts, see api/plan.h */

static bool answered(struct command *c, struct error **ret_e, json_t **ret_data)
{
	if (c->answer) {
		*ret_data = c->answer;
		c->answer = NULL;
		return true;
	}
	if (c->late)
		*ret_e = error_new(ERROR_TIMEOUT, "the machine was not measured in time");
	return c->late;
}

static void on_report(const json_t *document, void *arg)
{
	struct command *c = arg;

	c->answer = json_deep_copy(document);
	agent_changed(c->agent);
}

static int64_t macroblocks(const struct api_rendition *r)
{
	return (int64_t)((r->size.width + 15) / 16) * ((r->size.height + 15) / 16) * FPS;
}

/* What the running jobs of all nodes encode. */
static struct hardware_use in_use(const struct agent *a)
{
	struct hardware_use use = {.preset = a->host.settings.preset};

	for (size_t i = 0; i < a->node_count; i++) {
		for (size_t k = 0; k < a->nodes[i]->job_count; k++) {
			const struct job *j = a->nodes[i]->jobs[k];

			for (size_t r = 0; j->wanted && r < j->task->rendition_count; r++)
				use.macroblocks_per_s += macroblocks(&j->task->renditions[r]);
		}
	}
	return use;
}

struct hardware *agent_hardware(struct agent *a)
{
	struct hardware_options options = {.ffmpeg = a->host.settings.ffmpeg,
					   .nginx = a->host.settings.nginx,
					   .folder = a->host.settings.state_dir};

	if (!a->hardware)
		a->hardware = hardware_new(a, a->host.loop, &options);
	return a->hardware;
}

void command_act_hardware(struct command *c)
{
	struct agent *a = c->agent;
	struct hardware_use use = in_use(a);

	agent_hardware(a);
	if (c->api->verb == API_NODE_HARDWARE)
		hardware_report(a->hardware, c, on_report, c);
	else
		hardware_free_report(a->hardware, c, &use, on_report, c);
	command_wait(c, HARDWARE_MS, answered);
}
