/* A caller as one dsnd tells another one of him. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "manager/caller.h"

#define ROLES 8

json_t *caller_json(const struct caller *caller)
{
	json_t *roles = json_array();

	for (unsigned role = 1; role <= CALLER_SERVICE; role <<= 1) {
		char *word = caller->roles & role ? caller_roles_text(NULL, role) : NULL;

		if (word)
			json_array_append_new(roles, json_string(word));
		mem_free(word);
	}
	return json_pack("{s:s,s:o,s:s}", "address", caller->address, "roles", roles, "session", caller->session);
}

static struct error *read_roles(const json_t *list, const struct json_place *at, unsigned *ret_roles)
{
	const struct json_place roles_at = {at, "roles", 0};
	unsigned roles = CALLER_ANYONE;
	json_t *value = NULL;
	size_t i = 0;

	json_array_foreach (list, i, value) {
		const struct json_place here = {&roles_at, NULL, i};
		const char *word = json_string_value(value);
		unsigned role = word ? caller_role(word) : 0;

		if (!role)
			return json_place_error(&here, "is no role");
		roles |= role;
	}
	*ret_roles = roles;
	return NULL;
}

struct error *caller_read(const json_t *o, const struct json_place *at, struct caller *ret_caller)
{
	static const char *const known[] = {"address", "roles", "session", NULL};
	const struct json_place address_at = {at, "address", 0}, session_at = {at, "session", 0};
	const char *address = "", *session = "";
	struct caller caller = {.roles = CALLER_ANYONE};
	json_t *roles = NULL;

	TRY(json_refuse_unknown(o, at, known));
	TRY(json_read_string_opt(o, at, "address", &address));
	TRY(json_read_string_opt(o, at, "session", &session));
	TRY(json_read_array(o, at, "roles", 0, ROLES, &roles));
	if (*address && (!hex_id_valid(address) || strspn(address, "0123456789abcdef") != ID_DIGITS))
		return json_place_error(&address_at, "is no address: 40 lower-case hex digits");
	if (strlen(session) > CALLER_SESSION_DIGITS || strspn(session, "0123456789abcdef") != strlen(session))
		return json_place_error(&session_at, "is no login's id");
	TRY(read_roles(roles, at, &caller.roles));
	snprintf(caller.address, sizeof(caller.address), "%s", address);
	snprintf(caller.session, sizeof(caller.session), "%s", session);
	*ret_caller = caller;
	return NULL;
}
