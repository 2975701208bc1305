#include "chain/signin.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "chain/address.h"

#define ASKS " wants you to sign in with your Ethereum account:"
#define AUTHORITY "-._~%!$&'()*+,;=:[]"
#define URI "-._~%!$&'()*+,;=:[]@/?#"
#define PATH_LETTERS "-._~%!$&'()*+,;=:@"
#define DIGITS_MOST 18

static bool is_of(const char *text, const char *others)
{
	for (const char *p = text; *p; p++) {
		bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');

		if (!letter && !strchr(others, *p))
			return false;
	}
	return *text != '\0';
}

static struct error *check_bytes(const char *text, size_t n)
{
	if (!n || n > SIGNIN_BYTES)
		return error_new(ERROR_INVALID, "the message has %zu bytes; 1 to %d, please", n, SIGNIN_BYTES);
	for (size_t i = 0; i < n; i++) {
		if (text[i] != '\n' && (text[i] < 0x20 || text[i] > 0x7e))
			return error_new(ERROR_INVALID,
					 "the message has the byte 0x%02x at %zu; printable ASCII and LF, please",
					 (unsigned char)text[i], i);
	}
	return NULL;
}

/* The next line, cut off; NULL: there is none. */
static char *next_line(char **rest)
{
	return strsep(rest, "\n");
}

/* --- its head --- */

static struct error *read_asking(char *line, struct signin *s)
{
	size_t n = line ? strlen(line) : 0, asks = strlen(ASKS);
	char *colon;

	if (n <= asks || strcmp(line + n - asks, ASKS) != 0)
		return error_new(ERROR_INVALID, "the first line is not \"DOMAIN" ASKS "\"");
	line[n - asks] = '\0';
	colon = strstr(line, "://");
	if (colon) {
		*colon = '\0';
		s->scheme = line;
		line = colon + strlen("://");
		if (!is_of(s->scheme, "+-."))
			return error_new(ERROR_INVALID, "the first line has no scheme before ://");
	}
	if (!is_of(line, AUTHORITY))
		return error_new(ERROR_INVALID, "the first line has no domain: a host, with a port or without");
	s->domain = line;
	return NULL;
}

static struct error *read_account(const char *line, struct signin *s)
{
	char right[ADDRESS_TEXT_BYTES];
	struct error *e = line && strncmp(line, "0x", 2) == 0 ? eth_address_parse(line, s->address)
							      : error_new(ERROR_INVALID, "no 0x");

	if (e) {
		error_free(e);
		return error_new(ERROR_INVALID, "the second line is no address: 0x and 40 hexadecimal digits");
	}
	eth_address_text(s->address, right);
	if (!line || strcmp(line, right) != 0)
		return error_new(ERROR_INVALID, "the second line has not the case of letters of %s (EIP-55)", right);
	return NULL;
}

/* An empty line, a statement or none, an empty line. */
static struct error *read_statement(char **rest, struct signin *s)
{
	const char *before = next_line(rest), *line = next_line(rest), *after = line && *line ? next_line(rest) : line;

	if (!before || *before || !after || *after)
		return error_new(ERROR_INVALID, "empty lines stand around the statement, two where there is none");
	s->statement = *line ? line : NULL;
	return NULL;
}

/* --- its fields --- */

/* What stands behind `name` in the line; NULL: it is another line. */
static const char *value_of(const char *line, const char *name)
{
	size_t n = strlen(name);

	return line && strncmp(line, name, n) == 0 ? line + n : NULL;
}

static struct error *missing(const char *name)
{
	return error_new(ERROR_INVALID, "where \"%s\" should stand is something else", name);
}

static struct error *need(char **rest, const char *name, const char **ret_value)
{
	*ret_value = value_of(next_line(rest), name);
	return *ret_value ? NULL : missing(name);
}

static struct error *check_uri(const char *name, const char *uri)
{
	const char *colon = strchr(uri, ':');

	if (!colon || colon == uri || !is_of(uri, URI))
		return error_new(ERROR_INVALID, "%s has no URI", name);
	return NULL;
}

static struct error *read_number(const char *text, int64_t *ret)
{
	size_t n = strlen(text);

	if (!n || n > DIGITS_MOST || strspn(text, "0123456789") != n)
		return error_new(ERROR_INVALID, "Chain ID: 1 to %d digits, please", DIGITS_MOST);
	*ret = strtoll(text, NULL, 10);
	return NULL;
}

static struct error *read_needed(char **rest, struct signin *s, const char **ret_issued)
{
	const char *version = NULL, *chain = NULL;

