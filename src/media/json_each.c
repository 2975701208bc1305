/* A long JSON text element by element. A film has some hundred thousand packets: a tree of all of them would need
 * gigabytes, so this finds where each one begins and ends, and whoever is told parses it strictly, alone. */
#include <string.h>

#include "media/source.h"

struct cursor {
	const char *start, *at, *end;
};

static struct error *broken(const struct cursor *c, const char *what)
{
	return error_new(ERROR_INVALID, "ffprobe's output, byte %zu: %s", (size_t)(c->at - c->start), what);
}

static void blanks(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
		c->at++;
}

/* The next character that is no blank, taken when it is `wanted`. */
static bool take(struct cursor *c, char wanted)
{
	blanks(c);
	if (c->at == c->end || *c->at != wanted)
		return false;
	c->at++;
	return true;
}

static struct error *skip_string(struct cursor *c)
{
	for (c->at++; c->at < c->end && *c->at != '"'; c->at++)
		if (*c->at == '\\' && ++c->at == c->end)
			break;
	if (c->at >= c->end)
		return broken(c, "a string does not end");
	c->at++;
	return NULL;
}

/* Past one value; that it is well-formed inside is its reader's to see. */
static struct error *skip_value(struct cursor *c)
{
	const char *begin;
	size_t depth = 0;

	blanks(c);
	begin = c->at;
	while (c->at < c->end) {
		char ch = *c->at;

		if (ch == '"') {
			TRY(skip_string(c));
			continue;
		}
		if (depth == 0 && (ch == ',' || ch == ']' || ch == '}'))
			break;
		if (ch == '{' || ch == '[')
			depth++;
		else if (ch == '}' || ch == ']')
			depth--;
		c->at++;
	}
	if (depth)
		return broken(c, "it ends in the middle");
	if (c->at == begin)
		return broken(c, "a value is missing");
	return NULL;
}

static struct error *tell(struct cursor *c, const char *member, media_json_each_fn *fn, void *arg)
{
	const char *begin;

	blanks(c);
	begin = c->at;
	TRY(skip_value(c));
	return fn(member, begin, (size_t)(c->at - begin), arg);
}

static struct error *each_element(struct cursor *c, const char *member, media_json_each_fn *fn, void *arg)
{
	if (take(c, ']'))
		return NULL;
	do
		TRY(tell(c, member, fn, arg));
	while (take(c, ','));
	return take(c, ']') ? NULL : broken(c, "an array does not end");
}

static struct error *each_member(struct cursor *c, media_json_each_fn *fn, void *arg)
{
	const char *name;
	char member[32];
	size_t n;

	blanks(c);
	if (c->at == c->end || *c->at != '"')
		return broken(c, "a member's name is missing");
	name = c->at + 1;
	TRY(skip_string(c));
	n = (size_t)(c->at - 1 - name);
	if (n >= sizeof(member))
		n = sizeof(member) - 1;
	memcpy(member, name, n);
	member[n] = '\0';
	if (!take(c, ':'))
		return broken(c, "':' is missing");
	return take(c, '[') ? each_element(c, member, fn, arg) : tell(c, member, fn, arg);
}

struct error *media_json_each(const char *text, size_t len, media_json_each_fn *fn, void *arg)
{
	struct cursor c = {text, text, text + len};

	if (!take(&c, '{'))
		return broken(&c, "it is no JSON object");
	if (!take(&c, '}')) {
		do
			TRY(each_member(&c, fn, arg));
		while (take(&c, ','));
		if (!take(&c, '}'))
			return broken(&c, "the object does not end");
	}
	blanks(&c);
	return c.at == c.end ? NULL : broken(&c, "something follows the object");
}
