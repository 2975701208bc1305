/* nginx-rtmp's /stat: a real one's shape, and what is refused. */
#include "media/stat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define STREAM(name, more)                                                                                      \
	"<stream>\r\n<name>" name "</name>\r\n<time>1</time><bw_in>812344</bw_in><bytes_in>5123</bytes_in>\r\n" \
	"<bw_out>1</bw_out><client><id>4</id><name>no</name><publishing/></client>" more "</stream>\r\n"

static const char document[] =
	"<?xml version=\"1.0\" encoding=\"utf-8\" ?>\r\n<?xml-stylesheet type=\"text/xsl\" href=\"stat.xsl\" ?>\r\n"
	"<rtmp>\r\n<nginx_version>1.22.1</nginx_version><naccepted>3</naccepted><bw_in>9</bw_in>\r\n"
	"<server>\r\n"
	"<application>\r\n<name>ingest</name>\r\n<live>\r\n" STREAM("0300",
								    "<nclients>2</nclients><publishing/><active/>")
		STREAM("0301", "<nclients>1</nclients>") "<nclients>3</nclients>\r\n</live>\r\n</application>\r\n"
							 "<application>\r\n<name>live</name>\r\n<live>\r\n" STREAM(
								 "a&lt;b", "<publishing/>") "</live></application>\r\n"
											    "</server>\r\n</rtmp>\r\n";

static void read(void **state)
{
	struct media_stream *s;
	size_t count;
	struct error *e = media_stat_parse(NULL, document, strlen(document), &s, &count);

	(void)state;
	assert_null(e);
	assert_int_equal(count, 3);
	assert_string_equal(s[0].application, "ingest");
	assert_string_equal(s[0].name, "0300");
	assert_true(s[0].publishing);
	assert_int_equal(s[0].bytes_in, 5123);
	assert_int_equal(s[0].bandwidth_in_bps, 812344);
	assert_int_equal(s[0].clients, 2);
	/* a client's own <publishing/> is not the stream's */
	assert_false(s[1].publishing);
	assert_string_equal(s[2].application, "live");
	assert_string_equal(s[2].name, "a<b");
	mem_free(s);
}

static void empty(void **state)
{
	struct media_stream *s;
	size_t count = 9;
	struct error *e = media_stat_parse(NULL, "<rtmp/>", 7, &s, &count);

	(void)state;
	assert_null(e);
	assert_int_equal(count, 0);
	mem_free(s);
}

static void refused(const char *xml, size_t len, enum error_code code, const char *why)
{
	struct media_stream *s = NULL;
	size_t count = 5;
	struct error *e = media_stat_parse(NULL, xml, len, &s, &count);

	if (!e || e->code != code || !strstr(e->message, why))
		fail_msg("%s, expected %s", e ? e->message : "accepted", why);
	assert_null(s);
	assert_int_equal(count, 5);
	error_free(e);
}

static void refusals(void **state)
{
	static const char bomb[] = "<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><rtmp>&b;</rtmp>";
	char deep[40 * 3 + 1] = "", wide[700];
	char *many = mem_strdup(NULL, "<rtmp><application><name>live</name>");

	(void)state;
	refused("", 0, ERROR_INVALID, "no element found");
	refused("<rtmp>", 6, ERROR_INVALID, "line 1");
	refused("<html></body>", 13, ERROR_INVALID, "mismatched");
	refused(document, strlen(document) - 20, ERROR_INVALID, "line ");
	refused(bomb, strlen(bomb), ERROR_INVALID, "document type");
	for (int i = 0; i < 40; i++)
		strcat(deep, "<a>");
	refused(deep, strlen(deep), ERROR_LIMIT, "nested deeper");
	snprintf(wide, sizeof(wide), "<rtmp>%0600d</rtmp>", 0);
	refused(wide, strlen(wide), ERROR_LIMIT, "longer than 512");
	for (int i = 0; i < 4097; i++)
		many = talloc_strdup_append_buffer(many, "<stream><name>x</name></stream>");
	many = talloc_strdup_append_buffer(many, "</application></rtmp>");
	refused(many, strlen(many), ERROR_LIMIT, "more than 4096 streams");
	refused(many, (8u << 20) + 1, ERROR_LIMIT, "over the limit");
	mem_free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read),
		cmocka_unit_test(empty),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
