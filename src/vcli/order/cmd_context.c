/* vcli login URL, join, context: the networks that this user knows. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "client/identity.h"
#include "vcli/commands.h"
#include "vcli/order/ask.h"
#include "vcli/order/context.h"
#include "vcli/order/login.h"
#include "vcli/render.h"

/* The name of the context of this URL; belongs to v. */
static struct error *name_of(struct vcli *v, const char *url, char **ret_name, char **ret_url)
{
	struct http_origin o;
	struct error *e = ask_read_url(url, &o);

	if (e)
		return error_wrap(e, "\"%.100s\"", url);
	*ret_name = mem_strdup(v, http_origin_authority(&o));
	*ret_url = mem_strdup(v, o.text);
	return NULL;
}

/* What may be shown of it. */
static json_t *shown(const char *name, const json_t *context, bool current)
{
	json_t *o = json_pack("{s:s}", "name", name);
	const char *key;
	json_t *value;

	json_object_set_new(o, "current", json_boolean(current));
	json_object_foreach ((json_t *)context, key, value) {
		if (strcmp(key, "token") != 0)
			json_object_set(o, key, value);
	}
	return o;
}

static void answer(struct vcli *v, json_t *value)
{
	vcli_answer(v, value);
	if (!v->set.json)
		render_value(stdout, value);
}

/* --- logging in --- */

struct error *cmd_login_network(struct vcli *v)
{
	char *name = NULL, *url = NULL;
	json_t *context = NULL;

	TRY(name_of(v, v->args[0], &name, &url));
	TRY(login_begin(v, url, &context));
	answer(v, shown(name, context, true));
	return contexts_put(v, name, context);
}

struct error *cmd_logout_network(struct vcli *v)
{
	return login_end(v);
}

/* --- joining --- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

/* A value that could begin another line of the file is none. */
static struct error *check_value(const char *what, const char *value)
{
	for (const char *p = value; *p; p++) {
		if ((unsigned char)*p <= 0x20 || *p == 0x7f || *p == '#' || *p == '"' || *p == '\\')
			return error_new(ERROR_INVALID, "network.describe: %s has letters that no setting has", what);
	}
	return *value ? NULL : error_new(ERROR_INVALID, "network.describe: %s is missing", what);
}

static struct error *agent_settings(struct vcli *v, const json_t *network, char **ret_text)
{
	const char *bus = json_string_value(json_array_get(json_object_get(network, "bus"), 0)),
		   *name = text_of(network, "network"), *manager = text_of(network, "manager");
	uint8_t owner[ETH_ADDRESS_BYTES];
	char digits[ADDRESS_TEXT_BYTES];

	TRY(check_value("bus", bus ? bus : ""));
	TRY(check_value("network", name));
	TRY(check_value("manager", manager));
	TRY(client_identity_address(&v->set.client, owner));
	eth_address_text(owner, digits);
	for (char *p = digits; *p; p++)
		*p = (char)(*p >= 'A' && *p <= 'F' ? *p - 'A' + 'a' : *p);
	*ret_text = mem_printf(v, "bus = %s\nnetwork = %s\nmanager = %s\nowner = %s\n", bus, name, manager, digits + 2);
	return NULL;
}

static struct error *write_settings(struct vcli *v, const char *url, const char *text)
{
	const char *path = v->set.order.write;
	char *whole = mem_printf(v, "# made by: vcli join %s\n%s", url, text);

	if (file_exists(path) && !v->set.force)
		return error_new(ERROR_EXISTS, "%s: is there already; --force writes over it", path);
	return file_write_atomic(path, whole, strlen(whole), 0644);
}

struct error *cmd_join(struct vcli *v)
{
	char *name = NULL, *url = NULL, *settings = NULL;
	json_t *network = NULL, *context;
	struct error *e;

	TRY(name_of(v, v->args[0], &name, &url));
	TRY(login_describe(v, url, &network));
	context = json_pack("{s:s,s:o}", "url", url, "network", network);
	e = agent_settings(v, network, &settings);
	if (!e && v->set.order.write)
		e = write_settings(v, url, settings);
	if (e) {
		json_decref(context);
		return e;
	}
	vcli_answer(v, json_pack("{s:s,s:O,s:s}", "name", name, "network", network, "settings", settings));
	if (!v->set.json && v->set.order.write)
		printf("%s is written; dsn-agent --config %s\n", v->set.order.write, v->set.order.write);
	else if (!v->set.json)
		render_text(stdout, settings);
	return contexts_put(v, name, context);
}

/* --- contexts --- */

struct error *cmd_context_list(struct vcli *v)
{
	static const char *const columns[] = {"name", "current", "url", "account", "expires", NULL};
	json_t *all = NULL, *list = json_array(), *context;
	const char *name, *current;

	vcli_answer(v, json_pack("{s:o}", "contexts", list));
	TRY(contexts_read(v, &all));
	current = text_of(all, "current");
	json_object_foreach (json_object_get(all, "contexts"), name, context)
		json_array_append_new(list, shown(name, context, strcmp(name, current) == 0));
	if (!v->set.json && json_array_size(list))
		render_table(stdout, list, columns);
	else if (!v->set.json)
		printf("no contexts: vcli login URL, or vcli join URL\n");
	json_decref(all);
	return NULL;
}

static struct error *unknown(const char *name)
{
	return error_new(ERROR_NOT_FOUND, "there is no context \"%.100s\": vcli context list has them", name);
}

struct error *cmd_context_show(struct vcli *v)
{
	json_t *all = NULL, *context;
	const char *name;
	struct error *e = NULL;

	TRY(contexts_read(v, &all));
	name = v->args[0] ? v->args[0] : text_of(all, "current");
	context = contexts_find(all, name);
	if (context)
		answer(v, shown(name, context, strcmp(name, text_of(all, "current")) == 0));
	else
		e = *name ? unknown(name) : error_new(ERROR_NOT_FOUND, "no context is in use: vcli login URL");
	json_decref(all);
	return e;
}

static struct error *use(json_t *all, void *arg)
{
	const char *name = arg;

	if (!contexts_find(all, name))
		return unknown(name);
	json_put(all, "current", name);
	return NULL;
}

struct error *cmd_context_use(struct vcli *v)
{
	return contexts_change(v, use, v->args[0]);
}

static struct error *remove_one(json_t *all, void *arg)
{
	const char *name = arg;

	if (!contexts_find(all, name))
		return unknown(name);
	json_object_del(json_object_get(all, "contexts"), name);
	if (strcmp(name, text_of(all, "current")) == 0)
		json_object_del(all, "current");
	return NULL;
}

struct error *cmd_context_remove(struct vcli *v)
{
	return contexts_change(v, remove_one, v->args[0]);
}
