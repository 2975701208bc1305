#include "manager/jobs/feed_row.h"

#include <string.h>

#include "api/grammar.h"
#include "base/json.h"
#include "base/mem.h"

/* NULL where it is missing, empty, or longer than a fleet keeps. */
static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text && *text && strlen(text) <= PLACE_MAX_ID ? text : NULL;
}

/* `otherwise` where it is missing or out of range. */
static int64_t number_of(const json_t *o, const char *key, int64_t low, int64_t high, int64_t otherwise)
{
	const json_t *value = json_object_get(o, key);
	const int64_t n = json_integer_value(value);

	return json_is_integer(value) && n >= low && n <= high ? n : otherwise;
}

static bool is_true(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

static bool among(const char *const *list, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i], text) == 0)
			return true;
	}
	return false;
}

/* The texts of a list, each once, at most `most`. */
static size_t texts_of(const json_t *list, const char **ret_texts, size_t most)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(list) && count < most; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text && *text && strlen(text) <= PLACE_MAX_ID && !among(ret_texts, count, text))
			ret_texts[count++] = text;
	}
	return count;
}

static bool has_ports(const struct place_facts *f)
{
	if (!f->rtmp_port)
		return false;
	return f->role != API_STORAGE || (f->http_port && f->http_port != f->rtmp_port);
}

static enum place_state state_of(const json_t *row, const struct place_facts *f)
{
	static const struct {
		const char *word;
		enum place_state state;
	} words[] = {
		{"suspect", PLACE_SUSPECT}, {"offline", PLACE_OFFLINE}, {"draining", PLACE_DRAINING},
		{"too_old", PLACE_TOO_OLD}, {"barred", PLACE_BARRED},   {"set_aside", PLACE_SET_ASIDE},
	};
	const char *state = text_of(row, "state");

	/* It stands for itself then, not for the agent it names: whatever else it is, it gets nothing. */
	if (!is_true(row, "obeys"))
		return PLACE_STRANGE;
	for (size_t i = 0; state && i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].word, state) == 0)
			return words[i].state;
	}
	if (!state || strcmp(state, "online") != 0)
		return PLACE_OFFLINE;
	if (!is_true(row, "serves"))
		return PLACE_NOT_SERVING;
	return has_ports(f) ? PLACE_ONLINE : PLACE_NO_PORTS;
}

/* What is missing is not known, and does not limit. */
static struct place_beat beat_of(const json_t *row)
{
	const json_t *capacity = json_object_get(row, "capacity"), *ratios = json_object_get(row, "realtime_pm");
	struct place_beat beat = place_beat_unknown;

	beat.capacity.blocks_per_s = number_of(capacity, "blocks_per_s", 0, PLACE_MAX_AMOUNT, PLACE_UNKNOWN);
	beat.capacity.bps = number_of(capacity, "bps", 0, PLACE_MAX_AMOUNT, PLACE_UNKNOWN);
	beat.load_pm = (int)number_of(row, "load_pm", 0, 1000, 0);
	beat.jobs_load_pm = (int)number_of(row, "jobs_load_pm", 0, 1000, 0);
	for (size_t i = 0; i < PLACE_RUNGS; i++) {
		const json_t *ratio = json_array_get(ratios, i);

		if (json_is_integer(ratio) && json_integer_value(ratio) >= 0 && json_integer_value(ratio) <= INT32_MAX)
			beat.realtime_pm[i] = (int)json_integer_value(ratio);
	}
	return beat;
}

struct error *feed_row_apply(struct place_fleet *fleet, const json_t *row)
{
	const struct json_place at = {NULL, "role", 0};
	const json_t *policy = json_object_get(row, "policy");
	const char *customers[PLACE_MAX_CUSTOMERS], *labels[PLACE_MAX_LABELS], *owner = text_of(row, "owner"),
									       *role = text_of(row, "role");
	struct place_facts facts = {.id = text_of(row, "node_id")};
	const struct place_beat beat = beat_of(row);

	if (!facts.id || !role)
		return error_new(ERROR_INVALID, "a node without %s", facts.id ? "role" : "node_id");
	TRY(api_role_parse(role, &at, &facts.role));
	facts.agent = is_true(row, "obeys") ? text_of(row, "agent_id") : NULL;
	facts.agent = facts.agent ? facts.agent : facts.id;
	facts.owner = owner ? owner : facts.agent;
	facts.version = text_of(row, "version");
	facts.region = text_of(row, "region");
	facts.labels = labels;
	facts.label_count = texts_of(json_object_get(row, "labels"), labels, PLACE_MAX_LABELS);
	facts.gpu = is_true(row, "gpu");
	facts.address = json_string_value(json_object_get(row, "ip"));
	facts.rtmp_port = (int)number_of(row, "rtmp_port", 0, UINT16_MAX, 0);
	if (facts.role == API_STORAGE)
		facts.http_port = (int)number_of(row, "http_port", 0, UINT16_MAX, 0);
	facts.classic = text_of(row, "mode") && strcmp(text_of(row, "mode"), "classic") == 0;
	facts.price = number_of(policy, "price", 0, INT64_MAX, PLACE_NO_PRICE);
	facts.policy = place_policy_open;
	facts.policy.customers = customers;
	facts.policy.customer_count = texts_of(json_object_get(policy, "customers"), customers, PLACE_MAX_CUSTOMERS);
	facts.policy.ceiling_pm = (int)number_of(policy, "ceiling_pm", 1, 1000, PLACE_CEILING_PM);
	facts.policy.most_jobs = (int)number_of(policy, "most_jobs", 0, INT32_MAX, PLACE_UNKNOWN);
	TRY(place_node_set(fleet, &facts));
	TRY(place_agent_beat(fleet, facts.agent, &beat));
	place_node_says_jobs(fleet, facts.id, (int)number_of(row, "jobs", 0, INT32_MAX, 0));
	place_node_state(fleet, facts.id, state_of(row, &facts));
	return NULL;
}
