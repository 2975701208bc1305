#include <string.h>

#include "api/task.h"

static const char *const role_names[API_ROLE_COUNT] = {
	[API_DISTRIBUTOR] = "distributor", [API_TRANSCODER] = "transcoder", [API_STORAGE] = "storage"};

const char *api_role_name(enum api_role role)
{
	return role_names[role];
}

struct error *api_role_parse(const char *word, const struct json_place *at, enum api_role *ret_role)
{
	for (int i = 0; i < API_ROLE_COUNT; i++) {
		if (strcmp(role_names[i], word) == 0) {
			*ret_role = (enum api_role)i;
			return NULL;
		}
	}
	return json_place_error(at, "\"%.60s\" is none of distributor, transcoder, storage", word);
}
