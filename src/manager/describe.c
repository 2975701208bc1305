#include "manager/describe.h"

#include <inttypes.h>
#include <string.h>

#include "api/grammar.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "manager/jsonrpc2.h"
#include "manager/network.h"
#include "manager/told.h"

#define REFERENCE_BYTES (4 << 20)

/* --- OpenRPC --- */

static json_t *words_json(const char *words)
{
	json_t *list = json_array();
	char *rest = mem_strdup(NULL, words), *copy = rest;

	for (char *word; (word = strsep(&rest, "|"));)
		json_array_append_new(list, json_string(word));
	mem_free(copy);
	return list;
}

static json_t *schema(const struct method_param *p)
{
	switch (p->type) {
	case METHOD_TEXT:
	case METHOD_LINES:
		return json_pack("{s:s,s:I,s:I}", "type", "string", "minLength", (json_int_t)p->min, "maxLength",
				 (json_int_t)p->max);
	case METHOD_WORD:
		return json_pack("{s:s,s:o}", "type", "string", "enum", words_json(p->words));
	case METHOD_JOB:
		return json_pack("{s:s,s:s}", "type", "string", "pattern", "^[0-9A-Za-z_][0-9A-Za-z_-]{0,63}$");
	case METHOD_ADDRESS:
		return json_pack("{s:s,s:s}", "type", "string", "pattern", "^[0-9A-Fa-f]{40}$");
	case METHOD_INTEGER:
		return json_pack("{s:s,s:I,s:I}", "type", "integer", "minimum", (json_int_t)p->min, "maximum",
				 (json_int_t)p->max);
	case METHOD_BOOL:
		return json_pack("{s:s}", "type", "boolean");
	default:
		return json_pack("{s:s}", "type", "object");
	}
}

static json_t *param_json(const struct method_param *p)
{
	json_t *o = json_pack("{s:s,s:s,s:b,s:o}", "name", p->name, "description", p->text, "required", !p->optional,
			      "schema", schema(p));

	if (p->unit)
		json_put(o, "x-unit", p->unit);
	return o;
}

static json_t *error_json(const struct method_error *e)
{
	return json_pack("{s:i,s:s,s:{s:s,s:s}}", "code", jsonrpc2_code(e->code), "message", error_code_name(e->code),
			 "data", "error", error_code_name(e->code), "mend", e->mend);
}

static json_t *method_json(const struct method *m)
{
	json_t *params = json_array(), *errors = json_array(), *o;
	char *who = caller_roles_text(NULL, m->may & ~(unsigned)CALLER_SERVICE);

	for (size_t i = 0; i < METHOD_PARAMS && m->params[i].name; i++)
		json_array_append_new(params, param_json(&m->params[i]));
	for (size_t i = 0; i < METHOD_ERRORS && m->errors[i].code; i++)
		json_array_append_new(errors, error_json(&m->errors[i]));
	o = json_pack("{s:s,s:s,s:s,s:o,s:o,s:{s:s,s:s,s:{}},s:s}", "name", m->name, "summary", m->text,
		      "paramStructure", "by-name", "params", params, "errors", errors, "result", "name", "result",
		      "description", m->answer, "schema", "x-may", who);
	mem_free(who);
	return o;
}

static bool is_public(const struct method *m)
{
	return (m->may & ~(unsigned)CALLER_SERVICE) != 0;
}

json_t *describe_openrpc(const struct methods *all)
{
	json_t *list = json_array();
	const struct method *m;

	for (size_t i = 0; (m = methods_at(all, i)); i++) {
		if (is_public(m))
			json_array_append_new(list, method_json(m));
	}
	return json_pack("{s:s,s:{s:s,s:s},s:o}", "openrpc", "1.3.2", "info", "title", "dsnd", "version", DSN_VERSION,
			 "methods", list);
}

static void discover(struct method_call *c, void *arg)
{
	method_answer(c, describe_openrpc(arg));
}

static const struct method own[] = {
	{"rpc.discover",
	 discover,
	 CALLER_ANYONE,
	 "Tell all methods, their parameters and errors",
	 "an OpenRPC document",
	 {{0}},
	 {{0}}},
};

void describe_add(struct methods *all)
{
	methods_add(all, own, sizeof(own) / sizeof(own[0]), all);
}

