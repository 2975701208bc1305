/* vcli pipeline monitor: what the nodes of a job report, as they report it. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "vcli/commands.h"
#include "vcli/pipeline/job_request.h"
#include "vcli/pipeline/watch.h"
#include "vcli/render.h"

struct monitor {
	struct vcli *v;
	const struct user_job *job;
	int64_t seen;
};

static const struct user_job_node *node_of(const struct user_job *j, const char *id)
{
	for (size_t i = 0; id && i < j->node_count; i++) {
		if (strcmp(j->nodes[i].node_id, id) == 0)
			return &j->nodes[i];
	}
	return NULL;
}

/* What a status says of our job; NULL: nothing. */
static const json_t *job_part(const json_t *body, const char *name)
{
	const json_t *jobs = json_object_get(body, "jobs"), *job = NULL;
	const char *own = json_string_value(json_object_get(body, "job_id"));
	size_t i = 0;

	if (own)
		return strcmp(own, name) == 0 ? body : NULL;
	json_array_foreach (jobs, i, job) {
		const char *id = json_string_value(json_object_get(job, "job_id"));

		if (id && strcmp(id, name) == 0)
			return job;
	}
	return NULL;
}

static void print_member(const json_t *o, const char *key)
{
	const char *value = json_string_value(json_object_get(o, key));

	if (!value)
		return;
	printf("  %s=", key);
	render_text(stdout, value);
}

static void print_line(const struct user_job_node *n, const json_t *part)
{
	static const char *const members[] = {"state", "frames", "fps", "speed", "bitrate_bps", "dropped", "restarts"};
	char *time = clock_format(NULL, clock_wall_ms());
	const json_t *units = json_object_get(part, "units"), *unit = NULL;
	size_t i = 0;

	printf("%s  %-11s  %s", time, n->role, n->node_id);
	print_member(part, "state");
	print_member(part, "why");
	printf("\n");
	json_array_foreach (units, i, unit) {
		const char *name = json_string_value(json_object_get(unit, "name"));

		printf("    ");
		render_text(stdout, name ? name : "unit");
		for (size_t m = 0; m < sizeof(members) / sizeof(members[0]); m++)
			print_member(unit, members[m]);
		printf("\n");
	}
	mem_free(time);
}

static bool on_status(const struct message *m, void *arg)
{
	struct monitor *mon = arg;
	const char *id = json_string_value(json_object_get(m->body, "node_id"));
	const struct user_job_node *n = node_of(mon->job, id ? id : m->from);
	const json_t *part = n ? job_part(m->body, mon->job->name) : NULL;

	if (!part)
		return true;
	if (mon->v->set.json) {
		char *text = json_text(NULL, m->body);

		printf("%s\n", text);
		mem_free(text);
	} else {
		print_line(n, part);
	}
	fflush(stdout);
	mon->seen++;
	return mon->v->set.count == 0 || mon->seen < mon->v->set.count;
}

struct error *cmd_pipeline_monitor(struct vcli *v)
{
	struct monitor mon = {.v = v};
	struct user_job *j = NULL;

	TRY(user_job_find(v, v, v->args[0], &j));
	mon.job = j;
	if (v->set.count < 0)
		v->set.count = 1;
	v->printed = true;
	TRY(watch_asking(v, "waiting for a status of the job's nodes", job_requests(v, j, API_PIPELINE_MONITOR),
			 on_status, &mon));
	if (v->set.count > 0 && mon.seen < v->set.count && v->timeout_ms > 0)
		return error_new(ERROR_TIMEOUT, "%lld of %lld statuses came in time", (long long)mon.seen,
				 (long long)v->set.count);
	return NULL;
}
