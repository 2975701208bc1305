/* Who makes a request. */
#include <string.h>
#include <strings.h>

#include "crypto/secret.h"
#include "manager/cookie.h"
#include "manager/front_impl.h"

const char *front_bearer(const struct http_request *r)
{
	static const char scheme[] = "Bearer ";
	const char *shown = http_request_header(r, "Authorization");

	if (!shown)
		return NULL;
	return strncasecmp(shown, scheme, strlen(scheme)) == 0 ? shown + strlen(scheme) : "";
}

/* Takes e. */
static bool refuse(struct front *f, struct http_request *r, int status, struct error *e)
{
	f->refused++;
	if (status == 401)
		http_answer_header(r, "WWW-Authenticate", "Bearer");
	front_text(r, status, e->message);
	error_free(e);
	return false;
}

static bool by_cookie(struct front *f, struct http_request *r, struct caller *ret_caller)
{
	char token[COOKIE_TOKEN_MOST + 1];
	struct error *e = cookie_token(r, f->options.origin, token);

	if (e)
		return refuse(f, r, 400, e);
	if (*token) {
		e = cookie_check_origin(r, f->options.origin);
		if (e) {
			secret_wipe(token, sizeof(token));
			return refuse(f, r, 403, e);
		}
		e = callers_find(f->options.callers, token, ret_caller);
		secret_wipe(token, sizeof(token));
	}
	if (e && e->code != ERROR_REFUSED)
		return refuse(f, r, 503, e);
	error_free(e);
	return true;
}

bool front_who(struct front *f, struct http_request *r, struct caller *ret_caller)
{
	const char *token = front_bearer(r);
	struct error *e;

	*ret_caller = (struct caller){.roles = CALLER_ANYONE};
	if (!token)
		return by_cookie(f, r, ret_caller);
	e = callers_find(f->options.callers, token, ret_caller);
	return e ? refuse(f, r, e->code == ERROR_REFUSED ? 401 : 503, e) : true;
}
