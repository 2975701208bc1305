#include "api/role.h"

#include <string.h>

static const struct api_role_ops *const roles[API_ROLE_COUNT] = {
	[API_DISTRIBUTOR] = &api_role_distributor,
	[API_TRANSCODER] = &api_role_transcoder,
	[API_STORAGE] = &api_role_storage,
};

const struct api_role_ops *api_role_ops(enum api_role role)
{
	return roles[role];
}

const char *api_role_name(enum api_role role)
{
	return roles[role]->name;
}

struct error *api_role_parse(const char *word, const struct json_place *at, enum api_role *ret_role)
{
	for (int i = 0; i < API_ROLE_COUNT; i++) {
		if (strcmp(roles[i]->name, word) == 0) {
			*ret_role = (enum api_role)i;
			return NULL;
		}
	}
	return json_place_error(at, "\"%.60s\" is none of distributor, transcoder, storage", word);
}
