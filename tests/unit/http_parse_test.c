/* Heads, bodies and forms of HTTP messages: what is taken, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "http/body.h"
#include "http/form.h"
#include "http/head.h"

struct parsed {
	struct error *error;
	struct http_head head;
	char *text;
};

static struct parsed parse(const char *text, bool answer)
{
	size_t n = strlen(text);
	struct parsed p = {.text = mem_memdup(NULL, text, n)};

	assert_int_equal(http_head_length(text, n), n);
	p.error = answer ? http_head_answer(p.text, n, &p.head) : http_head_request(p.text, n, &p.head);
	return p;
}

static void drop(struct parsed *p)
{
	error_free(p->error);
	mem_free(p->text);
}

static void test_request_is_read(void **state)
{
	struct parsed p = parse("POST /a/b?c=d HTTP/1.1\r\nHost: x\r\nX-Blank: \t two words \r\nEmpty:\r\n\r\n", false);

	(void)state;
	assert_null(p.error);
	assert_string_equal(p.head.method, "POST");
	assert_string_equal(p.head.target, "/a/b?c=d");
	assert_int_equal(p.head.minor, 1);
	assert_string_equal(http_head_find(&p.head, "x-blank"), "two words");
	assert_string_equal(http_head_find(&p.head, "EMPTY"), "");
	assert_null(http_head_find(&p.head, "Absent"));
	assert_true(http_head_keep_alive(&p.head));
	drop(&p);
}

static void test_malformed_requests_are_refused(void **state)
{
	static const char *const bad[] = {
		"GET / HTTP/1.1\r\n\r\n",                       /* no Host */
		"GET / HTTP/2.0\r\nHost: x\r\n\r\n",            /* version */
		"GET / HTTP/1.1 \r\nHost: x\r\n\r\n",           /* blank at the end */
		"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",           /* two blanks */
		"GET x HTTP/1.1\r\nHost: x\r\n\r\n",            /* target without slash */
		"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n",    /* proxies' form */
		"GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n",        /* control byte */
		"G(T / HTTP/1.1\r\nHost: x\r\n\r\n",            /* method */
		" GET / HTTP/1.1\r\nHost: x\r\n\r\n",           /* leading blank */
		"GET / HTTP/1.1\r\nHost : x\r\n\r\n",           /* blank before colon */
		"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", /* folded line */
		"GET / HTTP/1.1\r\nHost: x\r\nNoColon\r\n\r\n", /* no colon */
		"GET / HTTP/1.1\r\nHost: x\r\n: empty\r\n\r\n", /* empty name */
		"GET / HTTP/1.1\r\nHost: x\nY: z\r\n\r\n",      /* bare LF */
		"GET / HTTP/1.1\r\nHost: x\rY: z\r\n\r\n",      /* bare CR */
		"GET / HTTP/1.1\r\nHost: x\x7f\r\n\r\n",        /* DEL */
		"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",        /* empty line first */
		"GET /\r\nHost: x\r\n\r\n",                     /* HTTP/0.9 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct parsed p = parse(bad[i], false);

		if (!p.error)
			fail_msg("was taken: %s", bad[i]);
		drop(&p);
	}
}

static void test_answers(void **state)
{
	static const char *const bad[] = {
		"HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 99 X\r\n\r\n",  "HTTP/1.1 600 X\r\n\r\n",
		"HTTP/1.1  200 X\r\n\r\n",  "HTTP/3.0 200 X\r\n\r\n", "200 OK\r\n\r\n",
		"HTTP/1.1 20a X\r\n\r\n",
	};
	struct parsed p = parse("HTTP/1.1 204 No Content\r\nA: b\r\n\r\n", true);

	(void)state;
	assert_null(p.error);
	assert_int_equal(p.head.status, 204);
	drop(&p);
	p = parse("HTTP/1.0 200\r\n\r\n", true);
	assert_null(p.error);
	assert_false(http_head_keep_alive(&p.head));
	drop(&p);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		p = parse(bad[i], true);
		if (!p.error)
			fail_msg("was taken: %s", bad[i]);
		drop(&p);
	}
}

static void test_too_many_headers(void **state)
{
	char *text = mem_strdup(NULL, "GET / HTTP/1.1\r\nHost: x\r\n");

	(void)state;
	for (int i = 0; i < HTTP_HEADERS; i++)
		text = talloc_asprintf_append(text, "H%d: x\r\n", i);
	text = talloc_asprintf_append(text, "\r\n");
	struct parsed p = parse(text, false);
	assert_non_null(p.error);
	assert_int_equal(p.error->code, ERROR_LIMIT);
	drop(&p);
	mem_free(text);
}

static void check_framing(const char *headers, bool answer, int want_error, enum http_framing want,
			  uint64_t want_length)
{
	char *text =
		mem_printf(NULL, "%s\r\n%s\r\n", answer ? "HTTP/1.1 200 OK" : "POST / HTTP/1.1\r\nHost: x", headers);
	struct parsed p = parse(text, answer);
	enum http_framing framing = 99;
	uint64_t length = 99;

	assert_null(p.error);
	p.error = http_head_framing(&p.head, &framing, &length);
	if (want_error) {
		if (!p.error)
			fail_msg("was taken: %s", headers);
		assert_int_equal(p.error->code, want_error);
		assert_int_equal(framing, 99);
	} else {
		assert_null(p.error);
		assert_int_equal(framing, want);
		assert_int_equal(length, want_length);
	}
	drop(&p);
	mem_free(text);
}

static void test_framing(void **state)
{
	(void)state;
	check_framing("", false, 0, HTTP_FRAMING_LENGTH, 0);
	check_framing("Content-Length: 7\r\n", false, 0, HTTP_FRAMING_LENGTH, 7);
	check_framing("Transfer-Encoding: chunked\r\n", false, 0, HTTP_FRAMING_CHUNKED, 0);
	check_framing("Content-Length: 0\r\n", true, 0, HTTP_FRAMING_LENGTH, 0);
	check_framing("Content-Length: 1\r\nContent-Length: 1\r\n", false, ERROR_INVALID, 0, 0);
	check_framing("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", false, ERROR_INVALID, 0, 0);
	check_framing("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", false, ERROR_INVALID, 0, 0);
	check_framing("Transfer-Encoding: gzip\r\n", false, ERROR_REFUSED, 0, 0);
	check_framing("Content-Length: -1\r\n", false, ERROR_INVALID, 0, 0);
	check_framing("Content-Length: +1\r\n", false, ERROR_INVALID, 0, 0);
	check_framing("Content-Length: 1 1\r\n", false, ERROR_INVALID, 0, 0);
	check_framing("Content-Length: 0x1\r\n", false, ERROR_INVALID, 0, 0);
	check_framing("Content-Length: \r\n", false, ERROR_INVALID, 0, 0);
	check_framing("Content-Length: 9999999999999999999\r\n", false, ERROR_INVALID, 0, 0);
}

/* Feeds the chunked text in pieces of `piece` bytes; returns the decoded body or NULL when refused. */
static char *dechunk(const char *text, size_t piece, size_t limit, bool *ret_done)
{
	struct buf *to = buf_new(NULL, limit);
	struct http_body body;
	size_t len = strlen(text), used;
	char *out = NULL;
	struct error *e = http_body_begin(&body, HTTP_FRAMING_CHUNKED, 0, to);

	for (size_t i = 0; !e && i < len && !http_body_done(&body); i += used) {
		e = http_body_feed(&body, text + i, len - i < piece ? len - i : piece, &used);
		if (!e)
			assert_true(used > 0);
	}
	*ret_done = !e && http_body_done(&body);
	if (!e)
		out = mem_strndup(NULL, to->len ? to->data : "", to->len);
	error_free(e);
	mem_free(to);
	return out;
}

