/* vcli whisper's readers of what others write: the ping list, notes, messages; and its small arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/mem.h"
#include "vcli/whisper/whisper_action.h"
#include "vcli/whisper/whisper_list.h"
#include "vcli/whisper/whisper_message.h"
#include "vcli/whisper/whisper_plot.h"
#include "vcli/whisper/whisper_stats.h"

#define A "0xAd12F90BE5A51163aac69DfeF2AaF9E37C4D1591"
#define ID "48e7f279acaf225688e95c2d46ea861c3440b8e208c66f1c16cad2466bc18ac3"
#define KEY                                                                  \
	"0x0494793ff515cc6fe553ef0283c182d36fc2210dce140b704356486480c385bf" \
	"5ea2f68e531b6cf9e6894dd2e11ab6a0e56df04c6b11a10b3a40285adf4bef1430"
#define ENTRY(address, id, key) "{\"address\":\"" address "\",\"keyPairId\":\"" id "\",\"PubKey\":\"" key "\"}"
#define LIST(entries) "{\"address-node\":[" entries "]}"

static struct error *parse(const char *text, struct whisper_list **ret_list)
{
	return whisper_list_parse(NULL, "list", text, strlen(text), ret_list);
}

static void test_the_seeds_list(void **state)
{
	struct whisper_list *l = NULL, *again = NULL;
	char *text;
	struct error *e = whisper_list_read(NULL, TEST_SOURCE_DIR "/tests/data/whisper/ping-list.json", &l);

	(void)state;
	if (e)
		fail_msg("%s", e->message);
	assert_int_equal(l->count, 10);
	assert_string_equal(l->items[0].address, A);
	assert_string_equal(l->items[0].pair_id, ID);
	assert_string_equal(l->items[0].public, KEY);
	/* What is written is read back the same. */
	text = whisper_list_text(l, l);
	assert_null(parse(text, &again));
	assert_int_equal(again->count, l->count);
	assert_memory_equal(again->items, l->items, l->count * sizeof(*l->items));
	mem_free(again);
	mem_free(l);
}

static void test_lists_that_are_refused(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{"", "list: line 1"},
		{"[]", "list: wants an object with \"address-node\""},
		{"{}", "list: address-node"},
		{"{\"address-node\":{}}", "list: address-node"},
		{LIST(""), "list: address-node"},
		{LIST("7"), "list: address-node[0]: wants an object"},
		{"{\"address-node\":[],\"more\":1}", "more"},
		{LIST("{\"address\":\"" A "\"}"), "list: address-node[0].keyPairId"},
		{LIST("{\"address\":7}"), "list: address-node[0].address"},
		{LIST(ENTRY("0x12", ID, KEY)), "list: address-node[0].address: wants 0x and 40"},
		{LIST(ENTRY("Ad12F90BE5A51163aac69DfeF2AaF9E37C4D159100", ID, KEY)), "address: wants 0x"},
		/* One digit of the account is another. */
		{LIST(ENTRY("0xAd12F90BE5A51163aac69DfeF2AaF9E37C4D1592", ID, KEY)),
		 "address: its capitals do not fit"},
		{LIST(ENTRY(A, "48e7", KEY)), "list: address-node[0].keyPairId: wants 64"},
		{LIST(ENTRY(A, ID, "0x04")), "list: address-node[0].PubKey: wants 0x04 and 128"},
		{LIST(ENTRY(A, ID,
			    "0x0494793ff515cc6fe553ef0283c182d36fc2210dce140b704356486480c385bf"
			    "5ea2f68e531b6cf9e6894dd2e11ab6a0e56df04c6b11a10b3a40285adf4bef1431")),
		 "PubKey: is no point of the curve"},
		{LIST(ENTRY(A, ID, KEY) "," ENTRY(A, ID, KEY)),
		 "list: address-node[1].PubKey: is that of address-node[0]"},
		{"{\"address-node\":[" ENTRY(A, ID, KEY) "],\"address-node\":[]}", "list: line 1"},
		{"{\"address-node\":[{\"address\":\"" A "\",\"address\":\"" A "\"}]}", "list: line 1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct whisper_list *l = NULL;
		struct error *e = parse(rows[i].text, &l);

		if (!e)
			fail_msg("taken: %s", rows[i].text);
		if (!strstr(e->message, rows[i].words))
			fail_msg("%s: %s", rows[i].text, e->message);
		assert_null(l);
		error_free(e);
	}
}

static void test_a_list_is_bounded(void **state)
{
	char *text = mem_strdup(NULL, "{\"address-node\":[0");
	struct whisper_list *l = NULL;
	struct error *e;

	(void)state;
	for (int i = 0; i < WHISPER_LIST_MAX; i++)
		text = talloc_strdup_append_buffer(text, ",0");
	text = talloc_strdup_append_buffer(text, "]}");
	e = parse(text, &l);
	assert_non_null(strstr(e->message, "address-node"));
	error_free(e);
	mem_free(text);
	text = mem_array(NULL, char, WHISPER_LIST_BYTES + 2);
	memset(text, ' ', WHISPER_LIST_BYTES + 1);
	e = parse(text, &l);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	mem_free(text);
	assert_null(l);
}

