/* Where the server is, as libpq understands it (PostgreSQL's documentation, "Connection Strings"), with bounds of ours.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "postgres/postgres.h"
#include "postgres/postgres_impl.h"

/* What holds unless the URL says otherwise: a machine that has vanished is noticed within 10 s. */
static const char *const bounds[][2] = {
	{"connect_timeout", "5"},
	{"tcp_user_timeout", "10000"},
	{"keepalives_idle", "5"},
	{"keepalives_interval", "2"},
	{"keepalives_count", "3"},
	{"client_encoding", "UTF8"},
	{"fallback_application_name", "dsn"},
};
#define BOUNDS (sizeof(bounds) / sizeof(bounds[0]))

bool postgres_is_url(const char *where)
{
	return strncmp(where, "postgresql://", 13) == 0 || strncmp(where, "postgres://", 11) == 0;
}

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
	for (const PQconninfoOption *o = options; o->keyword; o++) {
		if (strcmp(o->keyword, keyword) == 0)
			return o->val;
	}
	return NULL;
}

/* libpq passes over a file that others may read with a line on stderr, and then misses a password. */
static struct error *check_passfile(const char *path)
{
	struct stat st;

	if (!path || !*path)
		return NULL;
	if (stat(path, &st) != 0)
		return error_sys(errno, "%s: the file of PostgreSQL's passwords", path);
	if (S_ISREG(st.st_mode) && (st.st_mode & 077) == 0)
		return NULL;
	return error_new(ERROR_REFUSED, "%s: others may read the passwords in it: chmod 600 %s", path, path);
}

static struct error *check(const PQconninfoOption *options)
{
	const char *passfile = value_of(options, "passfile");

	if (value_of(options, "password") || value_of(options, "sslpassword"))
		return error_new(ERROR_INVALID,
				 "the PostgreSQL URL has a password in it, which process lists show: put a line "
				 "HOST:PORT:DATABASE:USER:PASSWORD into a file with mode 600, and name that by "
				 "?passfile=FILE or PGPASSFILE");
	return check_passfile(passfile ? passfile : getenv("PGPASSFILE"));
}

static size_t count_of(const PQconninfoOption *options)
{
	size_t n = 0;

	while (options[n].keyword)
		n++;
	return n;
}

static struct postgres_url *make(const void *ctx, const PQconninfoOption *options)
{
	struct postgres_url *url = mem_new(ctx, struct postgres_url);
	size_t most = count_of(options) + BOUNDS + 1, n = 0;
	const char *host = value_of(options, "host"), *port = value_of(options, "port"),
		   *name = value_of(options, "dbname");

	url->keywords = mem_array(url, const char *, most);
	url->values = mem_array(url, const char *, most);
	for (const PQconninfoOption *o = options; o->keyword; o++) {
		if (o->val) {
			url->keywords[n] = mem_strdup(url, o->keyword);
			url->values[n++] = mem_strdup(url, o->val);
		}
	}
	for (size_t i = 0; i < BOUNDS; i++) {
		if (!value_of(options, bounds[i][0])) {
			url->keywords[n] = bounds[i][0];
			url->values[n++] = bounds[i][1];
		}
	}
	url->place = mem_printf(url, "postgresql://%s%s%s/%s", host ? host : "", port ? ":" : "", port ? port : "",
				name ? name : "");
	return url;
}

struct error *postgres_url_read(const void *ctx, const char *url, struct postgres_url **ret)
{
	char *why = NULL;
	PQconninfoOption *options = postgres_is_url(url) ? PQconninfoParse(url, &why) : NULL;
	struct error *e;

	PQfreemem(why); /* may have a part of a password in it */
	if (!options)
		return error_new(ERROR_INVALID,
				 "not the URL of a PostgreSQL server: postgresql://USER@HOST:PORT/DATABASE, with "
				 "%%XX for what has a meaning in URLs, and ?OPTION=VALUE of libpq's behind it");
	e = check(options);
	if (!e)
		*ret = make(ctx, options);
	PQconninfoFree(options);
	return e;
}