static void test_chunked(void **state)
{
	bool done;

	(void)state;
	for (size_t piece = 1; piece < 40; piece++) {
		char *out = dechunk("5\r\nhello\r\n06;name=\"v\"\r\n world\r\n0\r\nTrailer: x\r\n\r\nmore", piece, 100,
				    &done);

		assert_non_null(out);
		assert_true(done);
		assert_string_equal(out, "hello world");
		mem_free(out);
	}
}

static void test_malformed_chunks_are_refused(void **state)
{
	static const char *const bad[] = {
		"\r\nhello",
		"g\r\n",
		"5\nhello\r\n",
		"5\r\nhello!\r\n",
		"5\r\nhello\n0\r\n\r\n",
		"-5\r\nhello\r\n",
		"0x5\r\nhe",
		"5\rhello",
		"1234567890abcdef1\r\n",
		"5 5\rx",
		"20\r\n01234567890123456789012345678901\r\n", /* over the limit of 16 bytes */
	};
	bool done;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		for (size_t piece = 1; piece < 64; piece += 31) {
			char *out = dechunk(bad[i], piece, 16, &done);

			if (out)
				fail_msg("was taken: %s", bad[i]);
		}
}

static void test_endless_chunk_overhead_is_refused(void **state)
{
	bool done;
	char *text = mem_array(NULL, char, 20001);

	(void)state;
	memset(text, 'x', 20000);
	memcpy(text, "5;", 2);
	assert_null(dechunk(text, 1000, 16, &done));
	memset(text, 'x', 20000);
	memcpy(text, "0\r\n", 3);
	assert_null(dechunk(text, 1000, 16, &done));
	mem_free(text);
}

