#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "manager/play/master.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define WORST_VERSION 12
#define NAME_BYTES 32

struct reader {
	const char *job;
	struct master *m;
	size_t line;      /* the one that is read, from 1 */
	char *attributes; /* of a variant whose URI has to follow; NULL: none */
	bool has_version;
};

static struct error *refuse(const struct reader *r, const char *why)
{
	return error_new(ERROR_INVALID, "line %zu: %s", r->line, why);
}

/* --- attributes --- */

enum form { WORD, QUOTED, DROPPED };

/* Those that storages write, nginx-rtmp's among them. */
static const struct {
	const char *name;
	enum form form;
	const char *letters;
} known[] = {
	{"BANDWIDTH", WORD, DIGITS},
	{"AVERAGE-BANDWIDTH", WORD, DIGITS},
	{"CODECS", QUOTED, LETTERS DIGITS ".,"},
	{"RESOLUTION", WORD, DIGITS "x"},
	{"FRAME-RATE", WORD, DIGITS "."},
	{"PROGRAM-ID", DROPPED, DIGITS},
	{"CLOSED-CAPTIONS", WORD, LETTERS},
};
#define KNOWN (sizeof(known) / sizeof(known[0]))

static size_t find_known(const char *name, size_t n)
{
	size_t i = 0;

	while (i < KNOWN && (strlen(known[i].name) != n || memcmp(known[i].name, name, n) != 0))
		i++;
	return i;
}

/* How long the value at `p` is, with its quotes; 0: it is none. */
static size_t value_length(size_t which, const char *p)
{
	bool quoted = known[which].form == QUOTED;
	size_t n = strspn(p + quoted, known[which].letters);

	if (!n || (quoted && (p[0] != '"' || p[n + 1] != '"')))
		return 0;
	return n + 2 * quoted;
}

static struct error *read_attributes(struct reader *r, const char *p)
{
	bool seen[KNOWN] = {false};
	char *kept = mem_strdup(r->m, "");

	while (*p) {
		size_t name = strcspn(p, "="), which = find_known(p, name), n = 0;

		if (which == KNOWN)
			return refuse(r, "has an attribute that no storage writes");
		if (seen[which])
			return refuse(r, "has an attribute twice");
		seen[which] = true;
		n = p[name] == '=' ? value_length(which, p + name + 1) : 0;
		if (!n)
			return refuse(r, "has an attribute whose value is none");
		n += name + 1;
		if (p[n] && (p[n] != ',' || !p[n + 1]))
			return refuse(r, "has something behind an attribute's value");
		if (known[which].form != DROPPED)
			kept = mem_printf(r->m, "%s%s%.*s", kept, *kept ? "," : "", (int)n, p);
		p += n + (p[n] == ',');
	}
	if (!seen[0])
		return refuse(r, "has no BANDWIDTH");
	r->attributes = kept;
	return NULL;
}

/* --- lines --- */

static struct error *on_variant(struct reader *r, const char *rest)
{
	if (r->attributes)
		return refuse(r, "follows a variant stream without URI");
	if (r->m->count == MASTER_VARIANTS)
		return refuse(r, "is one variant stream more than are taken");
	return read_attributes(r, rest);
}

static struct error *on_version(struct reader *r, const char *rest)
{
	char *end = NULL;
	long version = strspn(rest, DIGITS) > 0 ? strtol(rest, &end, 10) : 0;

	if (r->has_version || version < 1 || version > WORST_VERSION || *end)
		return refuse(r, "is no version, or a second one");
	r->has_version = true;
	r->m->version = (int)version;
	return NULL;
}

static struct error *on_independent(struct reader *r, const char *rest)
{
	r->m->independent = true;
	return *rest ? refuse(r, "has something behind the tag") : NULL;
}

static const struct {
	const char *tag;
	struct error *(*read)(struct reader *r, const char *rest);
} tags[] = {
	{"#EXT-X-STREAM-INF:", on_variant},
	{"#EXT-X-VERSION:", on_version},
	{"#EXT-X-INDEPENDENT-SEGMENTS", on_independent},
};

static struct error *read_tag(struct reader *r, const char *line)
{
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		size_t n = strlen(tags[i].tag);

		if (strncmp(line, tags[i].tag, n) == 0)
			return tags[i].read(r, line + n);
	}
	/* What else begins with #EXT may carry an address; what does not is a comment (4.1). */
	return strncmp(line, "#EXT", 4) == 0 ? refuse(r, "is a tag that no storage writes") : NULL;
}

/* Only below the storage's own folder, and of this job: neither a scheme nor a host nor a way up. */
static bool is_own(const char *uri, const char *job)
{
	return strncmp(uri, job, strlen(job)) == 0 && !uri[strspn(uri, LETTERS DIGITS "_.-/")] && !strstr(uri, "//") &&
	       !strstr(uri, "..");
}

static struct error *read_uri(struct reader *r, const char *line)
{
	struct master *m = r->m;

	if (!r->attributes)
		return refuse(r, "is a URI without EXT-X-STREAM-INF");
	if (!is_own(line, r->job))
		return refuse(r, "is no URI below this playlist, of this job");
	for (size_t i = 0; i < m->count; i++) {
		if (strcmp(m->variants[i].uri, line) == 0)
			return refuse(r, "is a URI that was there before");
	}
	m->variants = mem_resize(m, m->variants, struct master_variant, m->count + 1);
	m->variants[m->count++] = (struct master_variant){mem_strdup(m, line), r->attributes};
	r->attributes = NULL;
	return NULL;
}

static struct error *read_line(struct reader *r, const char *line)
{
	if (r->line == 1)
		return strcmp(line, "#EXTM3U") == 0 ? NULL : refuse(r, "is not #EXTM3U");
	if (!*line)
		return NULL;
	return *line == '#' ? read_tag(r, line) : read_uri(r, line);
}

/* The next line, copied without its end. */
static struct error *take_line(struct reader *r, const char **p, const char *end, char ret_line[MASTER_LINE_BYTES])
{
	const char *stop = memchr(*p, '\n', (size_t)(end - *p));
	size_t n = (size_t)((stop ? stop : end) - *p), length = n;

	r->line++;
	if (length && (*p)[length - 1] == '\r')
		length--;
	if (length >= MASTER_LINE_BYTES)
		return refuse(r, "is too long");
	for (size_t i = 0; i < length; i++) {
		if ((*p)[i] < ' ' || (*p)[i] > '~')
			return refuse(r, "has a byte that is no plain letter");
	}
	memcpy(ret_line, *p, length);
	ret_line[length] = '\0';
	*p += n + (stop != NULL);
	return NULL;
}

static struct error *read_all(struct reader *r, const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	char line[MASTER_LINE_BYTES] = "";

	while (p < end) {
		TRY(take_line(r, &p, end, line));
		TRY(read_line(r, line));
	}
	if (r->attributes)
		return refuse(r, "is a variant stream without URI");
	return r->m->count ? NULL : error_new(ERROR_INVALID, "it names no variant stream");
}

struct error *master_read(const void *ctx, const char *job, const char *text, size_t len, struct master **ret_master)
{
	struct reader r = {.job = job};
	struct error *e;

	if (len > MASTER_BYTES)
		return error_new(ERROR_LIMIT, "it is over %zu bytes", MASTER_BYTES);
	r.m = mem_new(ctx, struct master);
	r.m->version = 1;
	e = read_all(&r, text, len);
	if (e) {
		mem_free(r.m);
		return e;
	}
	*ret_master = r.m;
	return NULL;
}
