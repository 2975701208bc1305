/* The outbox of transactions when the disk, memory or the process ends in the middle of a change: no nonce is lost,
 * none is given twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "chain/txbox.h"
#include "fault/fault.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const uint8_t account[ETH_ADDRESS_BYTES] = {1};

static struct error *open_box(struct fault_world *w)
{
	struct db *db = NULL;

	TRY(db_open(w->ctx, file_join(w->ctx, w->folder, "outbox.db"), &txbox_database, &db));
	w->handle = db;
	return NULL;
}

static struct error *put(struct fault_world *w, const char *id)
{
	static const uint8_t said[TXBOX_HASH_BYTES] = {9};
	const struct txbox_intent intent = {.id = id,
					    .to = {7},
					    .value = u256_of(5),
					    .data = (const uint8_t *)"data",
					    .n = 4,
					    .gas = 21000,
					    .said = said};

	return txbox_put(w->handle, account, &intent);
}

static struct error *sign(struct fault_world *w, const char *id, uint64_t nonce, bool cancels)
{
	const struct txbox_attempt attempt = {.hash = {(uint8_t)nonce, cancels},
					      .raw = (const uint8_t *)"raw",
					      .n = 3,
					      .price = u256_of(8),
					      .signed_ms = FAULT_NOW_MS,
					      .cancels = cancels};
	struct txbox_record *r = NULL;
	struct error *e;

	TRY(txbox_get(w->ctx, w->handle, id, &r));
	if (cancels)
		return txbox_add_attempt(w->handle, r->seq, &attempt);
	TRY(db_begin(w->handle));
	e = txbox_set_signed(w->handle, r->seq, nonce);
	if (!e)
		e = txbox_add_attempt(w->handle, r->seq, &attempt);
	if (!e)
		e = db_commit(w->handle);
	if (e)
		db_rollback(w->handle);
	return e;
}

static struct error *prepare(struct fault_world *w)
{
	TRY(put(w, "a"));
	TRY(put(w, "b"));
	return sign(w, "a", 4, false);
}

static struct error *record(struct fault_world *w, const char *id, struct txbox_record **ret)
{
	return txbox_get(w->ctx, w->handle, id, ret);
}

static struct error *run_put(struct fault_world *w)
{
	return put(w, "c");
}

static struct error *run_sign(struct fault_world *w)
{
	return sign(w, "b", 5, false);
}

static struct error *run_set_signed(struct fault_world *w)
{
	struct txbox_record *r = NULL;

	TRY(record(w, "b", &r));
	return txbox_set_signed(w->handle, r->seq, 5);
}

static struct error *run_cancel(struct fault_world *w)
{
	return sign(w, "a", 4, true);
}

static struct error *run_mined(struct fault_world *w)
{
	const struct rpc_receipt receipt = {.block = 9, .gas_used = 20000, .tx_hash = {3}, .block_hash = {4}};
	struct txbox_record *r = NULL;

	TRY(record(w, "a", &r));
	return txbox_set_mined(w->handle, r->seq, TXBOX_DONE, &receipt);
}

static struct error *run_unmined(struct fault_world *w)
{
	struct txbox_record *r = NULL;

	TRY(record(w, "a", &r));
	return txbox_set_unmined(w->handle, r->seq);
}

static struct error *run_wanted(struct fault_world *w)
{
	struct txbox_record *r = NULL;

	TRY(record(w, "a", &r));
	return txbox_set_wanted(w->handle, r->seq);
}

static struct error *run_refused(struct fault_world *w)
{
	struct txbox_record *r = NULL;

	TRY(record(w, "b", &r));
	return txbox_set_refused(w->handle, r->seq, "why", (const uint8_t *)"bytes", 5);
}

static struct error *prepare_far(struct fault_world *w)
{
	TRY(put(w, "far"));
	return sign(w, "far", 200, false);
}

static struct error *run_abandon(struct fault_world *w)
{
	struct txbox_record *r = NULL;

	TRY(record(w, "far", &r));
	return txbox_abandon(w->handle, r, "so");
}

static struct error *prepare_ended(struct fault_world *w)
{
	TRY(prepare(w));
	return run_mined(w);
}

static struct error *run_forget(struct fault_world *w)
{
	return txbox_forget(w->handle, INT64_MAX);
}

static struct error *run_claim(struct fault_world *w)
{
	const uint8_t genesis[HASH_BYTES] = {5};

	return txbox_claim_chain(w->handle, 7, genesis);
}

static struct error *count(struct txbox_record *r, void *arg)
{
	++*(int *)arg;
	mem_free(r);
	return NULL;
}

static struct error *count_attempt(const struct txbox_attempt *a, void *arg)
{
	*(int *)arg += a->n == 3;
	return NULL;
}

static struct error *run_read(struct fault_world *w)
{
	struct txbox_record *r = NULL;
	uint64_t next = 0;
	int seen = 0;

	TRY(txbox_each_pending(w->handle, count, &seen));
	TRY(record(w, "a", &r));
	TRY(txbox_attempts(w->handle, r->seq, count_attempt, &seen));
	TRY(txbox_next_nonce(w->handle, account, &next));
	if (seen != 3 || next != 5 || r->state != TXBOX_SIGNED || r->nonce != 4)
		return error_new(ERROR_FAILED, "outbox.db: not what was put in");
	return NULL;
}

static const struct fault_case changes[] = {
	{.name = "opening", .run = NULL},
	{.name = "put", .run = run_put},
	{.name = "sign", .run = run_sign},
	{.name = "set signed", .run = run_set_signed},
	{.name = "cancel", .run = run_cancel},
	{.name = "mined", .run = run_mined},
	{.name = "unmined", .prepare = prepare_ended, .run = run_unmined},
	{.name = "wanted", .run = run_wanted},
	{.name = "refused", .run = run_refused},
	{.name = "abandon", .prepare = prepare_far, .run = run_abandon},
	{.name = "forget", .prepare = prepare_ended, .run = run_forget},
	{.name = "claim", .run = run_claim},
	{.name = "read", .run = run_read},
};

static void the_outbox_of_transactions(void **state)
{
	const struct fault_suite suite = {
		.open = open_box, .prepare = prepare, .place = "outbox.db", .cases = changes, .count = COUNT(changes)};

	(void)state;
	fault_run(&suite);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_outbox_of_transactions)};

	mem_init();
	fault_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
