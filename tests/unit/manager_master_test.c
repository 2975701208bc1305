/* Master playlists of storages: each refusal by its line, what is taken, and what is written of one or two of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "manager/play/master.h"

#define HEAD "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n"
#define INF                                                                                             \
	"#EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=800000,CODECS=\"avc1.64001f,mp4a.40.2\"," \
	"RESOLUTION=1280x720,FRAME-RATE=25.000\n"
#define LOW "#EXT-X-STREAM-INF:BANDWIDTH=90000\n"

static int scope_setup(void **state)
{
	*state = mem_strdup(NULL, "");
	return 0;
}

static int scope_teardown(void **state)
{
	mem_free(*state);
	return 0;
}

static struct master *taken(void **state, const char *text)
{
	struct master *m = NULL;
	struct error *e = master_read(*state, "j1", text, strlen(text), &m);

	if (e)
		fail_msg("%s", e->message);
	return m;
}

static void refused(const char *text, size_t len, const char *why)
{
	struct master *m = NULL;
	struct error *e = master_read(NULL, "j1", text, len, &m);

	assert_non_null(e);
	if (!strstr(e->message, why))
		fail_msg("\"%s\" does not say \"%s\"", e->message, why);
	assert_null(m);
	error_free(e);
}

static void test_refusals(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"", "it names no variant stream"},
		{HEAD, "it names no variant stream"},
		{"<html>\n", "line 1: is not #EXTM3U"},
		{"\n#EXTM3U\n", "line 1: is not #EXTM3U"},
		{HEAD "#EXT-X-VERSION:6\n", "line 4: is no version, or a second one"},
		{"#EXTM3U\n#EXT-X-VERSION:0\n", "line 2: is no version"},
		{"#EXTM3U\n#EXT-X-VERSION:13\n", "line 2: is no version"},
		{"#EXTM3U\n#EXT-X-VERSION:6x\n", "line 2: is no version"},
		{"#EXTM3U\n#EXT-X-VERSION:\n", "line 2: is no version"},
		{HEAD "#EXT-X-INDEPENDENT-SEGMENTS:1\n", "line 4: has something behind the tag"},
		{HEAD "#EXT-X-MEDIA:TYPE=AUDIO,URI=\"http://elsewhere/a.m3u8\"\n",
		 "line 4: is a tag that no storage writes"},
		{HEAD "#EXT-X-CONTENT-STEERING:SERVER-URI=\"//elsewhere\"\n",
		 "line 4: is a tag that no storage writes"},
		{HEAD "#EXT-X-SESSION-KEY:URI=\"http://elsewhere/k\"\n", "line 4: is a tag that no storage writes"},
		{HEAD "#EXTINF:4,\nj1_a/1.ts\n", "line 4: is a tag that no storage writes"},
		{HEAD "j1_a/index.m3u8\n", "line 4: is a URI without EXT-X-STREAM-INF"},
		{HEAD LOW, "line 4: is a variant stream without URI"},
		{HEAD LOW LOW "j1_a/index.m3u8\n", "line 5: follows a variant stream without URI"},
		{HEAD LOW "j1_a/index.m3u8\n" LOW "j1_a/index.m3u8\n", "line 7: is a URI that was there before"},
		{HEAD LOW "http://elsewhere/j1_a/index.m3u8\n", "line 5: is no URI below this playlist"},
		{HEAD LOW "//elsewhere/j1_a/index.m3u8\n", "line 5: is no URI below this playlist"},
		{HEAD LOW "/hls/j1_a/index.m3u8\n", "line 5: is no URI below this playlist"},
		{HEAD LOW "../j1_a/index.m3u8\n", "line 5: is no URI below this playlist"},
		{HEAD LOW "j1_a/../../x.m3u8\n", "line 5: is no URI below this playlist"},
		{HEAD LOW "j1_a//x.m3u8\n", "line 5: is no URI below this playlist"},
		{HEAD LOW "j1_a/%2e%2e/x.m3u8\n", "line 5: is no URI below this playlist"},
		{HEAD LOW "j1_a\\x.m3u8\n", "line 5: is no URI below this playlist"},
		{HEAD LOW "j1_a/x.m3u8?t=1\n", "line 5: is no URI below this playlist"},
		{HEAD LOW "j1:80/x.m3u8\n", "line 5: is no URI below this playlist"},
		{HEAD LOW "j2_a/index.m3u8\n", "of this job"},
		{HEAD LOW "j1_a/\x01.m3u8\n", "line 5: has a byte that is no plain letter"},
		{HEAD LOW "j1_\xc3\xa4/index.m3u8\n", "line 5: has a byte that is no plain letter"},
		{HEAD LOW "j1_a/index.m3u8\r\r\n", "line 5: has a byte that is no plain letter"},
		{HEAD "#EXT-X-STREAM-INF:\n", "line 4: has no BANDWIDTH"},
		{HEAD "#EXT-X-STREAM-INF:RESOLUTION=1x1\n", "line 4: has no BANDWIDTH"},
		{HEAD "#EXT-X-STREAM-INF:BANDWIDTH=1,BANDWIDTH=1\n", "line 4: has an attribute twice"},
		{HEAD "#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\n", "line 4: has an attribute that no storage writes"},
		{HEAD "#EXT-X-STREAM-INF:BANDWIDTH=1,PATHWAY-ID=\"a\"\n", "line 4: has an attribute that no storage"},
		{HEAD "#EXT-X-STREAM-INF:BANDWIDTH=\n", "line 4: has an attribute whose value is none"},
		{HEAD "#EXT-X-STREAM-INF:BANDWIDTH\n", "line 4: has an attribute whose value is none"},
		{HEAD "#EXT-X-STREAM-INF:BANDWIDTH=x\n", "line 4: has an attribute whose value is none"},
		{HEAD "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1\n", "line 4: has an attribute whose value is none"},
		{HEAD "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=avc1\n", "line 4: has an attribute whose value is none"},
		{HEAD "#EXT-X-STREAM-INF:BANDWIDTH=1,\n", "line 4: has something behind"},
		{HEAD "#EXT-X-STREAM-INF:BANDWIDTH=1;x\n", "line 4: has something behind"},
		{HEAD "#EXT-X-STREAM-INF: BANDWIDTH=1\n", "line 4: has an attribute that no storage writes"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused(rows[i].text, strlen(rows[i].text), rows[i].why);
	refused(HEAD LOW "j1_a/\0.m3u8\n", sizeof(HEAD LOW "j1_a/\0.m3u8\n") - 1, "line 5: has a byte");
}

static void test_sizes(void **state)
{
	char *long_line = talloc_zero_size(*state, MASTER_LINE_BYTES + 1), *text = mem_strdup(*state, HEAD);
	char *large = talloc_zero_size(*state, MASTER_BYTES + 1);

	memset(long_line, '#', MASTER_LINE_BYTES);
	long_line = mem_printf(*state, HEAD "%s\n", long_line);
	refused(long_line, strlen(long_line), "line 4: is too long");
	memset(large, '\n', MASTER_BYTES + 1);
	refused(large, MASTER_BYTES + 1, "it is over 65536 bytes");
	for (int i = 0; i < MASTER_VARIANTS; i++)
		text = mem_printf(*state, "%s" LOW "j1_%d/index.m3u8\n", text, i);
	assert_int_equal(taken(state, text)->count, MASTER_VARIANTS);
	text = mem_printf(*state, "%s" LOW "j1_x/index.m3u8\n", text);
	refused(text, strlen(text), "is one variant stream more than are taken");
}

static void test_one(void **state)
{
	struct master *m = taken(state, HEAD "# of a storage\n\n" INF "j1_720p/index.m3u8\n" LOW "j1_90p/index.m3u8");
	struct master_source source = {"http://192.0.2.7:8080/hls/", "aa", m};

	assert_string_equal(master_text(*state, &source, 1, "steering.json"),
			    HEAD INF "http://192.0.2.7:8080/hls/j1_720p/index.m3u8\n" LOW
				     "http://192.0.2.7:8080/hls/j1_90p/index.m3u8\n");
}

/* nginx-rtmp's, in classic mode: with an attribute that there is none of any more, and lines that end otherwise. */
static void test_classic(void **state)
{
	struct master *m =
		taken(state, "#EXTM3U\r\n#EXT-X-VERSION:3\r\n#EXT-X-STREAM-INF:PROGRAM-ID=1,BANDWIDTH=90000\r\n"
			     "j1_90p/index.m3u8\r\n");
	struct master_source source = {"http://h:80/j1/", "aa", m};

	assert_string_equal(master_text(*state, &source, 1, NULL),
			    "#EXTM3U\n#EXT-X-VERSION:3\n" LOW "http://h:80/j1/j1_90p/index.m3u8\n");
}

