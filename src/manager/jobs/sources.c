/* Where an order's stream is kept, and where it is watched. */
#include <stdlib.h>
#include <string.h>

#include "api/task.h"
#include "base/json.h"
#include "base/mem.h"
#include "manager/jobs/jobs_impl.h"

#define HTTP_PORT 8080 /* of a storage whose document says none */

static const char *text_of(const json_t *node, const char *key)
{
	const char *text = json_string_value(json_object_get(node, key));

	return text ? text : "";
}

/* A storage's master playlist, as its node serves it (media/nginx_managed.c, nginx_classic.c). */
static json_t *source_json(const char *job, const char *id, const char *host, int port, bool classic)
{
	return json_pack("{s:s,s:s,s:i,s:o}", "node_id", id, "host", host, "port", port, "path",
			 json_sprintf("/%s/%s.m3u8", classic ? job : "hls", job));
}

/* The storage, and the one that stands in for it, whose web server only the fleet knows. */
static void add_storage(const struct jobs *j, const struct order_row *row, const json_t *node, json_t *list)
{
	bool classic = strcmp(text_of(node, "mode"), "classic") == 0;
	const char *port = json_string_value(json_object_get(node, "http_port"));
	const char *standby = text_of(node, "failover_node_id");
	struct place_contact at;

	json_array_append_new(list, source_json(row->job, text_of(node, "node_id"), text_of(node, "ip"),
						port ? (int)strtol(port, NULL, 10) : HTTP_PORT, classic));
	if (*standby && placing_contact(j->placing, standby, &at) && at.http_port)
		json_array_append_new(
			list, source_json(row->job, standby, text_of(node, "failover_ip"), at.http_port, at.classic));
}

static json_t *sources_json(const struct jobs *j, const struct order_row *row)
{
	const json_t *nodes = json_object_get(json_object_get(row->document, "pipeline"), "nodes");
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *node = json_array_get(nodes, i);

		if (strcmp(text_of(node, "type"), api_role_name(API_STORAGE)) == 0)
			add_storage(j, row, node, list);
	}
	return list;
}

void jobs_orders_sources(struct method_call *c, void *arg)
{
	const struct jobs *j = arg;
	void *scope = mem_strdup(NULL, "");
	struct order_row *row = NULL;
	struct error *e = order_rows_find(scope, j->host->db, method_text(c, "job"), NULL, &row);

	if (e)
		method_fail(c, e);
	else
		method_answer(c, json_pack("{s:o}", "sources", sources_json(j, row)));
	mem_free(scope);
}

json_t *jobs_order_json(const struct jobs *j, const struct order_row *row, bool with_key)
{
	json_t *o = order_row_json(row, with_key);

	if (j->host->network && j->host->network->origin)
		json_object_set_new(o, "play",
				    json_sprintf("%s/watch/%s/master.m3u8", j->host->network->origin, row->job));
	return o;
}
