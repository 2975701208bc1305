#include "manager/cookie.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/secret.h"

/* Browsers take __Host- only from TLS, for this host alone and the path "/": no other server puts one in its place. */
static const char *name_of(const struct http_origin *ours)
{
	return ours->tls ? "__Host-dsn" : "dsn";
}

struct error *cookie_token(const struct http_request *r, const struct http_origin *ours,
			   char ret_token[COOKIE_TOKEN_MOST + 1])
{
	const char *name = name_of(ours), *at = http_request_header(r, "Cookie");
	size_t name_len = strlen(name), found = 0;
	char token[COOKIE_TOKEN_MOST + 1] = "";

	while (at && *at) {
		size_t n;

		at += strspn(at, "; \t");
		n = strcspn(at, ";");
		if (n > name_len && strncmp(at, name, name_len) == 0 && at[name_len] == '=') {
			found++;
			snprintf(token, sizeof(token), "%.*s", (int)(n - name_len - 1), at + name_len + 1);
			token[strcspn(token, " \t")] = '\0';
		}
		at += n;
	}
	if (found > 1)
		return error_new(ERROR_INVALID, "there are two cookies \"%s\": remove those of this site", name);
	memcpy(ret_token, token, sizeof(token));
	secret_wipe(token, sizeof(token));
	return NULL;
}

struct error *cookie_check_origin(const struct http_request *r, const struct http_origin *ours)
{
	const char *origin = http_request_header(r, "Origin"), *site = http_request_header(r, "Sec-Fetch-Site");
	bool get = strcmp(http_request_method(r), "GET") == 0;

	if (origin && strcmp(origin, ours->text) != 0)
		return error_new(ERROR_REFUSED, "a page of %.100s has made this call; only those of %s may", origin,
				 ours->text);
	if (site && strcmp(site, "same-origin") != 0 && !(get && strcmp(site, "none") == 0))
		return error_new(ERROR_REFUSED, "a page of another origin has made this call; only those of %s may",
				 ours->text);
	if (!origin && !site && !get)
		return error_new(ERROR_REFUSED,
				 "it cannot be told which page has made this call (Origin, Sec-Fetch-Site)");
	return NULL;
}

void cookie_set(struct http_request *r, const struct http_origin *ours, const char *token, int64_t seconds)
{
	char *text = mem_printf(r, "%s=%s; Path=/; Max-Age=%" PRId64 "; HttpOnly; SameSite=Strict%s", name_of(ours),
				token ? token : "", token ? seconds : 0, ours->tls ? "; Secure" : "");

	http_answer_header(r, "Set-Cookie", text);
	secret_wipe(text, strlen(text));
	mem_free(text);
}
