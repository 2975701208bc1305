/* Enode URLs: the forms of go-ethereum's own tests, there and back, every refusal; ids and socket addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "devp2p/enode.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#define KEY                                                                \
	"1dd9d65c4552b5eb43d5ad55a2ee3f56c6cbc1c64a5c8d659f51fcd51bace243" \
	"51232b8d7821617d2b29b54b81cdefb9b3e9c37d7fd5f63270bcc9e1a6f6a439"

static const struct {
	const char *text, *host;
	uint16_t tcp, udp;
	const char *again; /* NULL: the same text */
} good[] = {
	{"enode://" KEY "@127.0.0.1:52150", "127.0.0.1", 52150, 52150, NULL},
	{"enode://" KEY "@127.0.0.1:52150?discport=22334", "127.0.0.1", 52150, 22334, NULL},
	{"enode://" KEY "@127.0.0.1:52150?discport=0", "127.0.0.1", 52150, 0, NULL},
	{"enode://" KEY "@127.0.0.1:0?discport=5", "127.0.0.1", 0, 5, NULL},
	{"enode://" KEY "@127.0.0.1:5?discport=5", "127.0.0.1", 5, 5, "enode://" KEY "@127.0.0.1:5"},
	{"enode://" KEY "@127.0.0.1:5?a=b&discport=6&discportx=7&", "127.0.0.1", 5, 6,
	 "enode://" KEY "@127.0.0.1:5?discport=6"},
	{"enode://" KEY "@127.0.0.1:5?", "127.0.0.1", 5, 5, "enode://" KEY "@127.0.0.1:5"},
	{"enode://" KEY "@[::]:52150", "::", 52150, 52150, NULL},
	{"enode://" KEY "@[2001:db8:3c4d:15::abcd:ef12]:65535", "2001:db8:3c4d:15::abcd:ef12", 65535, 65535, NULL},
	{"enode://" KEY "@[2001:db8:3c4d:15::abcd:ef12]:1?discport=2", "2001:db8:3c4d:15::abcd:ef12", 1, 2, NULL},
	{"enode://" KEY "@node.example.org:30303", "node.example.org", 30303, 30303, NULL},
	{"enode://" KEY "@my_node-1:30303", "my_node-1", 30303, 30303, NULL},
	{"enode://" KEY, "", 0, 0, NULL},
};

static void forms(void **state)
{
	uint8_t key[SECP_PUBLIC_BYTES];

	(void)state;
	assert_null(hex_decode(KEY, key, sizeof(key)));
	for (size_t i = 0; i < LENGTH(good); i++) {
		struct enode e;
		char *again;

		memset(&e, 0xff, sizeof(e));
		if (enode_parse(good[i].text, &e))
			fail_msg("refused: %s", good[i].text);
		assert_memory_equal(e.public, key, sizeof(key));
		assert_string_equal(e.host, good[i].host);
		assert_int_equal(e.tcp, good[i].tcp);
		assert_int_equal(e.udp, good[i].udp);
		again = enode_format(NULL, &e);
		assert_string_equal(again, good[i].again ? good[i].again : good[i].text);
		mem_free(again);
	}
}

