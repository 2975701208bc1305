#include "http/head.h"

#include <string.h>
#include <strings.h>

static bool is_token(unsigned char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
		return true;
	return c && strchr("!#$%&'*+-.^_`|~", c);
}

static bool is_visible(unsigned char c)
{
	return c > 0x20 && c < 0x7f;
}

size_t http_head_length(const char *data, size_t len)
{
	const char *end = memmem(data, len, "\r\n\r\n", 4);
	return end ? (size_t)(end - data) + 4 : 0;
}

/* Cuts the next line off: returns it without CRLF, or NULL when it holds a bare CR, LF or NUL. */
static char *next_line(char **rest, char *end)
{
	char *line = *rest;
	char *stop = memmem(line, (size_t)(end - line), "\r\n", 2);

	if (!stop)
		return NULL;
	for (char *p = line; p < stop; p++)
		if (*p == '\r' || *p == '\n' || *p == 0)
			return NULL;
	*stop = 0;
	*rest = stop + 2;
	return line;
}

/* "HTTP/1.0" or "HTTP/1.1" */
static bool read_version(const char *s, int *ret_minor)
{
	if (strncmp(s, "HTTP/1.", 7) != 0 || (s[7] != '0' && s[7] != '1') || s[8])
		return false;
	*ret_minor = s[7] - '0';
	return true;
}

static struct error *read_header(char *line, struct http_head *h)
{
	char *p = line;

	while (is_token((unsigned char)*p))
		p++;
	if (p == line || *p != ':')
		return error_new(ERROR_INVALID, "malformed HTTP header name");
	*p++ = 0;
	while (*p == ' ' || *p == '\t')
		p++;
	char *value = p;
	for (; *p; p++)
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			return error_new(ERROR_INVALID, "control byte in HTTP header %s", line);
	while (p > value && (p[-1] == ' ' || p[-1] == '\t'))
		*--p = 0;
	if (h->count == HTTP_HEADERS)
		return error_new(ERROR_LIMIT, "more than %d HTTP headers", HTTP_HEADERS);
	h->headers[h->count++] = (struct http_header){.name = line, .value = value};
	return NULL;
}

static struct error *read_headers(char *rest, char *end, struct http_head *h)
{
	for (;;) {
		char *line = next_line(&rest, end);

		if (!line)
			return error_new(ERROR_INVALID, "malformed HTTP header line");
		if (!*line)
			break;
		TRY(read_header(line, h));
	}
	return rest == end ? NULL : error_new(ERROR_INVALID, "malformed end of HTTP head");
}

struct error *http_head_request(char *text, size_t len, struct http_head *ret_head)
{
	char *rest = text, *end = text + len, *p;
	char *line = next_line(&rest, end);
	struct http_head h = {0};

	if (!line)
		return error_new(ERROR_INVALID, "malformed HTTP request line");
	for (p = line; is_token((unsigned char)*p); p++)
		;
	if (p == line || *p != ' ')
		return error_new(ERROR_INVALID, "malformed HTTP method");
	*p++ = 0;
	h.method = line;
	h.target = p;
	while (is_visible((unsigned char)*p))
		p++;
	if (*h.target != '/' || *p != ' ')
		return error_new(ERROR_INVALID, "malformed HTTP request target");
	*p++ = 0;
	if (!read_version(p, &h.minor))
		return error_new(ERROR_INVALID, "HTTP version is not 1.0 or 1.1");
	TRY(read_headers(rest, end, &h));
	if (h.minor == 1 && !http_head_find(&h, "Host"))
		return error_new(ERROR_INVALID, "HTTP/1.1 request without Host");
	*ret_head = h;
	return NULL;
}

struct error *http_head_answer(char *text, size_t len, struct http_head *ret_head)
{
	char *rest = text, *end = text + len;
	char *line = next_line(&rest, end);
	struct http_head h = {0};

	if (!line || strlen(line) < 12 || line[8] != ' ' || (line[12] && line[12] != ' '))
		return error_new(ERROR_INVALID, "malformed HTTP status line");
	line[8] = 0;
	if (!read_version(line, &h.minor))
		return error_new(ERROR_INVALID, "HTTP version is not 1.0 or 1.1");
	for (const char *d = line + 9; d < line + 12; d++) {
		if (*d < '0' || *d > '9')
			return error_new(ERROR_INVALID, "malformed HTTP status");
		h.status = h.status * 10 + (*d - '0');
	}
	if (h.status < 100 || h.status > 599)
		return error_new(ERROR_INVALID, "HTTP status %d is out of range", h.status);
	TRY(read_headers(rest, end, &h));
	*ret_head = h;
	return NULL;
}

const char *http_head_find(const struct http_head *h, const char *name)
{
	for (size_t i = 0; i < h->count; i++)
		if (!strcasecmp(h->headers[i].name, name))
			return h->headers[i].value;
	return NULL;
}

/* Is `word` an element of the comma-separated list? */
static bool list_has(const char *list, const char *word)
{
	size_t want = strlen(word);

	while (list && *list) {
		list += strspn(list, " \t,");
		size_t n = strcspn(list, " \t,;");

		if (n == want && !strncasecmp(list, word, n))
			return true;
		list += n;
		list += strcspn(list, ",");
	}
	return false;
}

bool http_head_lists(const struct http_head *h, const char *name, const char *word)
{
	for (size_t i = 0; i < h->count; i++)
		if (!strcasecmp(h->headers[i].name, name) && list_has(h->headers[i].value, word))
			return true;
	return false;
}

bool http_head_keep_alive(const struct http_head *h)
{
	const char *connection = http_head_find(h, "Connection");

	if (list_has(connection, "close"))
		return false;
	return h->minor == 1 || list_has(connection, "keep-alive");
}

struct error *http_parse_length(const char *text, uint64_t *ret_length)
{
	uint64_t n = 0;
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits > 18 || text[digits])
		return error_new(ERROR_INVALID, "malformed Content-Length");
	for (size_t i = 0; i < digits; i++)
		n = n * 10 + (uint64_t)(text[i] - '0');
	*ret_length = n;
	return NULL;
}

static size_t count_headers(const struct http_head *h, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < h->count; i++)
		n += !strcasecmp(h->headers[i].name, name);
	return n;
}

struct error *http_head_framing(const struct http_head *h, enum http_framing *ret_framing, uint64_t *ret_length)
{
	const char *coding = http_head_find(h, "Transfer-Encoding");
	const char *length = http_head_find(h, "Content-Length");
	uint64_t n = 0;

	if (count_headers(h, "Transfer-Encoding") > 1 || count_headers(h, "Content-Length") > 1)
		return error_new(ERROR_INVALID, "several Content-Length or Transfer-Encoding headers");
	if (coding && length)
		return error_new(ERROR_INVALID, "both Content-Length and Transfer-Encoding");
	if (length)
		TRY(http_parse_length(length, &n));
	if (coding && strcasecmp(coding, "chunked") != 0)
		return error_new(ERROR_REFUSED, "unknown Transfer-Encoding");
	*ret_framing = coding ? HTTP_FRAMING_CHUNKED : HTTP_FRAMING_LENGTH;
	*ret_length = n;
	return NULL;
}
