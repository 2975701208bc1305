#include "manager/jobs/run_answers.h"

#include <string.h>

#include "api/task.h"
#include "base/json.h"
#include "base/mem.h"

json_t *run_outcomes(const struct client_request_list *all)
{
	json_t *list = json_array();

	for (size_t i = 0; i < all->count; i++) {
		const struct client_request *q = &all->items[i];
		json_t *o = json_object();

		json_put(o, "node_id", q->to);
		json_put(o, "role", q->role);
		json_put(o, "state", q->error ? "failed" : q->away ? "away" : "applied");
		if (q->error)
			json_put(o, "why", q->error->message);
		json_array_append_new(list, o);
	}
	return list;
}

char *run_first_failure(const void *ctx, const struct client_request_list *all)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct client_request *q = &all->items[i];

		if (q->error)
			return mem_printf(ctx, "%s %s: %s", q->role, q->to, q->error->message);
	}
	return NULL;
}

size_t run_count_away(const struct client_request_list *all)
{
	size_t away = 0;

	for (size_t i = 0; i < all->count; i++)
		away += all->items[i].away;
	return away;
}

void run_learn_addresses(struct order_row *row, const struct client_request_list *all)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct client_request *q = &all->items[i];
		const json_t *endpoint = json_object_get(q->data, "endpoint");
		const char *rtmp = json_string_value(json_object_get(endpoint, "rtmp"));
		const char *hls = json_string_value(json_object_get(endpoint, "hls"));

		if (strcmp(q->role, api_role_name(API_DISTRIBUTOR)) == 0 && rtmp && strrchr(rtmp, '/')) {
			row->ingest = mem_strdup(row, rtmp);
			*strrchr(row->ingest, '/') = '\0';
		} else if (strcmp(q->role, api_role_name(API_STORAGE)) == 0 && hls) {
			row->watch = mem_strdup(row, hls);
		}
	}
}
