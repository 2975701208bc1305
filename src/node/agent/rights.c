/* What a signer may ask of an agent: its owners everything, managers (--manager) what belongs to jobs, and to be told.
 */
#include <strings.h>

#include "node/agent/agent_impl.h"

static bool in_list(char **list, const char *id)
{
	for (char **p = list; p && *p; p++) {
		if (!strcasecmp(*p, id))
			return true;
	}
	return false;
}

bool agent_is_owner(const struct agent *a, const char *signer)
{
	return signer ? in_list(a->host.settings.owners, signer) : a->host.settings.accept_plain;
}

bool agent_obeys(const struct agent *a, const char *signer)
{
	return agent_is_owner(a, signer) || (signer && in_list(a->host.settings.managers, signer));
}

/* A node is its owner's: others neither make nor end one, nor take it out of service. */
static bool is_of_jobs(enum api_verb verb)
{
	switch (verb) {
	case API_CONFIG:
	case API_PIPELINE_STOP:
	case API_PIPELINE_CLOSE:
		return true;
	default:
		return !api_verbs[verb].changes;
	}
}

struct error *agent_check_right(const struct agent *a, const char *signer, enum api_verb verb)
{
	if (agent_is_owner(a, signer) || (agent_obeys(a, signer) && is_of_jobs(verb)))
		return NULL;
	return error_new(
		ERROR_REFUSED,
		"%s is a manager here (dsn-agent --manager): it may give nodes work and look at them; \"%s %s\" is for owners (--owner)",
		signer ? signer : "who does not sign", api_verbs[verb].command, api_verbs[verb].subcommand);
}