/* The same attributes at both, the preferred one first, and what only one has at that one. */
static void test_two(void **state)
{
	struct master *first = taken(state, HEAD LOW "j1_a/index.m3u8\n" LOW "j1_b/index.m3u8\n");
	struct master *second =
		taken(state, HEAD "#EXT-X-STREAM-INF:BANDWIDTH=77\nj1_b/index.m3u8\n" LOW "j1_c/index.m3u8\n");
	const struct master_source sources[] = {{"http://a/", "aa", first}, {"http://b/", "bb", second}};

	assert_string_equal(master_text(*state, sources, 2, "steering.json"),
			    HEAD "#EXT-X-CONTENT-STEERING:SERVER-URI=\"steering.json\",PATHWAY-ID=\"aa\"\n"
				 "#EXT-X-STREAM-INF:BANDWIDTH=90000,PATHWAY-ID=\"aa\"\nhttp://a/j1_a/index.m3u8\n"
				 "#EXT-X-STREAM-INF:BANDWIDTH=90000,PATHWAY-ID=\"aa\"\nhttp://a/j1_b/index.m3u8\n"
				 "#EXT-X-STREAM-INF:BANDWIDTH=90000,PATHWAY-ID=\"bb\"\nhttp://b/j1_b/index.m3u8\n"
				 "#EXT-X-STREAM-INF:BANDWIDTH=90000,PATHWAY-ID=\"bb\"\nhttp://b/j1_c/index.m3u8\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_refusals, scope_setup, scope_teardown),
		cmocka_unit_test_setup_teardown(test_sizes, scope_setup, scope_teardown),
		cmocka_unit_test_setup_teardown(test_one, scope_setup, scope_teardown),
		cmocka_unit_test_setup_teardown(test_classic, scope_setup, scope_teardown),
		cmocka_unit_test_setup_teardown(test_two, scope_setup, scope_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
