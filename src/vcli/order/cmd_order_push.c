/* vcli order push: a film to the distributor that dsnd has picked. What dsnd says is checked before it reaches ffmpeg.
 */
#include <string.h>

#include "api/grammar.h"
#include "api/pipeline.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "vcli/commands.h"
#include "vcli/order/ask.h"
#include "vcli/pipeline/push.h"
#include "vcli/wait.h"

#define FRAGMENT_S 5 /* of a document that says none */
/* How long another distributor is waited for, and how long it is so while dsnd finds the present one well. */
#define FOLLOW_MS 60000
#define DOUBT_MS 5000
#define FOLLOW_EVERY_MS 500

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

static struct error *ask_order(struct vcli *v, json_t **ret_order, struct user_job **ret_job)
{
	struct error *e;

	TRY(ask_dsnd(v, "orders.status", json_pack("{s:s}", "job", v->args[0]), ret_order));
	e = read_order(v, *ret_order, ret_job);
	if (e)
		json_decref(*ret_order);
	return e;
}

/* The order as it was asked for last; it lends its document to the job. */
struct following {
	json_t *order;
	struct user_job *job;
};

static bool goes_on(const json_t *order)
{
	const char *state = json_string_value(json_object_get(order, "state"));

	return state && (strcmp(state, "running") == 0 || strcmp(state, "starting") == 0);
}

/* dsnd finds nothing wrong with the distributor: the stream broke for another reason. */
static bool is_well(const json_t *order)
{
	const json_t *nodes = json_object_get(order, "nodes");

	for (size_t i = 0; i < json_array_size(nodes); i++) {
		const json_t *node = json_array_get(nodes, i);
		const char *role = json_string_value(json_object_get(node, "role")),
			   *part = json_string_value(json_object_get(node, "part"));

		if (role && part && strcmp(role, "distributor") == 0)
			return strcmp(part, "serving") == 0;
	}
	return true;
}

/* The distributor is gone: dsnd gives its place to another one within seconds, and tells where. */
static struct error *look_again(struct vcli *v, const struct error *broken, const struct user_job **ret_job, void *arg)
{
	struct following *f = arg;

	int64_t now_ms = clock_mono_ms(), until_ms = now_ms + FOLLOW_MS, doubt_ms = now_ms + DOUBT_MS;

	(void)broken;
	while (now_ms < until_ms && now_ms < doubt_ms) {
		json_t *order = NULL;
		struct user_job *j = NULL;
		struct error *e = ask_order(v, &order, &j);
		bool over = !e && !goes_on(order);

		now_ms = clock_mono_ms();
		if (!e && !over && strcmp(j->url, f->job->url) != 0) {
			json_decref(f->order);
			*f = (struct following){order, j};
			*ret_job = j;
			return NULL;
		}
		if (e || !is_well(order))
			doubt_ms = now_ms + DOUBT_MS;
		if (!e)
			json_decref(order);
		error_free(e);
		if (over)
			return NULL;
		vcli_wait(&v->loop, &(bool){false}, now_ms + FOLLOW_EVERY_MS);
	}
	return NULL;
}

struct error *cmd_order_push(struct vcli *v)
{
	struct following f = {NULL, NULL};
	struct error *e;

	TRY(ask_order(v, &f.order, &f.job));
	e = push_film(v, f.job, v->args[1], look_again, &f);
	json_decref(f.order);
	return e;
}
