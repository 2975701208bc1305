#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/file.h"
#include "chain/account.h"
#include "chain/deployment.h"
#include "chain/fee.h"
#include "chain/txbox.h"
#include "chain/verdict.h"
#include "chain_vectors.h"
#include "crypto/keyfile.h"

static const uint8_t account[ETH_ADDRESS_BYTES] = {1}, other[ETH_ADDRESS_BYTES] = {2};
static char *folder;

static int make_folder(void **state)
{
	char made[] = "/tmp/dsn-txbox-test-XXXXXX";

	(void)state;
	folder = mem_strdup(NULL, mkdtemp(made));
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	ok(file_remove_tree(folder));
	mem_free(folder);
	return 0;
}

static struct db *open_db(void)
{
	struct db *db = NULL;

	ok(db_open(folder, file_join(folder, folder, "x.db"), &txbox_database, &db));
	return db;
}

static struct txbox_record *record_of(struct db *db, const char *id)
{
	struct txbox_record *r = NULL;

	ok(txbox_get(folder, db, id, &r));
	return r;
}

static int64_t pending(struct db *db)
{
	int64_t n = -1;

	ok(txbox_pending(db, account, &n));
	return n;
}

static void an_intention_goes_its_way(void **state)
{
	struct db *db = open_db();
	const struct txbox_intent in = {
		.id = "a", .to = {7}, .value = u256_of(5), .data = (const uint8_t *)"\x00\x01", .n = 2, .gas = 21000};
	struct txbox_intent another = in;
	struct rpc_receipt receipt = {.block = 9, .gas_used = 20000, .tx_hash = {3}, .block_hash = {4}};
	struct txbox_attempt attempt = {.hash = {3}, .raw = (const uint8_t *)"raw", .n = 3, .price = u256_of(8)};
	struct txbox_record *r;
	uint64_t next = 77;

	(void)state;
	ok(txbox_put(db, account, &in));
	ok(txbox_put(db, account, &in));
	refused(txbox_put(db, other, &in), ERROR_EXISTS, "another intention was put under the id \"a\"");
	another.value = u256_of(6);
	refused(txbox_put(db, account, &another), ERROR_EXISTS, "another intention was put under the id \"a\"");
	another.id = "";
	refused(txbox_put(db, account, &another), ERROR_INVALID, "1 to 200 bytes");
	another.id = "b";
	another.n = TX_BYTES;
	refused(txbox_put(db, account, &another), ERROR_INVALID, "more than a transaction carries");
	refused(txbox_get(db, db, "b", &r), ERROR_NOT_FOUND, "\"b\"");
	r = record_of(db, "a");
	assert_int_equal(r->state, TXBOX_WANTED);
	assert_memory_equal(r->account, account, sizeof(account));
	assert_int_equal(r->intent.n, 2);
	assert_memory_equal(r->intent.data, in.data, 2);
	assert_int_equal(u256_cmp(r->intent.value, in.value), 0);
	assert_int_equal(pending(db), 1);

	ok(txbox_next_nonce(db, account, &next));
	assert_int_equal(next, 0);
	ok(txbox_set_signed(db, r->seq, 4));
	ok(txbox_add_attempt(db, r->seq, &attempt));
	ok(txbox_next_nonce(db, account, &next));
	assert_int_equal(next, 5);
	ok(txbox_next_nonce(db, other, &next));
	assert_int_equal(next, 0);
	ok(txbox_set_mined(db, r->seq, TXBOX_MINED, &receipt));
	assert_int_equal(record_of(db, "a")->receipt.block, 9);
	ok(txbox_set_unmined(db, r->seq));
	assert_int_equal(record_of(db, "a")->state, TXBOX_SIGNED);
	ok(txbox_set_mined(db, r->seq, TXBOX_DONE, &receipt));
	r = record_of(db, "a");
	assert_true(txbox_state_final(r->state) && r->receipt.succeeded && r->nonce == 4 && !r->receipt.created);
	assert_int_equal(pending(db), 0);
	ok(txbox_forget(db, 0));
	record_of(db, "a");
	ok(txbox_forget(db, INT64_MAX));
	refused(txbox_get(db, db, "a", &r), ERROR_NOT_FOUND, "\"a\"");
	mem_free(db);
}

