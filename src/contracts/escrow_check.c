#include "contracts/escrow_check.h"

#include <string.h>

static struct error *differs(const char *event, const char *value)
{
	return error_new(ERROR_INVALID,
			 "the endpoint tells an event %s whose %s is not what was sent; it may lie: look with another "
			 "one (--chain-rpc)",
			 event, value);
}

/* A value of an event, and whether it is right. */
struct escrow_value {
	const char *name;
	bool right;
};

static struct error *check(const char *event, const struct escrow_value *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!values[i].right)
			return differs(event, values[i].name);
	}
	return NULL;
}
#define CHECK(event, values) check(event, values, sizeof(values) / sizeof((values)[0]))

static bool is_account(const uint8_t *one, const uint8_t *other)
{
	return memcmp(one, other, ETH_ADDRESS_BYTES) == 0;
}

static bool is_number(struct u256 one, struct u256 other)
{
	return u256_cmp(one, other) == 0;
}

struct error *escrow_check_created(const uint8_t account[ETH_ADDRESS_BYTES], const struct jobs_create_call *sent,
				   const struct jobs_job_created_event *event)
{
	const struct escrow_value values[] = {
		{"customer", is_account(event->customer, account)},
		{"document", memcmp(event->document, sent->document, sizeof(sent->document)) == 0},
		{"budget", is_number(event->budget, sent->budget)},
		{"deadline", event->deadline == sent->deadline},
		{"limit for distributors", is_number(event->distributor_limit, sent->distributor_limit)},
		{"limit for transcoders", is_number(event->transcoder_limit, sent->transcoder_limit)},
		{"limit for storages", is_number(event->storage_limit, sent->storage_limit)},
	};

	return CHECK("JobCreated", values);
}

struct error *escrow_check_assigned(const uint8_t account[ETH_ADDRESS_BYTES], const struct jobs_assign_call *sent,
				    const struct jobs_node_assigned_event *event)
{
	const struct escrow_value values[] = {
		{"job", is_number(event->job_id, sent->job_id)},
		{"node", is_account(event->node, sent->node)},
		{"price", u256_cmp(event->price, sent->max_price) <= 0},
		{"sender", is_account(event->by, account)},
	};

	return CHECK("NodeAssigned", values);
}

struct error *escrow_check_closing(const uint8_t account[ETH_ADDRESS_BYTES], uint64_t job,
				   const struct jobs_job_closing_event *event)
{
	const struct escrow_value values[] = {
		{"job", is_number(event->job_id, u256_of(job))},
		{"sender", is_account(event->by, account)},
	};

	return CHECK("JobClosing", values);
}

struct error *escrow_check_finished(uint64_t job, const struct jobs_job_finished_event *event)
{
	const struct escrow_value values[] = {{"job", is_number(event->job_id, u256_of(job))}};

	return CHECK("JobFinished", values);
}
