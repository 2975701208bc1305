#include "manager/method.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct methods_row {
	const struct method *method;
	const struct method_group *group;
};

struct methods {
	struct methods_row *rows; /* by name */
	size_t count;
	uint64_t begun, failed;
	size_t open;
};

/* Who waits for the answer; goes with him. */
struct method_asker {
	struct method_call *call; /* NULL: it is answered */
	method_answered_fn *fn;
	void *arg;
};

struct method_call {
	struct methods *all;
	const struct method *method;
	struct caller caller;
	json_t *params;             /* owned; NULL: none */
	struct method_asker *asker; /* NULL: he has gone */
};

struct methods *methods_new(const void *ctx)
{
	struct methods *all = mem_new(ctx, struct methods);

	all->rows = mem_array(all, struct methods_row, 0);
	return all;
}

static int by_name(const void *a, const void *b)
{
	const struct methods_row *left = a, *right = b;

	return strcmp(left->method->name, right->method->name);
}

void methods_add_group(struct methods *all, const struct method_group *group)
{
	all->rows = mem_resize(all, all->rows, struct methods_row, all->count + group->count);
	for (size_t i = 0; i < group->count; i++)
		all->rows[all->count++] = (struct methods_row){&group->rows[i], group};
	qsort(all->rows, all->count, sizeof(*all->rows), by_name);
}

void methods_add(struct methods *all, const struct method *rows, size_t count, void *arg)
{
	struct method_group *group = mem_new(all, struct method_group);

	*group = (struct method_group){.rows = rows, .count = count, .arg = arg};
	methods_add_group(all, group);
}

static const struct methods_row *find(const struct methods *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++) {
		if (strcmp(all->rows[i].method->name, name) == 0)
			return &all->rows[i];
	}
	return NULL;
}

const struct method *methods_find(const struct methods *all, const char *name)
{
	const struct methods_row *row = find(all, name);

	return row ? row->method : NULL;
}

bool methods_elsewhere(const struct methods *all, const char *name)
{
	const struct methods_row *row = find(all, name);

	return row && row->group->begin;
}

const struct method *methods_at(const struct methods *all, size_t n)
{
	return n < all->count ? all->rows[n].method : NULL;
}

void methods_count(const struct methods *all, uint64_t *ret_begun, uint64_t *ret_failed, size_t *ret_open)
{
	*ret_begun = all->begun;
	*ret_failed = all->failed;
	*ret_open = all->open;
}

/* --- a call --- */

static int call_destroy(struct method_call *c)
{
	json_decref(c->params);
	c->all->open--;
	if (c->asker)
		c->asker->call = NULL;
	return 0;
}

static int asker_destroy(struct method_asker *a)
{
	if (a->call)
		a->call->asker = NULL;
	return 0;
}

static struct error *check_role(const struct method *m, const struct caller *caller)
{
	void *scope;
	struct error *e;

	if (m->may & caller->roles)
		return NULL;
	scope = mem_strdup(NULL, "");
	e = error_new(ERROR_REFUSED, "%s is for %s; %s", m->name, caller_roles_text(scope, m->may),
		      *caller->address ? "this caller is none of them" : "who calls has shown no token");
	mem_free(scope);
	return e;
}

static struct error *check(const struct methods *all, const struct methods_row *row, const struct caller *caller,
			   const char *name, const json_t *params)
{
	if (!row)
		return error_new(ERROR_NOT_FOUND, "there is no method \"%.60s\"", name);
	TRY(check_role(row->method, caller));
	TRY(method_check(row->method, params));
	if (all->open >= METHOD_CALLS)
		return error_new(ERROR_LIMIT, "%d calls are under way", METHOD_CALLS);
	return row->group->closed ? row->group->closed(row->method, caller, row->group->closed_arg) : NULL;
}

void method_begin(const void *ctx, struct methods *all, const struct caller *caller, const char *name, json_t *params,
		  method_answered_fn *fn, void *arg)
{
	const struct methods_row *row = find(all, name);
	struct error *e = check(all, row, caller, name, params);
	struct method_asker *asker;
	struct method_call *c;

	all->begun++;
	if (e) {
		all->failed++;
		fn(row ? row->method : NULL, NULL, e, arg);
		error_free(e);
		return;
	}
	asker = mem_new(ctx, struct method_asker);
	c = mem_new(all, struct method_call);
	*asker = (struct method_asker){.call = c, .fn = fn, .arg = arg};
	*c = (struct method_call){
		.all = all, .method = row->method, .caller = *caller, .params = json_incref(params), .asker = asker};
	all->open++;
	talloc_set_destructor(c, call_destroy);
	talloc_set_destructor(asker, asker_destroy);
	(row->group->begin ? row->group->begin : row->method->begin)(c, row->group->arg);
}

const struct caller *method_caller(const struct method_call *c)
{
	return &c->caller;
}

const struct method *method_row(const struct method_call *c)
{
	return c->method;
}

json_t *method_params(const struct method_call *c)
{
	return c->params;
}

bool method_has(const struct method_call *c, const char *name)
{
	return json_object_get(c->params, name) != NULL;
}

const char *method_text(const struct method_call *c, const char *name)
{
	return json_string_value(json_object_get(c->params, name));
}

int64_t method_integer(const struct method_call *c, const char *name)
{
	return json_integer_value(json_object_get(c->params, name));
}

bool method_bool(const struct method_call *c, const char *name)
{
	return json_is_true(json_object_get(c->params, name));
}

json_t *method_object(const struct method_call *c, const char *name)
{
	return json_object_get(c->params, name);
}

static void end(struct method_call *c, json_t *result, struct error *e)
{
	struct method_asker *a = c->asker;
	const struct method *row = c->method;

	c->all->failed += e != NULL;
	mem_free(c); /* before its asker is told: he may free all there is */
	if (a) {
		method_answered_fn *fn = a->fn;
		void *arg = a->arg;

		mem_free(a);
		fn(row, result, e, arg);
	}
	json_decref(result);
	error_free(e);
}

void method_answer(struct method_call *c, json_t *result)
{
	end(c, result, NULL);
}

void method_fail(struct method_call *c, struct error *e)
{
	end(c, NULL, e);
}