static void what_its_author_said_stays_beside_it(void **state)
{
	const uint8_t said[TXBOX_HASH_BYTES] = {1, 2, 3};
	struct db *db = open_db();
	struct txbox_intent in = {.id = "a", .to = {7}, .data = (const uint8_t *)"", .gas = 21000, .said = said};

	(void)state;
	ok(txbox_put(db, account, &in));
	ok(txbox_put(db, account, &in));
	assert_memory_equal(record_of(db, "a")->intent.said, said, sizeof(said));
	in.id = "b";
	in.said = NULL;
	ok(txbox_put(db, account, &in));
	assert_null(record_of(db, "b")->intent.said);
	mem_free(db);
}

static void an_outbox_has_one_chain(void **state)
{
	struct db *db = open_db();
	const uint8_t one[HASH_BYTES] = {1}, two[HASH_BYTES] = {2};

	(void)state;
	ok(txbox_claim_chain(db, 7, one));
	ok(txbox_claim_chain(db, 7, one));
	refused(txbox_claim_chain(db, 8, one), ERROR_REFUSED, "belongs to chain 7, the endpoint is on chain 8");
	refused(txbox_claim_chain(db, 7, two), ERROR_REFUSED, "belongs to an earlier, other chain 7");
	mem_free(db);
}

static void fees_follow_the_market(void **state)
{
	struct fee_market m = {.gas_price = u256_of(20)};
	struct fee fee = {U256_ZERO, U256_ZERO}, more = {U256_ZERO, U256_ZERO};

	(void)state;
	ok(fee_choose(&m, U256_ZERO, &fee));
	assert_int_equal(u256_cmp(fee.price, u256_of(20)), 0);
	ok(fee_raise(&m, &fee, U256_ZERO, &more));
	assert_int_equal(u256_cmp(more.price, u256_of(23)), 0);
	m.gas_price = u256_of(100);
	ok(fee_raise(&m, &fee, U256_ZERO, &more));
	assert_int_equal(u256_cmp(more.price, u256_of(100)), 0);
	refused(fee_raise(&m, &more, u256_of(105), &more), ERROR_LIMIT, "over the limit of 105 wei");
	m.gas_price = U256_ZERO;
	ok(fee_choose(&m, U256_ZERO, &fee));
	assert_int_equal(u256_cmp(fee.price, u256_of(1)), 0);

	m = (struct fee_market){.has_base_fee = true, .base_fee = u256_of(1000), .tip = u256_of(7)};
	ok(fee_choose(&m, U256_ZERO, &fee));
	assert_int_equal(u256_cmp(fee.price, u256_of(2007)), 0);
	assert_int_equal(u256_cmp(fee.tip, u256_of(7)), 0);
	ok(fee_choose(&m, u256_of(1500), &fee));
	assert_int_equal(u256_cmp(fee.price, u256_of(1500)), 0);
	refused(fee_choose(&m, u256_of(999), &fee), ERROR_LIMIT, "the chain's base fee is 0.000001 gwei a unit of gas");
	fee = (struct fee){u256_of(2007), u256_of(7)};
	ok(fee_raise(&m, &fee, U256_ZERO, &more));
	assert_int_equal(u256_cmp(more.price, u256_of(2258)), 0);
	assert_int_equal(u256_cmp(more.tip, u256_of(8)), 0);
}

static struct txbox_record *put_signed(struct db *db, const char *id, uint64_t nonce, uint8_t hash, bool cancels)
{
	const struct txbox_intent in = {.id = id, .data = (const uint8_t *)"", .gas = 21000};
	const struct txbox_attempt a = {.hash = {hash}, .raw = &hash, .n = 1, .cancels = cancels};
	struct txbox_record *r = NULL;