static void test_an_entry_of_a_key_alone(void **state)
{
	struct whisper_list *l = mem_new(NULL, struct whisper_list), *again = NULL;
	char *text;

	(void)state;
	/* Secret key 1: EIP-55's and everybody's known address. */
	whisper_list_add(l, NULL, ID,
			 "0x0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
			 "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8");
	assert_string_equal(l->items[0].address, "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf");
	whisper_list_add(l, "0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359", ID, KEY);
	assert_string_equal(l->items[1].address, "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359");
	text = whisper_list_text(l, l);
	assert_null(parse(text, &again));
	assert_int_equal(whisper_list_find(again, KEY), 1);
	mem_free(again);
	mem_free(l);
}

static json_t *message(const char *payload, const char *sig)
{
	json_t *m = json_object();
	char *hex = hex_encode(NULL, (const uint8_t *)payload, strlen(payload));
	char *text = mem_printf(hex, "0x%s", hex);

	json_object_set_new(m, "payload", json_string(text));
	if (sig)
		json_object_set_new(m, "sig", json_string(sig));
	mem_free(hex);
	return m;
}

static void test_notes(void **state)
{
	static const char id[] = "00112233445566778899aAbBcCdDeEfF";
	struct whisper_note note;

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		char *text = whisper_note_text(NULL, (enum whisper_note_kind)kind, id);
		json_t *m = message(text, KEY);

		assert_null(whisper_note_read(m, &note));
		assert_int_equal(note.kind, kind);
		assert_string_equal(note.id, id);
		assert_string_equal(note.signer, KEY);
		json_decref(m);
		mem_free(text);
	}
}

static void test_notes_that_are_refused(void **state)
{
	static const char good[] = "{\"type\":\"ping\",\"id\":\"00112233445566778899aabbccddeeff\"}";
	static const struct {
		const char *payload, *sig;
	} rows[] = {
		{"", KEY},
		{"start", KEY},
		{"[]", KEY},
		{"{}", KEY},
		{"{\"type\":\"pang\",\"id\":\"00112233445566778899aabbccddeeff\"}", KEY},
		{"{\"type\":\"ping\",\"id\":\"00112233445566778899aabbccddeef\"}", KEY},
		{"{\"type\":\"ping\",\"id\":\"00112233445566778899aabbccddeefg\"}", KEY},
		{"{\"type\":\"ping\",\"id\":7}", KEY},
		{"{\"type\":\"ping\",\"id\":\"00112233445566778899aabbccddeeff\",\"to\":\"x\"}", KEY},
		{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", KEY},
		{good, NULL},
		{good, "0x04"},
		{good, "04"},
	};
	struct whisper_note note = {.id = "untouched"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *m = message(rows[i].payload, rows[i].sig);
		struct error *e = whisper_note_read(m, &note);

		if (!e)
			fail_msg("taken: %s", rows[i].payload);
		error_free(e);
		json_decref(m);
	}
	assert_string_equal(note.id, "untouched");
	char *big = mem_printf(NULL, "%300s%s", "", good);
	json_t *m = message(big, KEY);
	struct error *e = whisper_note_read(m, &note);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	json_decref(m);
	mem_free(big);
}

static void test_payloads(void **state)
{
	static const char *const bad[] = {"", "0", "0x0", "11", "0xzz", "x011"};
	char *bytes = NULL, *big;
	size_t len = 7;
	json_t *m;
	struct error *e;

	(void)state;
	m = json_pack("{ss}", "payload", "0x6100FF");
	assert_null(whisper_payload(NULL, m, &bytes, &len));
	assert_int_equal(len, 3);
	assert_memory_equal(bytes, "a\0\xff", 4);
	json_decref(m);
	mem_free(bytes);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		m = json_pack("{ss}", "payload", bad[i]);
		e = whisper_payload(NULL, m, &bytes, &len);
		assert_int_equal(e->code, ERROR_INVALID);
		error_free(e);
		json_decref(m);
	}
	big = mem_printf(NULL, "0x%0*d", 2 * WHISPER_TEXT_LIMIT + 2, 0);
	m = json_pack("{ss}", "payload", big);
	e = whisper_payload(NULL, m, &bytes, &len);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	json_decref(m);
	mem_free(big);
	e = whisper_payload(NULL, NULL, &bytes, &len);
	assert_int_equal(e->code, ERROR_INVALID);
	error_free(e);
}

