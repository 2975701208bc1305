#include "api/wishes.h"

#include <string.h>

#include "api/read.h"
#include "api/time.h"
#include "base/mem.h"

static struct error *read_labels(const void *ctx, const json_t *o, const struct json_place *at, const char *key,
				 size_t most, char ***ret_texts, size_t *ret_count)
{
	const struct json_place list_at = {at, key, 0};
	json_t *list = NULL;

	TRY(json_read_array_opt(o, at, key, 1, most, &list));
	*ret_texts = mem_array(ctx, char *, json_array_size(list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const struct json_place here = {&list_at, NULL, i};
		const char *text = json_string_value(json_array_get(list, i));

		if (!text)
			return json_place_error(&here, "must be a string \"...\"");
		TRY(api_check_label(text, &here));
		(*ret_texts)[(*ret_count)++] = mem_strdup(ctx, text);
	}
	return NULL;
}

static struct error *read_apart(const json_t *o, const struct json_place *at, struct api_wishes *ret)
{
	const struct json_place here = {at, "apart", 0};
	const char *text = NULL;

	TRY(json_read_string_opt(o, at, "apart", &text));
	if (!text)
		return NULL;
	ret->apart_owner = strcmp(text, "owner") == 0 || strcmp(text, "both") == 0;
	ret->apart_net = strcmp(text, "net") == 0 || strcmp(text, "both") == 0;
	if (!ret->apart_owner && !ret->apart_net)
		return json_place_error(&here, "\"%.60s\" is none of owner, net and both", text);
	return NULL;
}

static struct error *read_constraints(const void *ctx, const json_t *pipeline, const struct json_place *at,
				      struct api_wishes *ret)
{
	static const char *const known[] = {"regions", "labels", "gpu", "price_limit", "apart", NULL};
	static const char *const on_off[2] = {"on", "off"};
	const struct json_place here = {at, "constraints", 0};
	json_t *o = NULL;

	TRY(json_read_object_opt(pipeline, at, "constraints", &o));
	if (!o)
		return NULL;
	TRY(read_labels(ctx, o, &here, "regions", API_WISH_REGIONS, &ret->regions, &ret->region_count));
	TRY(read_labels(ctx, o, &here, "labels", API_WISH_LABELS, &ret->labels, &ret->label_count));
	TRY(api_read_bool_opt(o, &here, "gpu", on_off, &ret->gpu));
	TRY(json_read_decimal_opt(o, &here, "price_limit", 0, API_WISH_PRICE, &ret->price_limit));
	TRY(read_apart(o, &here, ret));
	return json_refuse_unknown(o, &here, known);
}

static struct error *read_redundancy(const json_t *pipeline, const struct json_place *at, struct api_wishes *ret)
{
	static const char *const words[2] = {"standby", "none"};
	const struct json_place here = {at, "redundancy", 0};
	const char *known[API_ROLE_COUNT + 1] = {NULL};
	json_t *o = NULL;

	TRY(json_read_object_opt(pipeline, at, "redundancy", &o));
	if (!o)
		return NULL;
	for (int role = 0; role < API_ROLE_COUNT; role++) {
		known[role] = api_role_name((enum api_role)role);
		TRY(api_read_bool_opt(o, &here, known[role], words, &ret->standby[role]));
	}
	return json_refuse_unknown(o, &here, known);
}

static struct error *read_time(const json_t *o, const struct json_place *at, const char *key, int64_t *ret_ms)
{
	const struct json_place here = {at, key, 0};
	const char *text = NULL;

	TRY(json_read_string_opt(o, at, key, &text));
	return text ? api_time_read(text, &here, ret_ms) : NULL;
}

static struct error *read_schedule(const json_t *pipeline, const struct json_place *at, struct api_wishes *ret)
{
	static const char *const known[] = {"start_at", "end_at", NULL};
	const struct json_place here = {at, "schedule", 0}, end_at = {&here, "end_at", 0};
	json_t *o = NULL;

	TRY(json_read_object_opt(pipeline, at, "schedule", &o));
	if (!o)
		return NULL;
	TRY(read_time(o, &here, "start_at", &ret->start_at_ms));
	TRY(read_time(o, &here, "end_at", &ret->end_at_ms));
	if (ret->end_at_ms && ret->end_at_ms <= ret->start_at_ms)
		return json_place_error(&end_at, "is not behind start_at");
	return json_refuse_unknown(o, &here, known);
}

struct error *api_wishes_read(const void *ctx, const json_t *pipeline, const struct json_place *at,
			      struct api_wishes *ret)
{
	int transcoders = 0;

	*ret = (struct api_wishes){.price_limit = API_WISH_ANY_PRICE, .retain_days = API_WISH_RETAIN};
	TRY(read_constraints(ctx, pipeline, at, ret));
	TRY(read_redundancy(pipeline, at, ret));
	TRY(api_read_int_opt(pipeline, at, "transcoders", 1, API_WISH_TRANSCODERS, &transcoders));
	ret->transcoders = (size_t)transcoders;
	TRY(read_schedule(pipeline, at, ret));
	return api_read_int_opt(pipeline, at, "retain", 1, API_WISH_RETAIN_MOST, &ret->retain_days);
}
