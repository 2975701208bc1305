#include "node/agent/policy.h"

#include "node/agent/heartbeat.h"

static size_t count_wanted(const struct node *n)
{
	size_t count = 0;

	for (size_t i = 0; i < n->job_count; i++)
		count += n->jobs[i]->wanted;
	return count;
}

struct error *policy_room(const struct agent_settings *s, const char *node_id, size_t jobs, int load_pm)
{
	if (s->most_jobs && jobs >= (size_t)s->most_jobs)
		return error_new(ERROR_LIMIT,
				 "node %s has %zu jobs: its owner takes no more (dsn-agent --most-jobs %lld)", node_id,
				 jobs, (long long)s->most_jobs);
	if (s->load_ceiling && load_pm > s->load_ceiling * 10)
		return error_new(
			ERROR_LIMIT,
			"the machine of node %s is at %d %% of its load: its owner takes no new jobs above %lld %% (dsn-agent --load-ceiling)",
			node_id, load_pm / 10, (long long)s->load_ceiling);
	return NULL;
}

struct error *policy_check(const struct command *c, const struct node *n)
{
	const struct agent *a = c->agent;
	const struct job *j = node_job((struct node *)n, c->api->task->job);

	if (agent_is_owner(a, c->message->signer) || (j && j->wanted))
		return NULL;
	return policy_room(&a->host.settings, n->row.id, count_wanted(n), heartbeat_load_pm(a->heartbeat));
}