static void test_settings(void **state)
{
	static const struct {
		struct error *(*check)(const char *text);
		const char *text;
		bool good;
	} rows[] = {
		{whisper_check_topic, "0x07a1b2C3", true},
		{whisper_check_topic, "0x00000000", false},
		{whisper_check_topic, "07a1b2c3", false},
		{whisper_check_topic, "0x07a1b2c", false},
		{whisper_check_topic, "0x07a1b2c34", false},
		{whisper_check_topic, "", false},
		{whisper_check_pow, "0", true},
		{whisper_check_pow, "0.2", true},
		{whisper_check_pow, "1e3", true},
		{whisper_check_pow, "-1", false},
		{whisper_check_pow, "", false},
		{whisper_check_pow, "1x", false},
		{whisper_check_pow, "0x1", false},
		{whisper_check_pow, "nan", false},
		{whisper_check_pow, "inf", false},
		{whisper_check_pow, "1e300", false},
		{whisper_check_pow, " 1", false},
		{whisper_check_pow, "1e999", false},
	};
	struct vcli_whisper_options options = {.message_ttl_ms = 1000, .pow_time_ms = 1000};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct error *e = rows[i].check(rows[i].text);

		if (rows[i].good != !e)
			fail_msg("%s: %s", rows[i].text, e ? e->message : "taken");
		error_free(e);
	}
	assert_null(whisper_check_options(&options));
	options.message_ttl_ms = 999;
	struct error *e = whisper_check_options(&options);
	assert_non_null(strstr(e->message, "--message-ttl"));
	error_free(e);
	options.message_ttl_ms = 1000;
	options.pow_time_ms = 101000;
	e = whisper_check_options(&options);
	assert_non_null(strstr(e->message, "--pow-time"));
	error_free(e);
}

static void test_argument_vectors(void **state)
{
	static const char *const bad[] = {"", "[", "[]", "[1]", "[\"\"]", "[\"a\",7]", "[\"a\"] x", "[[\"a\"]]"};
	char **argv = NULL;

	(void)state;
	assert_null(whisper_argv(NULL, "hook", "a program", &argv));
	assert_string_equal(argv[0], "a program");
	assert_null(argv[1]);
	mem_free(argv);
	assert_null(whisper_argv(NULL, "hook", "[\"a\",\"\",\"$b c\"]", &argv));
	assert_string_equal(argv[0], "a");
	assert_string_equal(argv[1], "");
	assert_string_equal(argv[2], "$b c");
	assert_null(argv[3]);
	mem_free(argv);
	argv = NULL;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error *e = whisper_argv(NULL, "hook", bad[i], &argv);

		if (!e)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(e->code, ERROR_INVALID);
		assert_non_null(strstr(e->message, "--hook"));
		assert_null(argv);
		error_free(e);
	}
}

static void test_summaries(void **state)
{
	void *ctx = talloc_new(NULL);
	struct whisper_times t = {0};
	struct whisper_summary s = whisper_summary(&t);
	json_t *o;

	(void)state;
	assert_true(s.min == 0 && s.max == 0);
	for (int i = 100; i >= 1; i--)
		whisper_times_add(ctx, &t, i);
	s = whisper_summary(&t);
	assert_true(s.min == 1 && s.median == 50.5 && s.p95 == 95 && s.max == 100);
	o = whisper_summary_json(&t);
	assert_string_equal(json_string_value(json_object_get(o, "median")), "50.5");
	json_decref(o);
	t.count = 0;
	whisper_times_add(ctx, &t, 3);
	s = whisper_summary(&t);
	assert_true(s.min == 3 && s.median == 3 && s.p95 == 3 && s.max == 3);
	mem_free(ctx);
}

static void test_a_plot(void **state)
{
	static const struct whisper_entry entry = {.address = A};
	void *ctx = talloc_new(NULL);
	struct whisper_target targets[2] = {{.entry = &entry, .answered = 2, .lost = 1}, {.entry = &entry}};
	struct whisper_ping p = {.targets = targets, .target_count = 2, .answered = 2, .lost = 1};
	char *svg;

	(void)state;
	whisper_times_add(ctx, &targets[0].times, 3);
	whisper_times_add(ctx, &targets[0].times, 70000);
	whisper_times_add(ctx, &p.times, 3);
	whisper_times_add(ctx, &p.times, 70000);
	svg = whisper_plot(ctx, &p, "a < b & \"c\"\n");
	assert_non_null(strstr(svg, "a &lt; b &amp; \"c\"<"));
	assert_non_null(strstr(svg, "1 lost"));
	assert_null(strstr(svg, "nan"));
	assert_null(strstr(svg, "inf"));
	/* Nothing came back at all. */
	p.times.count = targets[0].times.count = 0;
	p.answered = targets[0].answered = p.lost = 0;
	svg = whisper_plot(ctx, &p, "none");
	assert_null(strstr(svg, "nan"));
	mem_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_seeds_list),
		cmocka_unit_test(test_lists_that_are_refused),
		cmocka_unit_test(test_a_list_is_bounded),
		cmocka_unit_test(test_an_entry_of_a_key_alone),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_notes_that_are_refused),
		cmocka_unit_test(test_payloads),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_argument_vectors),
		cmocka_unit_test(test_summaries),
		cmocka_unit_test(test_a_plot),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
