/* URLs of a server: what libpq is told, and what is refused without telling a password to anybody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "postgres/postgres.h"
#include "postgres/postgres_impl.h"

static const char *told(const struct postgres_url *url, const char *keyword)
{
	for (size_t i = 0; url->keywords[i]; i++) {
		if (strcmp(url->keywords[i], keyword) == 0)
			return url->values[i];
	}
	return NULL;
}

static struct postgres_url *read_url(const char *text)
{
	struct postgres_url *url = NULL;
	struct error *e = postgres_url_read(NULL, text, &url);

	if (e)
		fail_msg("%s", e->message);
	return url;
}

static void is_refused(const char *text, enum error_code code, const char *part)
{
	struct postgres_url *url = NULL;
	struct error *e = postgres_url_read(NULL, text, &url);

	assert_non_null(e);
	assert_null(url);
	assert_int_equal(e->code, code);
	if (!strstr(e->message, part))
		fail_msg("\"%s\" does not hold \"%s\"", e->message, part);
	if (strstr(e->message, "s3cret"))
		fail_msg("\"%s\" tells the password", e->message);
	error_free(e);
}

static void what_it_says(void **state)
{
	struct postgres_url *url =
		read_url("postgresql://me@db.example:5433/dsn?sslmode=verify-full&connect_timeout=9");

	(void)state;
	assert_string_equal(url->place, "postgresql://db.example:5433/dsn");
	assert_string_equal(told(url, "user"), "me");
	assert_string_equal(told(url, "host"), "db.example");
	assert_string_equal(told(url, "sslmode"), "verify-full");
	assert_string_equal(told(url, "connect_timeout"), "9");
	assert_string_equal(told(url, "tcp_user_timeout"), "10000");
	assert_null(told(url, "password"));
	mem_free(url);
	url = read_url("postgres:///dsn");
	assert_string_equal(url->place, "postgresql:///dsn");
	assert_string_equal(told(url, "connect_timeout"), "5");
	mem_free(url);
	assert_true(postgres_is_url("postgresql://") && postgres_is_url("postgres://x"));
	assert_false(postgres_is_url("/var/lib/dsn/x.db") || postgres_is_url("postgresql") || postgres_is_url(""));
}

static void a_password(void **state)
{
	(void)state;
	is_refused("postgresql://me:s3cret@host/db", ERROR_INVALID, "has a password in it, which process lists show");
	is_refused("postgresql://host/db?password=s3cret", ERROR_INVALID, "has a password in it");
	is_refused("postgresql://host/db?sslpassword=s3cret", ERROR_INVALID, "has a password in it");
}

static void what_is_no_url(void **state)
{
	static const char *const texts[] = {
		"",
		"host=x password=s3cret",
		"http://host/db",
		"postgresql://me:s3cret%zz@host/db",
		"postgresql://me:s3cret@[::1/db",
		"postgresql://host/db?s3cret",
		"postgresql://host/db?s3cret=1",
		"postgresql://host/db?a&",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		is_refused(texts[i], ERROR_INVALID, "not the URL of a PostgreSQL server");
}

static void files_of_passwords(void **state)
{
	char folder[] = "/tmp/dsn-pgpass-XXXXXX", path[64], url[128];
	struct postgres_url *read = NULL;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/pass", folder);
	snprintf(url, sizeof(url), "postgresql://host/db?passfile=%s", path);
	is_refused(url, ERROR_NOT_FOUND, "the file of PostgreSQL's passwords");
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0640), 0);
	is_refused(url, ERROR_REFUSED, "others may read the passwords in it: chmod 600 /tmp/");
	setenv("PGPASSFILE", path, 1);
	is_refused("postgresql://host/db", ERROR_REFUSED, "others may read the passwords in it");
	assert_int_equal(fchmod(fd, 0600), 0);
	read = read_url("postgresql://host/db");
	mem_free(read);
	unsetenv("PGPASSFILE");
	read = read_url(url);
	assert_string_equal(told(read, "passfile"), path);
	mem_free(read);
	close(fd);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_says),
		cmocka_unit_test(a_password),
		cmocka_unit_test(what_is_no_url),
		cmocka_unit_test(files_of_passwords),
	};

	unsetenv("PGPASSFILE");
	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