#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *text, *message;
} bad[] = {
	{"", "no \"enode://\" before \"\""},
	{KEY, "no \"enode://\" before"},
	{"http://foobar", "no \"enode://\" before \"http://foobar\""},
	{"ENODE://" KEY, "no \"enode://\" before"},
	{"enode://", "the public key has 0 characters, not 128"},
	{"enode://01010101", "the public key has 8 characters, not 128"},
	{"enode://01010101@123.124.125.126:3", "the public key has 8 characters"},
	{"enode://" KEY "1@127.0.0.1:3", "the public key has 129 characters"},
	{"enode://" A64 A64 "@127.0.0.1:3", "is no point of the curve"},
	{"enode://" A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaag@127.0.0.1:3",
	 "is not hexadecimal"},
	{"enode://" KEY "@", "no port in \"\""},
	{"enode://" KEY "@127.0.0.1", "no port in \"127.0.0.1\""},
	{"enode://" KEY "@:30303", "bad host \"\""},
	{"enode://" KEY "@127.0.0.1:", "bad port \"\""},
	{"enode://" KEY "@127.0.0.1:foo", "bad port \"foo\""},
	{"enode://" KEY "@127.0.0.1:-1", "bad port \"-1\""},
	{"enode://" KEY "@127.0.0.1:65536", "bad port \"65536\""},
	{"enode://" KEY "@127.0.0.1:000001", "bad port \"000001\""},
	{"enode://" KEY "@127.0.0.1:1/", "bad port \"1/\""},
	{"enode://" KEY "@127.0.0.1:3?discport=foo", "bad discport \"foo\""},
	{"enode://" KEY "@127.0.0.1:3?discport=", "bad discport \"\""},
	{"enode://" KEY "@127.0.0.1:3?a&discport=99999", "bad discport \"99999\""},
	{"enode://" KEY "@::1:30303", "bad host \"\""},
	{"enode://" KEY "@[::1:30303", "bad address"},
	{"enode://" KEY "@[::1]", "bad address"},
	{"enode://" KEY "@[::1]x:3", "bad address"},
	{"enode://" KEY "@[]:3", "bad host \"\""},
	{"enode://" KEY "@[127.0.0.1]:3", "bad host \"127.0.0.1\""},
	{"enode://" KEY "@[" A64 "]:3", "bad host"},
	{"enode://" KEY "@a b:3", "bad host \"a b\""},
	{"enode://" KEY "@a@b:3", "bad host \"a@b\""},
	{"enode://" KEY "@" A64 A64 A64 A64 ":3", "bad host"},
};

static void refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(bad); i++) {
		struct enode e = {.tcp = 7};
		struct error *error = enode_parse(bad[i].text, &e);

		if (!error)
			fail_msg("taken: %s", bad[i].text);
		assert_int_equal(error->code, ERROR_INVALID);
		if (strncmp(error->message, "invalid enode: ", 15) != 0 || !strstr(error->message, bad[i].message))
			fail_msg("%s: %s", bad[i].text, error->message);
		assert_int_equal(e.tcp, 7);
		error_free(error);
	}
}

static void upper_case_key(void **state)
{
	struct enode e, f;
	char text[] = "enode://" KEY;

	(void)state;
	assert_null(enode_parse(text, &e));
	for (char *c = text + 8; *c; c++)
		*c = *c >= 'a' ? (char)(*c - 32) : *c;
	assert_null(enode_parse(text, &f));
	assert_memory_equal(e.public, f.public, sizeof(e.public));
}

/* Keccak-256 of the key above, computed with an independent implementation. */
static void ids(void **state)
{
	struct enode e;
	uint8_t id[32];
	char *text;

	(void)state;
	assert_null(enode_parse("enode://" KEY, &e));
	enode_id(e.public, id);
	text = hex_encode(NULL, id, sizeof(id));
	assert_string_equal(text, "3431c3939e1ee2a6345e976a8234f9870152d64879f30bc272a074f6859e75e8");
	mem_free(text);
}

static void addresses(void **state)
{
	static const struct {
		const char *host, *again;
		int family;
	} rows[] = {
		{"127.0.0.1", "127.0.0.1", AF_INET},
		{"::1", "::1", AF_INET6},
		{"2001:db8::12", "2001:db8::12", AF_INET6},
		{"::ffff:10.1.2.3", "10.1.2.3", AF_INET6},
	};
	struct enode e = {.host = "localhost"};
	struct sockaddr_storage address = {0};
	struct error *error = enode_address(&e, 1, &address);

	(void)state;
	assert_int_equal(error->code, ERROR_INVALID);
	assert_non_null(strstr(error->message, "\"localhost\" is no IP address"));
	error_free(error);
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct enode back = {.tcp = 3, .udp = 4};

		strcpy(e.host, rows[i].host);
		assert_null(enode_address(&e, 30303, &address));
		assert_int_equal(address.ss_family, rows[i].family);
		/* The port is at the same place in both families. */
		assert_int_equal(ntohs(((struct sockaddr_in *)&address)->sin_port), 30303);
		enode_set_address(&back, (struct sockaddr *)&address);
		assert_string_equal(back.host, rows[i].again);
		assert_int_equal(back.tcp, 3);
		assert_int_equal(back.udp, 4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms), cmocka_unit_test(refusals),  cmocka_unit_test(upper_case_key),
		cmocka_unit_test(ids),   cmocka_unit_test(addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