static void test_lengths(void **state)
{
	struct buf *to = buf_new(NULL, 16);
	struct http_body body;
	size_t used;

	(void)state;
	struct error *e = http_body_begin(&body, HTTP_FRAMING_LENGTH, 17, to);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	assert_null(http_body_begin(&body, HTTP_FRAMING_LENGTH, 3, to));
	assert_null(http_body_feed(&body, "abcdef", 6, &used));
	assert_int_equal(used, 3);
	assert_true(http_body_done(&body));
	assert_string_equal(to->data, "abc");
	mem_free(to);
}

static void test_forms(void **state)
{
	static const char text[] = "app=live&name=a%2Fb+c&&empty=&flag&app=second&%61=1";
	struct http_field *fields = NULL;

	(void)state;
	assert_null(http_form_parse(NULL, text, strlen(text), &fields));
	assert_string_equal(http_form_find(fields, "app"), "live");
	assert_string_equal(http_form_find(fields, "name"), "a/b c");
	assert_string_equal(http_form_find(fields, "empty"), "");
	assert_string_equal(http_form_find(fields, "flag"), "");
	assert_string_equal(http_form_find(fields, "a"), "1");
	assert_null(http_form_find(fields, "none"));
	assert_null(http_form_find(NULL, "none"));
	mem_free(fields);
}

static void test_broken_forms_are_refused(void **state)
{
	static const char *const bad[] = {"a=%", "a=%1", "a=%1g", "a=%00", "%zz=1"};
	struct http_field *fields = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct error *e = http_form_parse(NULL, bad[i], strlen(bad[i]), &fields);

		assert_non_null(e);
		assert_null(fields);
		error_free(e);
	}
	char *many = mem_array(NULL, char, 2 * HTTP_FIELDS + 3);
	for (size_t i = 0; i < HTTP_FIELDS + 1; i++)
		memcpy(many + 2 * i, "a&", 2);
	struct error *e = http_form_parse(NULL, many, strlen(many), &fields);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	mem_free(many);
}

static void test_encode_is_undone_by_decode(void **state)
{
	char *encoded = http_encode(NULL, "a b/c?d=%+&\xc3\xa4~"), *decoded = NULL;

	(void)state;
	assert_string_equal(encoded, "a%20b%2Fc%3Fd%3D%25%2B%26%C3%A4~");
	assert_null(http_decode(NULL, encoded, strlen(encoded), true, &decoded));
	assert_string_equal(decoded, "a b/c?d=%+&\xc3\xa4~");
	mem_free(encoded);
	mem_free(decoded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_is_read),
		cmocka_unit_test(test_malformed_requests_are_refused),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_too_many_headers),
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_chunked),
		cmocka_unit_test(test_malformed_chunks_are_refused),
		cmocka_unit_test(test_endless_chunk_overhead_is_refused),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_broken_forms_are_refused),
		cmocka_unit_test(test_encode_is_undone_by_decode),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
