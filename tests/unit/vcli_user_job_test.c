/* A job of what the original's programs write: a list of queues, named by nodes' public keys, and files beside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "bus/keyring.h"
#include "vcli/pipeline/user_job.h"

#define DATA TEST_SOURCE_DIR "/tests/data/t45/"
/* A point of the curve, as in go-ethereum's tests of enode URLs. */
#define KEY                                                                \
	"1dd9d65c4552b5eb43d5ad55a2ee3f56c6cbc1c64a5c8d659f51fcd51bace243" \
	"51232b8d7821617d2b29b54b81cdefb9b3e9c37d7fd5f63270bcc9e1a6f6a439"
#define NO_KEY KEY_DIGITS KEY_DIGITS KEY_DIGITS KEY_DIGITS
#define KEY_DIGITS "11111111111111111111111111111111"
#define ID "2222222222222222222222222222222222222222"

static void bring(const void *ctx, const char *folder, const char *name)
{
	char *text = NULL;
	size_t n = 0;

	assert_null(file_read(ctx, mem_printf(ctx, DATA "%s", name), 65536, &text, &n));
	assert_null(file_write_atomic(file_join(ctx, folder, name), text, n, 0600));
}

static struct error *read_list(struct vcli *v, const char *enode, struct user_job **ret_job)
{
	char *path = file_join(v, v->set.client.state.folder, "task.json");
	char *text = mem_printf(v,
				"{\"tasks\":[{\"enode\":\"%s\",\"command\":\"storage.json\"},"
				"{\"enode\":\"" ID "\",\"command\":\"storage.json\"}]}",
				enode);

	bring(v, v->set.client.state.folder, "storage.json");
	assert_null(file_write_atomic(path, text, strlen(text), 0600));
	return user_job_from_file(v, v, path, ret_job);
}

static int set_up(void **state)
{
	char made[] = "/tmp/dsn-user-job-XXXXXX";
	struct vcli *v = mem_new(NULL, struct vcli);

	v->set.client.state.folder = mem_strdup(v, mkdtemp(made));
	*state = v;
	return 0;
}

static int tear_down(void **state)
{
	struct vcli *v = *state;

	assert_null(file_remove_tree(v->set.client.state.folder));
	mem_free(v);
	return 0;
}

static void a_public_key_is_its_id(void **state)
{
	struct vcli *v = *state;
	struct user_job *j = NULL;
	uint8_t public[SECP_PUBLIC_BYTES];
	char id[KEYRING_ID_SIZE];

	assert_null(keyring_read_enode(KEY, public, id));
	assert_null(read_list(v, KEY, &j));
	assert_int_equal(j->node_count, 2);
	assert_string_equal(j->nodes[0].node_id, id);
	assert_string_equal(j->nodes[1].node_id, ID);
}

static void what_is_no_key_is_refused(void **state)
{
	struct vcli *v = *state;
	struct user_job *j = NULL;
	struct error *e = read_list(v, NO_KEY, &j);

	assert_non_null(e);
	assert_int_equal(e->code, ERROR_INVALID);
	assert_non_null(strstr(e->message, "tasks[0].enode"));
	assert_non_null(strstr(e->message, "is no public key"));
	error_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_public_key_is_its_id, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_key_is_refused, set_up, tear_down),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