	TRY(need(rest, "URI: ", &s->uri));
	TRY(check_uri("URI:", s->uri));
	TRY(need(rest, "Version: ", &version));
	if (strcmp(version, "1") != 0)
		return error_new(ERROR_INVALID, "Version: is not 1");
	TRY(need(rest, "Chain ID: ", &chain));
	TRY(read_number(chain, &s->chain_id));
	TRY(need(rest, "Nonce: ", &s->nonce));
	if (strlen(s->nonce) < SIGNIN_NONCE_LEAST || !is_of(s->nonce, ""))
		return error_new(ERROR_INVALID, "Nonce: at least %d letters and digits, please", SIGNIN_NONCE_LEAST);
	return need(rest, "Issued At: ", ret_issued);
}

static struct error *read_when(const char *name, const char *text, int64_t *ret_ms)
{
	struct error *e = signin_read_time(text, ret_ms);

	return e ? error_wrap(e, "%s", name) : NULL;
}

static struct error *read_resources(char **rest, struct signin *s)
{
	size_t count = 0;

	for (char *line; (line = next_line(rest));) {
		const char *uri = value_of(line, "- ");

		if (count == SIGNIN_RESOURCES)
			return error_new(ERROR_INVALID, "Resources: at most %d, please", SIGNIN_RESOURCES);
		if (!uri)
			return missing("- ");
		TRY(check_uri("Resources:", uri));
		s->resources[count++] = uri;
	}
	return NULL;
}

/* Each may be left out, and none stands behind one that follows it here. */
static struct error *read_others(char **rest, struct signin *s)
{
	const char *line = next_line(rest), *value;

	if ((value = value_of(line, "Expiration Time: "))) {
		TRY(read_when("Expiration Time", value, &s->expires_ms));
		line = next_line(rest);
	}
	if ((value = value_of(line, "Not Before: "))) {
		TRY(read_when("Not Before", value, &s->not_before_ms));
		line = next_line(rest);
	}
	if ((value = value_of(line, "Request ID: "))) {
		if (*value && !is_of(value, PATH_LETTERS))
			return error_new(ERROR_INVALID, "Request ID: has letters that no path has");
		s->request_id = value;
		line = next_line(rest);
	}
	if (!line)
		return NULL;
	if (strcmp(line, "Resources:") != 0)
		return error_new(ERROR_INVALID, "there is a line that has no place: \"%.40s\"", line);
	return read_resources(rest, s);
}

struct error *signin_read(const void *ctx, const char *text, size_t n, struct signin *ret)
{
	struct signin s = {.scheme = NULL};
	const char *issued = NULL;
	char *rest;

	TRY(check_bytes(text, n));
	rest = mem_array(ctx, char, n + 1);
	memcpy(rest, text, n);
	rest[n] = '\0';
	TRY(read_asking(next_line(&rest), &s));
	TRY(read_account(next_line(&rest), &s));
	TRY(read_statement(&rest, &s));
	TRY(read_needed(&rest, &s, &issued));
	TRY(read_when("Issued At", issued, &s.issued_ms));
	TRY(read_others(&rest, &s));
	*ret = s;
	return NULL;
}

/* --- writing --- */

static char *add_time(char *text, const char *name, int64_t ms)
{
	char *when = ms ? clock_format(text, ms) : NULL;

	if (when)
		text = talloc_asprintf_append_buffer(text, "\n%s: %s", name, when);
	return text;
}

char *signin_write(const void *ctx, const struct signin *s)
{
	char address[ADDRESS_TEXT_BYTES], *issued = clock_format(ctx, s->issued_ms), *text;

	eth_address_text(s->address, address);
	text = mem_printf(
		ctx, "%s%s%s" ASKS "\n%s\n\n%s%s\nURI: %s\nVersion: 1\nChain ID: %" PRId64 "\nNonce: %s\nIssued At: %s",
		s->scheme ? s->scheme : "", s->scheme ? "://" : "", s->domain, address,
		s->statement ? s->statement : "", s->statement ? "\n" : "", s->uri, s->chain_id, s->nonce, issued);
	mem_free(issued);
	text = add_time(text, "Expiration Time", s->expires_ms);
	text = add_time(text, "Not Before", s->not_before_ms);
	if (s->request_id)
		text = talloc_asprintf_append_buffer(text, "\nRequest ID: %s", s->request_id);
	for (size_t i = 0; i < SIGNIN_RESOURCES && s->resources[i]; i++)
		text = talloc_asprintf_append_buffer(text, "%s\n- %s", i ? "" : "\nResources:", s->resources[i]);
	return text;
}
