/* A load's result for a program. */
#include "base/json.h"
#include "devnet/load.h"

static void put_number(json_t *o, const char *key, double value)
{
	json_object_set_new(o, key, json_sprintf("%.2f", value));
}

static json_t *blocks_json(const struct load_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->block_count; i++) {
		const struct load_block *b = &r->blocks[i];
		json_t *o = json_object();

		json_put_decimal(o, "number", (int64_t)b->number);
		json_put_decimal(o, "time", b->time_ms / 1000);
		json_put_decimal(o, "transactions", (int64_t)b->all);
		json_put_decimal(o, "calls", (int64_t)b->calls);
		json_put_decimal(o, "gas_used", (int64_t)b->gas_used);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *samples_json(const struct load_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->sample_count; i++) {
		const struct load_sample *s = &r->samples[i];
		json_t *o = json_object();

		json_object_set_new(o, "time", json_sprintf("%.3f", (double)s->at_ms / 1000));
		if (s->pool >= 0)
			json_put_decimal(o, "pool", s->pool);
		json_put_decimal(o, "kept", s->kept);
		json_array_append_new(list, o);
	}
	return list;
}

json_t *load_json(const struct load_result *r)
{
	json_t *o = json_object();

	put_number(o, "rate_per_s", r->rate);
	put_number(o, "limit_per_s", r->limit);
	put_number(o, "ratio", r->limit > 0 ? r->rate / r->limit : 0);
	json_put_decimal(o, "seconds", r->window_s);
	json_put_decimal(o, "calls", (int64_t)r->window_calls);
	json_put_decimal(o, "gas_limit", (int64_t)r->gas_limit);
	json_put_decimal(o, "gas_per_call", (int64_t)r->gas_per_call);
	put_number(o, "block_s", r->block_s);
	json_put_decimal(o, "sent", (int64_t)r->sent);
	json_put_decimal(o, "confirmed", (int64_t)r->confirmed);
	json_put_decimal(o, "receipts", (int64_t)r->receipts);
	json_put_decimal(o, "reverted", (int64_t)r->reverted);
	json_put_decimal(o, "refused", (int64_t)r->refused);
	json_put_decimal(o, "unsettled", (int64_t)r->unsettled);
	json_put_decimal(o, "nonces_twice", (int64_t)r->twice);
	json_put_decimal(o, "nonce_gaps", (int64_t)r->gaps);
	json_put_decimal(o, "accounts_wrong", (int64_t)r->accounts_wrong);
	json_put_decimal(o, "counter", r->counter);
	json_put(o, "interrupted", r->interrupted ? "yes" : "no");
	json_put(o, "whole", load_whole(r) ? "yes" : "no");
	put_number(o, "ran_s", (double)r->ran_ms / 1000);
	put_number(o, "client_cpu_s", (double)r->cpu_ms / 1000);
	json_put_decimal(o, "exchanges", (int64_t)r->posts);
	json_object_set_new(o, "blocks", blocks_json(r));
	json_object_set_new(o, "samples", samples_json(r));
	return o;
}
