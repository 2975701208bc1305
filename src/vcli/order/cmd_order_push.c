/* vcli order push: a film to the distributor that dsnd has picked. What dsnd says is checked before it reaches ffmpeg.
 */
#include <string.h>

#include "api/grammar.h"
#include "api/pipeline.h"
#include "base/json.h"
#include "base/mem.h"
#include "vcli/commands.h"
#include "vcli/order/ask.h"
#include "vcli/pipeline/push.h"

#define FRAGMENT_S 5 /* of a document that says none */

static struct error *check_url(const char *url, const struct json_place *at)
{
	static const char scheme[] = "rtmp://";

	if (strncmp(url, scheme, strlen(scheme)) != 0)
		return json_place_error(at, "is not rtmp://HOST/APPLICATION");
	for (const char *p = url; *p; p++) {
		if (*p <= ' ' || *p > '~')
			return json_place_error(at, "has a letter that no address has");
	}
	return NULL;
}

/* Where it goes in. An order that waits for its nodes has no address yet. */
static struct error *read_ingest(struct user_job *j, const json_t *order, const struct json_place *root)
{
	const struct json_place at = {root, "ingest", 0}, url_at = {&at, "url", 0}, key_at = {&at, "key", 0};
	const char *url = NULL, *key = NULL, *state = NULL;
	json_t *ingest = NULL;

	TRY(json_read_string(order, root, "state", &state));
	if (!json_object_get(order, "ingest"))
		return error_new(ERROR_NOT_FOUND, "job %s: its distributor's address is not known yet: it is %.32s",
				 j->name, state);
	TRY(json_read_object(order, root, "ingest", &ingest));
	TRY(json_read_string(ingest, &at, "url", &url));
	TRY(json_read_string_opt(ingest, &at, "key", &key));
	TRY(check_url(url, &url_at));
	if (key)
		TRY(api_check_key(key, &key_at));
	j->url = mem_strdup(j, url);
	j->key = key ? mem_strdup(j, key) : NULL;
	return NULL;
}

/* `j` belongs to ctx; its document is borrowed from the order. */
static struct error *read_order(const void *ctx, const json_t *order, struct user_job **ret_job)
{
	const struct json_place root = {NULL, "dsnd", 0};
	struct user_job *j = mem_new(ctx, struct user_job);
	struct api_pipeline *p = NULL;

	TRY(json_read_object(order, &root, "document", &j->document));
	TRY(api_pipeline_read(j, j->document, &p));
	j->name = mem_strdup(j, p->job);
	j->fragment_s = p->fragment_s ? p->fragment_s : FRAGMENT_S;
	TRY(read_ingest(j, order, &root));
	*ret_job = j;
	return NULL;
}

struct error *cmd_order_push(struct vcli *v)
{
	struct user_job *j = NULL;
	json_t *order = NULL;
	struct error *e;

	TRY(ask_dsnd(v, "orders.status", json_pack("{s:s}", "job", v->args[0]), &order));
	e = read_order(v, order, &j);
	if (!e)
		e = push_film(v, j, v->args[1]);
	json_decref(order);
	return e;
}
