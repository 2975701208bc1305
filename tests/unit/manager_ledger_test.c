/* What dsnd makes of the contracts' events: jobs and their escrow, who works for them, who is barred, who is a manager;
 * that blocks which are gone take with them what came of them, and that what has not an event's form is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "contracts/blacklist_abi.h"
#include "contracts/jobs_abi.h"
#include "contracts/order_document.h"
#include "contracts/roles_abi.h"
#include "manager/payments/ledger.h"

#define ALICE "aa00000000000000000000000000000000000000"
#define NODE "bb00000000000000000000000000000000000000"
#define OTHER "cc00000000000000000000000000000000000000"
#define MANAGER "dd00000000000000000000000000000000000000"

struct world {
	char folder[64];
	struct db *db;
	uint64_t block, index;
};

static void ok(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

static int begin(void **state)
{
	struct world *w = mem_new(NULL, struct world);

	strcpy(w->folder, "/tmp/dsn-ledger-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	ok(db_open(w, mem_printf(w, "%s/ledger.db", w->folder), &ledger_database, &w->db));
	w->block = 1;
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;
	char *command[] = {mem_printf(NULL, "%s/ledger.db", w->folder), mem_printf(NULL, "%s/ledger.db-wal", w->folder),
			   mem_printf(NULL, "%s/ledger.db-shm", w->folder)};

	mem_free(w->db);
	for (size_t i = 0; i < 3; i++) {
		unlink(command[i]);
		mem_free(command[i]);
	}
	rmdir(w->folder);
	mem_free(w);
	return 0;
}

/* --- logs, as the contract ABI has them --- */

struct log {
	struct chain_log log;
	uint8_t data[8 * ABI_WORD];
};

static struct log log_of(struct world *w, const struct codec_event *event)
{
	struct log l = {.log = {.block = w->block, .index = w->index++, .topic_count = 1}};

	memcpy(l.log.topics[0], event->topic, ABI_TOPIC_BYTES);
	return l;
}

static void topic_number(struct log *l, uint64_t n)
{
	u256_to_bytes(u256_of(n), l->log.topics[l->log.topic_count++]);
}

static void topic_address(struct log *l, const char *address)
{
	ok(hex_decode(address, l->log.topics[l->log.topic_count++] + 12, ETH_ADDRESS_BYTES));
}

static void word(struct log *l, uint64_t n)
{
	u256_to_bytes(u256_of(n), l->data + l->log.n);
	l->log.n += ABI_WORD;
}

static void word_address(struct log *l, const char *address)
{
	ok(hex_decode(address, l->data + l->log.n + 12, ETH_ADDRESS_BYTES));
	l->log.n += ABI_WORD;
}

static struct error *take(struct world *w, struct log *l)
{
	l->log.data = l->data;
	return ledger_take(w->db, &l->log);
}

static void created(struct world *w, uint64_t job, const char *customer, const uint8_t document[ABI_WORD],
		    uint64_t budget)
{
	struct log l = log_of(w, &jobs_job_created_log);

	topic_number(&l, job);
	topic_address(&l, customer);
	memcpy(l.log.topics[l.log.topic_count++], document, ABI_WORD);
	word(&l, budget);
	word(&l, 2000000000);
	for (int i = 0; i < 3; i++)
		word(&l, 3);
	ok(take(w, &l));
}

static void of_job(struct world *w, const struct codec_event *event, uint64_t job, uint64_t amount)
{
	struct log l = log_of(w, event);

	topic_number(&l, job);
	if (event == &jobs_job_closing_log)
		topic_address(&l, ALICE);
	word(&l, amount);
	ok(take(w, &l));
}

static void assigned(struct world *w, uint64_t job, const char *node, uint64_t price)
{
	struct log l = log_of(w, &jobs_node_assigned_log);

	topic_number(&l, job);
	topic_address(&l, node);
	topic_address(&l, ALICE);
	word(&l, CONTRACTS_WORK_STORAGE);
	word(&l, price);
	word_address(&l, MANAGER);
	ok(take(w, &l));
}

static void unassigned(struct world *w, uint64_t job, const char *node)
{
	struct log l = log_of(w, &jobs_node_unassigned_log);

	topic_number(&l, job);
	topic_address(&l, node);
	word_address(&l, MANAGER);
	ok(take(w, &l));
}

/* --- jobs --- */

