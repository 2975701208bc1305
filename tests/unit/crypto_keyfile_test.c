/* Files of keys: digits, and keystore files where either may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/mem.h"
#include "crypto/keyfile.h"
#include "crypto/keystore.h"

static char *folder, *path;

static int make_folder(void **state)
{
	char made[] = "/tmp/dsn-keyfile-test-XXXXXX";

	(void)state;
	folder = mem_strdup(NULL, mkdtemp(made));
	path = file_join(folder, folder, "key");
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	assert_null(file_remove_tree(folder));
	mem_free(folder);
	return 0;
}

static void refused(struct error *e, enum error_code code, const char *part)
{
	assert_non_null(e);
	if (e->code != code || !strstr(e->message, part))
		fail_msg("%s \"%s\" is not %s with \"%s\"", error_code_name(e->code), e->message, error_code_name(code),
			 part);
	error_free(e);
}

static void write_text(const char *text, unsigned mode)
{
	assert_null(file_write_atomic(path, text, strlen(text), mode));
}

static void a_key_is_made_once(void **state)
{
	struct secp_key key, again;
	uint8_t address[ETH_ADDRESS_BYTES], wanted[ETH_ADDRESS_BYTES];
	struct stat st;

	(void)state;
	assert_null(keyfile_load(path, NULL, &key));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_null(keyfile_load(path, NULL, &again));
	assert_memory_equal(again.secret, key.secret, sizeof(key.secret));
	assert_null(keyfile_address(path, NULL, address));
	secp_address(key.public, wanted);
	assert_memory_equal(address, wanted, sizeof(address));
	refused(keyfile_make(path, &again), ERROR_EXISTS, "exists already");
}

/* None of what is in the file is in the message: it may be a key with a digit too many. */
static void what_holds_no_key_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"1122334455667788112233445566778811223344556677881122334455667788ff",
		"0x1122334455667788112233445566778811223344556677881122334455667788",
		"112233445566778811223344556677881122334455667788112233445566778g",
	};
	struct secp_key key = {{9}, {0}};

	(void)state;
	refused(keyfile_read(path, NULL, &key), ERROR_NOT_FOUND, path);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct error *e;

		write_text(texts[i], 0600);
		e = keyfile_read(path, NULL, &key);
		assert_non_null(e);
		assert_null(strstr(e->message, "11223344"));
		refused(e, ERROR_INVALID, path);
	}
	write_text("0000000000000000000000000000000000000000000000000000000000000000\n", 0600);
	refused(keyfile_read(path, NULL, &key), ERROR_INVALID, "");
	write_text("1122334455667788112233445566778811223344556677881122334455667788\n", 0640);
	refused(keyfile_read(path, NULL, &key), ERROR_REFUSED, path);
	assert_int_equal(key.secret[0], 9);
}

static void a_keystore_file_needs_its_passphrase(void **state)
{
	struct passphrase_source source = {.file = file_join(folder, folder, "passphrase")};
	uint8_t address[ETH_ADDRESS_BYTES], wanted[ETH_ADDRESS_BYTES];
	char *passphrase = NULL, *text;
	struct secp_key key, back;

	(void)state;
	secp_key_new(&key);
	secp_address(key.public, wanted);
	text = keystore_seal(folder, &key, "secret", true);
	write_text(text, 0600);
	refused(keyfile_read(path, NULL, &back), ERROR_INVALID, "a keystore file needs its passphrase");
	assert_null(keyfile_address(path, NULL, address)); /* which it names */
	assert_memory_equal(address, wanted, sizeof(address));
	assert_null(file_write_atomic(source.file, "wrong\n", 6, 0600));
	refused(keyfile_read(path, &source, &back), ERROR_REFUSED, "wrong passphrase");
	assert_null(file_write_atomic(source.file, "secret\n", 7, 0600));
	assert_null(keyfile_read(path, &source, &back));
	assert_memory_equal(back.secret, key.secret, sizeof(key.secret));
	assert_null(keyfile_unlock(folder, path, &source, &back, &passphrase));
	assert_string_equal(passphrase, "secret");
	write_text("{}", 0600);
	refused(keyfile_read(path, &source, &back), ERROR_INVALID, "keystore: version: is missing");
	refused(keyfile_address(path, &source, address), ERROR_INVALID, "keystore: version: is missing");
	write_text("1122334455667788112233445566778811223344556677881122334455667788\n", 0600);
	refused(keyfile_unlock(folder, path, &source, &back, &passphrase), ERROR_INVALID, path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_key_is_made_once, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(what_holds_no_key_is_refused, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_keystore_file_needs_its_passphrase, make_folder, remove_folder),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
