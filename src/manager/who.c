#include "manager/who.h"

#include <string.h>

#include "base/mem.h"
#include "manager/service.h"

#define MEMBERS (CALLER_CUSTOMER | CALLER_SUPPLIER | CALLER_OPERATOR)

struct who {
	struct caller here; /* what the files say of an address */
	who_fn *fn;
	void *arg;
};

static struct who *who_new(const void *ctx, const struct caller *here, who_fn *fn, void *arg)
{
	struct who *w = mem_new(ctx, struct who);

	*w = (struct who){*here, fn, arg};
	return w;
}

/* Ends w, whose owner may be freed by what it tells. */
static void end(struct who *w, const struct caller *caller, const struct error *e)
{
	who_fn *fn = w->fn;
	void *arg = w->arg;

	mem_free(w);
	fn(e ? NULL : caller, e, arg);
}

static struct error *read_answer(const json_t *result, struct caller *ret_caller)
{
	const struct json_place root = {NULL, NULL, 0};

	return caller_read(result, &root, ret_caller);
}

static void ask(struct who *w, struct methods *methods, const char *method, const char *key, const char *value,
		method_answered_fn *fn)
{
	const struct caller self = service_self();
	json_t *params = json_pack("{s:s}", key, value);

	method_begin(w, methods, &self, method, params, fn, w);
	json_decref(params);
}

/* --- a token --- */

static void on_token(const struct method *row, const json_t *result, const struct error *refused, void *arg)
{
	struct caller caller = {.roles = CALLER_ANYONE};
	struct error *e = refused ? error_copy(refused) : read_answer(result, &caller);

	(void)row;
	end(arg, &caller, e);
	error_free(e);
}

/* What is none is nobody's. */
static bool is_token(const char *text)
{
	struct error *e = caller_check_token(text);
	bool is = !e;

	error_free(e);
	return is;
}

void who_token(const void *ctx, const struct callers *callers, struct methods *methods, const char *token, who_fn *fn,
	       void *arg)
{
	struct caller caller = {.roles = CALLER_ANYONE};
	struct error *e = callers_find(callers, token, &caller);

	if (e && is_token(token) && methods_elsewhere(methods, "session.who"))
		ask(who_new(ctx, &caller, fn, arg), methods, "session.who", "token", token, on_token);
	else
		fn(e ? NULL : &caller, e, arg);
	error_free(e);
}

/* --- an address --- */

static void on_address(const struct method *row, const json_t *result, const struct error *refused, void *arg)
{
	struct who *w = arg;
	struct caller caller = w->here, there = {.roles = 0};
	struct error *e = refused ? error_copy(refused) : read_answer(result, &there);

	(void)row;
	caller.roles |= there.roles;
	if (e && (caller.roles & MEMBERS)) { /* what the files say is enough for now */
		error_free(e);
		e = NULL;
	}
	end(w, &caller, e);
	error_free(e);
}

void who_address(const void *ctx, const struct callers *callers, struct methods *methods, const char *address,
		 who_fn *fn, void *arg)
{
	struct caller caller;

	callers_known(callers, address, &caller);
	if (methods_elsewhere(methods, "session.roles"))
		ask(who_new(ctx, &caller, fn, arg), methods, "session.roles", "address", address, on_address);
	else
		fn(&caller, NULL, arg);
}