/* --- the page --- */

static void form(struct buf *b, const struct method_param *p)
{
	struct error *e = NULL;

	switch (p->type) {
	case METHOD_TEXT:
	case METHOD_LINES:
		e = buf_printf(b, "%s, %" PRId64 " to %" PRId64 " bytes", p->type == METHOD_TEXT ? "text" : "lines",
			       p->min, p->max);
		break;
	case METHOD_WORD:
		for (const char *w = p->words; !e && w; w = strchr(w, '|') ? strchr(w, '|') + 1 : NULL)
			e = buf_printf(b, "%s`%.*s`", w == p->words ? "" : ", ", (int)strcspn(w, "|"), w);
		break;
	case METHOD_JOB:
		e = buf_puts(b, "job id");
		break;
	case METHOD_ADDRESS:
		e = buf_printf(b, "address, %d hex digits", ID_DIGITS);
		break;
	case METHOD_INTEGER:
		e = buf_printf(b, "integer, %" PRId64 " to %" PRId64 "%s%s", p->min, p->max, p->unit ? " " : "",
			       p->unit ? p->unit : "");
		break;
	case METHOD_BOOL:
		e = buf_puts(b, "`true`, `false`");
		break;
	default:
		e = buf_printf(b, "object, at most %" PRId64 " bytes", p->max);
		break;
	}
	error_free(e); /* a page that does not fit is no page: the test sees it */
}

static void method_section(struct buf *b, const struct method *m)
{
	void *scope = mem_strdup(NULL, "");

	error_free(buf_printf(b, "\n## %s\n%s. Who may: %s. Answers %s.\n", m->name, m->text,
			      caller_roles_text(scope, m->may & ~(unsigned)CALLER_SERVICE), m->answer));
	if (m->params[0].name)
		error_free(buf_puts(b, "\n| parameter | form | needed | |\n|---|---|---|---|\n"));
	for (size_t i = 0; i < METHOD_PARAMS && m->params[i].name; i++) {
		error_free(buf_printf(b, "| `%s` | ", m->params[i].name));
		form(b, &m->params[i]);
		error_free(buf_printf(b, " | %s | %s |\n", m->params[i].optional ? "no" : "yes", m->params[i].text));
	}
	if (m->errors[0].code)
		error_free(buf_puts(b, "\n| error | code | what to do |\n|---|---|---|\n"));
	for (size_t i = 0; i < METHOD_ERRORS && m->errors[i].code; i++)
		error_free(buf_printf(b, "| `%s` | %d | %s |\n", error_code_name(m->errors[i].code),
				      jsonrpc2_code(m->errors[i].code), m->errors[i].mend));
	mem_free(scope);
}

static void codes(struct buf *b)
{
	error_free(buf_puts(b, "\n| error | code |\n|---|---|\n"));
	for (int code = ERROR_INVALID; code <= ERROR_FAILED; code++)
		error_free(buf_printf(b, "| `%s` | %d |\n", error_code_name((enum error_code)code),
				      jsonrpc2_code((enum error_code)code)));
}

static const char head[] =
	"# Methods of dsnd\n"
	"Made of the table that dsnd checks calls by: `dsnd --print-reference > docs/rpc.md`. How to call: [dsnd.md](dsnd.md#calls).\n"
	"\n"
	"A refusal is JSON-RPC's error object: its `message` is a sentence that names the place, `data.error` the word of the table,\n"
	"`data.mend` what to do. Any method may answer `invalid` (a parameter), `refused` (who calls may not) and `limit` (too much is\n"
	"under way); a method that there is none of is code -32601.\n";

char *describe_reference(const void *ctx, const struct service_ops *const *services)
{
	struct methods *all = methods_new(ctx);
	struct buf *b = buf_new(ctx, REFERENCE_BYTES);
	const struct method *m;

	describe_add(all);
	network_add(all, NULL);
	told_add(all, NULL);
	for (const struct service_ops *const *s = services; *s; s++)
		methods_add(all, (*s)->methods, (*s)->method_count, NULL);
	error_free(buf_puts(b, head));
	codes(b);
	for (size_t i = 0; (m = methods_at(all, i)); i++) {
		if (is_public(m))
			method_section(b, m);
	}
	mem_free(all);
	return b->data;
}