static void jobs(void **state)
{
	uint8_t document[ABI_WORD], other[ABI_WORD];
	struct world *w = *state;
	struct ledger_job job;

	order_document("0200000000000000000001", "DD00000000000000000000000000000000000000", document);
	order_document("0200000000000000000001", MANAGER, other);
	assert_memory_equal(document, other, ABI_WORD);
	order_document("0200000000000000000002", MANAGER, other);
	assert_memory_not_equal(document, other, ABI_WORD);

	ok(ledger_find_job(w->db, document, ALICE, &job));
	assert_int_equal(job.number, 0);
	/* Another's money is nobody's payment. */
	created(w, 4, OTHER, document, 50);
	ok(ledger_find_job(w->db, document, ALICE, &job));
	assert_int_equal(job.number, 0);
	created(w, 5, ALICE, other, 50);
	created(w, 7, ALICE, document, 50);
	w->block++;
	of_job(w, &jobs_job_topped_up_log, 7, 20);
	ok(ledger_find_job(w->db, document, ALICE, &job));
	assert_int_equal(job.number, 7);
	assert_string_equal(job.customer, ALICE);
	assert_int_equal(u256_cmp(job.budget, u256_of(70)), 0);
	assert_int_equal(job.deadline_s, 2000000000);
	assert_false(job.over);

	/* One that is over gives way to another one, and stays findable by its number. */
	of_job(w, &jobs_job_closing_log, 7, 1900000000);
	ok(ledger_find_job(w->db, document, ALICE, &job));
	assert_true(job.number == 7 && job.over);
	created(w, 9, ALICE, document, 60);
	ok(ledger_find_job(w->db, document, ALICE, &job));
	assert_true(job.number == 9 && !job.over);
	ok(ledger_get_job(w->db, 7, &job));
	assert_true(job.number == 7 && job.over);

	/* These blocks never were. */
	ok(ledger_undo(w->db, 2));
	ok(ledger_find_job(w->db, document, ALICE, &job));
	assert_true(job.number == 7 && !job.over);
	assert_int_equal(u256_cmp(job.budget, u256_of(50)), 0);
}

struct nodes {
	char text[256];
};

static struct error *on_node(const char *node, const char *price, void *arg)
{
	struct nodes *n = arg;

	snprintf(n->text + strlen(n->text), sizeof(n->text) - strlen(n->text), "%.2s=%s ", node, price);
	return NULL;
}

static void expect_nodes(struct world *w, int64_t job, const char *expected)
{
	struct nodes n = {""};

	ok(ledger_nodes(w->db, job, on_node, &n));
	assert_string_equal(n.text, expected);
}

static void nodes(void **state)
{
	struct world *w = *state;

	expect_nodes(w, 7, "");
	assigned(w, 7, NODE, 2);
	assigned(w, 7, OTHER, 3);
	assigned(w, 8, NODE, 4);
	expect_nodes(w, 7, "bb=2 cc=3 ");
	unassigned(w, 7, NODE);
	expect_nodes(w, 7, "cc=3 ");
	expect_nodes(w, 8, "bb=4 ");
	w->block++;
	assigned(w, 7, NODE, 2);
	expect_nodes(w, 7, "cc=3 bb=2 ");
	ok(ledger_undo(w->db, 2));
	expect_nodes(w, 7, "cc=3 ");
}

/* --- roles and bars --- */

static void role(struct world *w, const struct codec_event *event, enum contracts_role which, const char *holder,
		 const char *by)
{
	struct log l = log_of(w, event);

	topic_number(&l, which);
	topic_address(&l, holder);
	topic_address(&l, by);
	ok(take(w, &l));
}

static void expect_role(struct world *w, const char *account, enum ledger_role expected)
{
	enum ledger_role found = LEDGER_ROLE_HELD;

	ok(ledger_role_of(w->db, account, &found));
	assert_int_equal(found, expected);
}

