#include "api/role.h"

#include <string.h>

#define OPS(value, name) [API_##value] = &api_role_##name,
#define NAME(value, name) [API_##value] = #name,
#define WORD(value, name) ", " #name

static const struct api_role_ops *const roles[API_ROLE_COUNT] = {API_ROLES(OPS)};
static const char *const names[API_ROLE_COUNT] = {API_ROLES(NAME)};
static const char words[] = API_ROLES(WORD);

const struct api_role_ops *api_role_ops(enum api_role role)
{
	return roles[role];
}

const char *api_role_name(enum api_role role)
{
	return names[role];
}

struct error *api_role_parse(const char *word, const struct json_place *at, enum api_role *ret_role)
{
	for (int i = 0; i < API_ROLE_COUNT; i++) {
		if (strcmp(names[i], word) == 0) {
			*ret_role = (enum api_role)i;
			return NULL;
		}
	}
	return json_place_error(at, "\"%.60s\" is none of %s", word, words + strlen(", "));
}
