/* An event that an endpoint tells is that of what was sent, or it is not believed: each value in turn is another one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "contracts/escrow_check.h"

static const uint8_t account[ETH_ADDRESS_BYTES] = {0xac};

static void says(struct error *e, const char *event, const char *value)
{
	char *text = mem_printf(NULL, "%s whose %s is not what was sent", event, value);

	assert_non_null(e);
	assert_int_equal(e->code, ERROR_INVALID);
	if (!strstr(e->message, text))
		fail_msg("\"%s\" has no \"%s\"", e->message, text);
	error_free(e);
	mem_free(text);
}

static void a_job_is_the_one_that_was_sent(void **state)
{
	const struct jobs_create_call sent = {.document = {1, 2},
					      .budget = u256_of(10),
					      .deadline = 77,
					      .distributor_limit = u256_of(3),
					      .transcoder_limit = u256_of(4),
					      .storage_limit = u256_of(5)};
	const struct jobs_job_created_event right = {.job_id = u256_of(9),
						     .customer = {0xac},
						     .document = {1, 2},
						     .budget = u256_of(10),
						     .deadline = 77,
						     .distributor_limit = u256_of(3),
						     .transcoder_limit = u256_of(4),
						     .storage_limit = u256_of(5)};
	struct jobs_job_created_event lies[7];

	(void)state;
	for (size_t i = 0; i < 7; i++)
		lies[i] = right;
	lies[0].customer[19] = 1;
	lies[1].document[31] = 1;
	lies[2].budget = u256_of(9);
	lies[3].deadline = 78;
	lies[4].distributor_limit = u256_of(4);
	lies[5].transcoder_limit = u256_of(5);
	lies[6].storage_limit = u256_of(6);
	assert_null(escrow_check_created(account, &sent, &right));
	says(escrow_check_created(account, &sent, &lies[0]), "JobCreated", "customer");
	says(escrow_check_created(account, &sent, &lies[1]), "JobCreated", "document");
	says(escrow_check_created(account, &sent, &lies[2]), "JobCreated", "budget");
	says(escrow_check_created(account, &sent, &lies[3]), "JobCreated", "deadline");
	says(escrow_check_created(account, &sent, &lies[4]), "JobCreated", "limit for distributors");
	says(escrow_check_created(account, &sent, &lies[5]), "JobCreated", "limit for transcoders");
	says(escrow_check_created(account, &sent, &lies[6]), "JobCreated", "limit for storages");
}

static void a_node_is_the_one_that_was_assigned(void **state)
{
	const struct jobs_assign_call sent = {.job_id = u256_of(9), .node = {7}, .max_price = u256_of(20)};
	const struct jobs_node_assigned_event right = {
		.job_id = u256_of(9), .node = {7}, .price = u256_of(20), .by = {0xac}};
	struct jobs_node_assigned_event lie = right;

	(void)state;
	assert_null(escrow_check_assigned(account, &sent, &right));
	lie.price = u256_of(1);
	assert_null(escrow_check_assigned(account, &sent, &lie));
	lie.price = u256_of(21);
	says(escrow_check_assigned(account, &sent, &lie), "NodeAssigned", "price");
	lie = right;
	lie.job_id = u256_of(8);
	says(escrow_check_assigned(account, &sent, &lie), "NodeAssigned", "job");
	lie = right;
	lie.node[0] = 8;
	says(escrow_check_assigned(account, &sent, &lie), "NodeAssigned", "node");
	lie = right;
	lie.by[0] = 8;
	says(escrow_check_assigned(account, &sent, &lie), "NodeAssigned", "sender");
}

static void an_end_is_that_of_the_job(void **state)
{
	struct jobs_job_closing_event closing = {.job_id = u256_of(9), .by = {0xac}};
	const struct jobs_job_finished_event finished = {.job_id = u256_of(9)};

	(void)state;
	assert_null(escrow_check_closing(account, 9, &closing));
	says(escrow_check_closing(account, 8, &closing), "JobClosing", "job");
	closing.by[1] = 1;
	says(escrow_check_closing(account, 9, &closing), "JobClosing", "sender");
	assert_null(escrow_check_finished(9, &finished));
	says(escrow_check_finished(10, &finished), "JobFinished", "job");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_job_is_the_one_that_was_sent),
					   cmocka_unit_test(a_node_is_the_one_that_was_assigned),
					   cmocka_unit_test(an_end_is_that_of_the_job)};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
