#include "manager/mail/mail_check.h"

#include <string.h>

static bool is_login(const json_t *call)
{
	const char *method = json_string_value(json_object_get(call, "method"));

	return method && strcmp(method, "session.login") == 0;
}

struct error *mail_check(const struct message *command, int64_t now_ms)
{
	const json_t *call = json_object_get(command->body, "rpc");

	if (!json_is_object(call))
		return error_new(ERROR_INVALID, "rpc: is missing: dsnd takes calls of its methods, {\"rpc\": {...}}");
	if (command->ttl_ms > MAIL_VALID_MS)
		return error_new(ERROR_INVALID, "a call is valid for %d s at most", (int)(MAIL_VALID_MS / 1000));
	if (command->time_ms > now_ms + MAIL_AHEAD_MS)
		return error_new(
			ERROR_REFUSED,
			"the call is dated more than %d s ahead of dsnd's clock: set the clock of whoever calls",
			(int)(MAIL_AHEAD_MS / 1000));
	/* Answers are kept, and no token is to lie in the database. */
	if (is_login(call))
		return error_new(ERROR_REFUSED, "over the bus nobody needs a login: the signature says who calls");
	return NULL;
}