static void roles(void **state)
{
	static const char nobody[] = "0000000000000000000000000000000000000000";
	struct world *w = *state;

	expect_role(w, MANAGER, LEDGER_ROLE_NONE);
	role(w, &roles_role_granted_log, CONTRACTS_ROLE_VERIFIER, MANAGER, ALICE);
	expect_role(w, MANAGER, LEDGER_ROLE_NONE);
	role(w, &roles_role_granted_log, CONTRACTS_ROLE_MANAGER, MANAGER, ALICE);
	expect_role(w, MANAGER, LEDGER_ROLE_OFFERED);
	role(w, &roles_role_accepted_log, CONTRACTS_ROLE_MANAGER, MANAGER, nobody);
	expect_role(w, MANAGER, LEDGER_ROLE_HELD);
	/* Handed over, it is another's. */
	role(w, &roles_role_accepted_log, CONTRACTS_ROLE_MANAGER, OTHER, MANAGER);
	expect_role(w, MANAGER, LEDGER_ROLE_NONE);
	expect_role(w, OTHER, LEDGER_ROLE_HELD);
	role(w, &roles_role_revoked_log, CONTRACTS_ROLE_MANAGER, OTHER, ALICE);
	expect_role(w, OTHER, LEDGER_ROLE_NONE);
}

static void barred(struct world *w, const char *subject, uint64_t until, const char *why, size_t n)
{
	struct log l = log_of(w, &blacklist_barred_log);

	topic_address(&l, subject);
	topic_address(&l, ALICE);
	word(&l, until);
	word(&l, 1);            /* evidence */
	word(&l, 3 * ABI_WORD); /* where the text is */
	word(&l, n);
	memcpy(l.data + l.log.n, why, n);
	l.log.n += (n + ABI_WORD - 1) / ABI_WORD * ABI_WORD;
	ok(take(w, &l));
}

static struct error *on_bar(const struct ledger_bar *bar, void *arg)
{
	struct nodes *n = arg;

	snprintf(n->text + strlen(n->text), sizeof(n->text) - strlen(n->text), "%.2s:%lld:%s ", bar->subject,
		 (long long)bar->until_s, bar->why);
	return NULL;
}

static void expect_bars(struct world *w, int64_t now_s, const char *expected)
{
	struct nodes n = {""};

	ok(ledger_bars(w->db, now_s, on_bar, &n));
	assert_string_equal(n.text, expected);
}

static void bars(void **state)
{
	struct world *w = *state;
	struct log l;

	barred(w, NODE, 100, "black", 5);
	barred(w, ALICE, 200, "\xff\xfe", 2);
	expect_bars(w, 50, "aa:200: bb:100:black ");
	expect_bars(w, 100, "aa:200: ");
	/* Longer, and lifted. */
	barred(w, NODE, 300, "longer", 6);
	expect_bars(w, 250, "bb:300:longer ");
	w->block++;
	l = log_of(w, &blacklist_lifted_log);
	topic_address(&l, NODE);
	topic_address(&l, ALICE);
	ok(take(w, &l));
	expect_bars(w, 50, "aa:200: ");
	ok(ledger_undo(w->db, 2));
	expect_bars(w, 250, "bb:300:longer ");
	/* Until the end of all days, and behind it. */
	barred(w, OTHER, UINT64_MAX, "x", 1);
	expect_bars(w, 5000000000000, "cc:9223372036854775:x ");
}

/* --- what is none --- */

static void refusals(void **state)
{
	static const struct codec_event *const events[] = {
		&jobs_job_created_log,   &jobs_job_topped_up_log,   &jobs_job_closing_log,  &jobs_job_finished_log,
		&jobs_node_assigned_log, &jobs_node_unassigned_log, &blacklist_barred_log,  &blacklist_lifted_log,
		&roles_role_granted_log, &roles_role_accepted_log,  &roles_role_revoked_log};
	struct world *w = *state;
	struct log l;
	struct error *e;

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		l = log_of(w, events[i]);
		e = take(w, &l);
		assert_non_null(e);
		assert_int_equal(e->code, ERROR_INVALID);
		error_free(e);
	}
	/* Of no interest, and of no event. */
	l = log_of(w, &jobs_batch_reported_log);
	ok(take(w, &l));
	l.log.topic_count = 0;
	ok(take(w, &l));
	/* A job whose number no counter reaches. */
	l = log_of(w, &jobs_job_topped_up_log);
	memset(l.log.topics[l.log.topic_count++], 0xff, ABI_TOPIC_BYTES);
	word(&l, 5);
	ok(take(w, &l));
	expect_nodes(w, -1, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(jobs, begin, end),
		cmocka_unit_test_setup_teardown(nodes, begin, end),
		cmocka_unit_test_setup_teardown(roles, begin, end),
		cmocka_unit_test_setup_teardown(bars, begin, end),
		cmocka_unit_test_setup_teardown(refusals, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
