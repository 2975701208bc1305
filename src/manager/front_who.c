/* Who makes a request. */
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "crypto/secret.h"
#include "manager/cookie.h"
#include "manager/front_impl.h"
#include "manager/who.h"

const char *front_bearer(const struct http_request *r)
{
	static const char scheme[] = "Bearer ";
	const char *shown = http_request_header(r, "Authorization");

	if (!shown)
		return NULL;
	return strncasecmp(shown, scheme, strlen(scheme)) == 0 ? shown + strlen(scheme) : "";
}

struct front_asked {
	struct front *front;
	struct http_request *request;
	front_who_fn *fn;
	bool cookie;
};

/* Takes e. */
static void refuse(struct front *f, struct http_request *r, int status, struct error *e)
{
	f->refused++;
	if (status == 401)
		http_answer_header(r, "WWW-Authenticate", "Bearer");
	front_text(r, status, e->message);
	error_free(e);
}

/* A cookie that is over is nobody's. */
static void on_who(const struct caller *caller, const struct error *e, void *arg)
{
	static const struct caller nobody = {.roles = CALLER_ANYONE};
	const struct front_asked a = *(struct front_asked *)arg;
	bool over = e && e->code == ERROR_REFUSED;

	mem_free(arg);
	if (e && !(a.cookie && over))
		refuse(a.front, a.request, over ? 401 : 503, error_copy(e));
	else
		a.fn(a.front, a.request, e ? &nobody : caller);
}

static void ask(struct front *f, struct http_request *r, const char *token, bool cookie, front_who_fn *fn)
{
	struct front_asked *a = mem_new(r, struct front_asked);

	*a = (struct front_asked){f, r, fn, cookie};
	who_token(a, f->options.callers, f->options.methods, token, on_who, a);
}

static void by_cookie(struct front *f, struct http_request *r, front_who_fn *fn)
{
	static const struct caller nobody = {.roles = CALLER_ANYONE};
	char token[COOKIE_TOKEN_MOST + 1];
	struct error *e = cookie_token(r, f->options.origin, token);

	if (e) {
		refuse(f, r, 400, e);
		return;
	}
	if (!*token) {
		fn(f, r, &nobody);
		return;
	}
	e = cookie_check_origin(r, f->options.origin);
	if (e)
		refuse(f, r, 403, e);
	else
		ask(f, r, token, true, fn);
	secret_wipe(token, sizeof(token));
}

void front_who(struct front *f, struct http_request *r, front_who_fn *fn)
{
	const char *token = front_bearer(r);

	if (token)
		ask(f, r, token, false, fn);
	else
		by_cookie(f, r, fn);
}