	ok(txbox_put(db, account, &in));
	ok(txbox_get(folder, db, id, &r));
	if (r->state == TXBOX_WANTED)
		ok(txbox_set_signed(db, r->seq, nonce));
	ok(txbox_add_attempt(db, r->seq, &a));
	ok(txbox_get(folder, db, id, &r));
	return r;
}

static struct error *count_attempt(const struct txbox_attempt *a, void *arg)
{
	unsigned *seen = arg;

	*seen = *seen * 10 + a->hash[0];
	return NULL;
}

static uint64_t next_nonce(struct db *db)
{
	uint64_t next = 0;

	ok(txbox_next_nonce(db, account, &next));
	return next;
}

static struct error *count_record(struct txbox_record *r, void *arg)
{
	++*(unsigned *)arg;
	mem_free(r);
	return NULL;
}

/* What was signed of it is never forgotten; only what cancels it is sent again. */
static void an_intention_is_abandoned(void **state)
{
	struct txbox_record *near, *far, *moved;
	struct db *db = NULL;
	unsigned seen = 0;
	uint8_t hash[TX_HASH_BYTES] = {3};
	bool is = false;

	(void)state;
	ok(db_open(folder, file_join(folder, folder, "abandon.db"), &txbox_database, &db));
	put_signed(db, "first", 0, 1, false);
	near = put_signed(db, "near", 1, 2, false);
	near = put_signed(db, "near", 1, 3, true);
	ok(txbox_abandon(db, near, "so"));
	assert_int_equal(next_nonce(db), 2); /* its nonce is not given again */
	ok(txbox_attempts_of_nonce(db, account, 1, count_attempt, &seen));
	assert_int_equal(seen, 3);
	ok(txbox_is_own(db, hash, &is));
	assert_true(is);
	far = put_signed(db, "far", UINT64_C(1) << 40, 4, false);
	assert_int_equal(next_nonce(db), (UINT64_C(1) << 40) + 1);
	ok(txbox_abandon(db, far, "so"));
	assert_int_equal(next_nonce(db), 2); /* nobody gets there */
	ok(txbox_has_nonce(db, account, UINT64_C(1) << 40, &is));
	assert_true(is);
	moved = put_signed(db, "moved", 2, 5, false);
	ok(txbox_set_wanted(db, moved->seq));
	hash[0] = 5;
	ok(txbox_is_own(db, hash, &is));
	assert_true(is);
	hash[0] = 6;
	ok(txbox_is_own(db, hash, &is));
	assert_false(is);
	seen = 0;
	ok(txbox_each_pending(db, count_record, &seen));
	assert_int_equal(seen, 2);
}

static void words_of_nodes_are_understood(void **state)
{
	static const struct {
		const char *words;
		enum verdict verdict;
	} rows[] = {
		{"already known", VERDICT_KNOWN},
		{"known transaction: 0x12", VERDICT_KNOWN},
		{"transaction already imported", VERDICT_KNOWN},
		{"nonce too low", VERDICT_NONCE_USED},
		{"Nonce too low. Expected nonce to be 5", VERDICT_NONCE_USED},
		{"replacement transaction underpriced", VERDICT_UNDERPRICED},
		{"max fee per gas less than block base fee", VERDICT_UNDERPRICED},
		{"insufficient funds for gas * price + value", VERDICT_FUNDS},
		{"txpool is full", VERDICT_LATER},
		{"", VERDICT_LATER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(verdict_of(rows[i].words), rows[i].verdict);
	assert_int_equal(verdict_of(NULL), VERDICT_LATER);
}

static void addresses_of_contracts_are_one_file(void **state)
{
	char *path = file_join(folder, folder, "addresses.json");
	const uint8_t genesis[HASH_BYTES] = {5};
	struct deployment *d = deployment_new(folder, 31337, genesis), *back = NULL;
	static const struct {
		const char *text, *part;
	} bad[] = {
		{"{}", "chain_id: is missing"},
		{"{\"chain_id\":\"0\"}", "chain_id"},
		{"{\"chain_id\":\"1\",\"genesis\":\"0x12\"}", "genesis: must be"},
		{"{\"chain_id\":\"1\",\"genesis\":"
		 "\"0x0500000000000000000000000000000000000000000000000000000000000000\","
		 "\"contracts\":{\"A\":\"0x12\"}}",
		 "contracts.A: must be"},
	};
	uint8_t address[ETH_ADDRESS_BYTES];

	(void)state;
	refused(deployment_read(folder, path, &back), ERROR_NOT_FOUND, "the operator of your network");
	deployment_set(d, "Counter", account);
	ok(deployment_write(path, d));
	ok(deployment_read(folder, path, &back));
	assert_int_equal(back->chain_id, 31337);
	assert_memory_equal(back->genesis, genesis, sizeof(genesis));
	ok(deployment_get(back, "Counter", address));
	assert_memory_equal(address, account, sizeof(address));
	refused(deployment_get(back, "Jobs", address), ERROR_NOT_FOUND, "no contract Jobs");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ok(file_write_atomic(path, bad[i].text, strlen(bad[i].text), 0600));
		refused(deployment_read(folder, path, &back), ERROR_INVALID, bad[i].part);
	}
}

static struct error *open_account(const char *path, const char *passphrase, struct secp_key *ret_key)
{
	struct passphrase_source source = {.file = file_join(folder, folder, "passphrase")};

	TRY(file_write_atomic(source.file, passphrase, strlen(passphrase), 0600));
	return keyfile_read(path, &source, ret_key);
}

static void accounts_are_found_by_their_beginning(void **state)
{
	char *keys = file_join(folder, folder, "keys");
	struct account a = {.path = NULL}, found = {.path = NULL};
	struct secp_key key, back;
	char *text = NULL;

	(void)state;
	secp_key_new(&key);
	refused(account_find(folder, keys, NULL, &found), ERROR_NOT_FOUND, "make one with vcli account new");
	ok(account_store(folder, keys, &key, "secret", true, &a));
	refused(account_store(folder, keys, &key, "secret", true, &a), ERROR_EXISTS, "is there already");
	ok(account_find(folder, keys, NULL, &found));
	assert_string_equal(found.path, a.path);
	ok(open_account(found.path, "secret", &back));
	assert_memory_equal(back.secret, key.secret, sizeof(key.secret));
	refused(open_account(found.path, "other", &back), ERROR_REFUSED, "passphrase");
	ok(file_write_atomic(file_join(folder, keys, "no-key.txt"), "{}", 2, 0600));
	secp_key_new(&key);
	ok(account_store(folder, keys, &key, "secret", true, &a));
	refused(account_find(folder, keys, NULL, &found), ERROR_INVALID, "has 2 accounts");

	/* As some wallets write it. */
	ok(file_read(folder, a.path, 65536, &text, NULL));
	memcpy(strstr(text, "crypto"), "Crypto", 6);
	ok(file_write_atomic(a.path, text, strlen(text), 0600));
	ok(account_find(folder, keys, strrchr(a.path, '-') + 1, &found));
	ok(open_account(found.path, "secret", &back));
	assert_memory_equal(back.secret, key.secret, sizeof(key.secret));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_intention_goes_its_way, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(what_its_author_said_stays_beside_it, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(an_outbox_has_one_chain, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(an_intention_is_abandoned, make_folder, remove_folder),
		cmocka_unit_test(fees_follow_the_market),
		cmocka_unit_test(words_of_nodes_are_understood),
		cmocka_unit_test_setup_teardown(addresses_of_contracts_are_one_file, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(accounts_are_found_by_their_beginning, make_folder, remove_folder),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
