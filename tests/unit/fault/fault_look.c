/* What a folder holds, in words that can be compared; the system's own SQLite calls, no fault between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <talloc.h>

#include "base/file.h"
#include "fault.h"

static void sound(struct error *e)
{
	if (e)
		fail_msg("%s", e->message);
}

/* --- copying --- */

static const char *copy_from, *copy_to;

static int copy_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	char to[PATH_MAX], part[65536];
	FILE *in, *out;
	size_t n;

	(void)ftw;
	snprintf(to, sizeof(to), "%s%s", copy_to, path + strlen(copy_from));
	if (kind == FTW_D)
		return mkdir(to, st->st_mode & 07777);
	if (!S_ISREG(st->st_mode))
		return 0; /* sockets: of nobody any more */
	in = fopen(path, "re");
	out = fopen(to, "we");
	assert_true(in && out);
	while ((n = fread(part, 1, sizeof(part), in)) > 0)
		assert_int_equal(fwrite(part, 1, n, out), n);
	fclose(in);
	fchmod(fileno(out), st->st_mode & 07777);
	return fclose(out);
}

void fault_copy(const char *from, const char *to)
{
	sound(file_remove_tree(to));
	copy_from = from;
	copy_to = to;
	assert_int_equal(nftw(from, copy_one, 8, FTW_PHYS), 0);
}

/* --- databases --- */

static sqlite3_stmt *prepared(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	return stmt;
}

static void look_table(FILE *out, sqlite3 *db, const char *table)
{
	char *sql = sqlite3_mprintf("select * from \"%w\" order by 1, 2", table);
	sqlite3_stmt *rows;

	/* One column is all that some have. */
	if (sqlite3_prepare_v2(db, sql, -1, &rows, NULL) != SQLITE_OK) {
		sqlite3_free(sql);
		sql = sqlite3_mprintf("select * from \"%w\" order by 1", table);
		rows = prepared(db, sql);
	}
	fprintf(out, " %s:\n", table);
	while (sqlite3_step(rows) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(rows); i++) {
			const unsigned char *bytes = sqlite3_column_blob(rows, i);
			int n = sqlite3_column_bytes(rows, i);

			fprintf(out, " %d:", sqlite3_column_type(rows, i));
			for (int at = 0; at < n; at++)
				fprintf(out, bytes[at] > ' ' && bytes[at] < 0x7f ? "%c" : "\\%02x", bytes[at]);
		}
		fputc('\n', out);
	}
	sqlite3_finalize(rows);
	sqlite3_free(sql);
}

static void look_database(FILE *out, const char *path)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *rows;

	/* Read and write, as the next process will: what is in the log is taken into account. */
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
	sqlite3_exec(db, "pragma synchronous=off", NULL, NULL, NULL);
	rows = prepared(db, "pragma integrity_check");
	assert_int_equal(sqlite3_step(rows), SQLITE_ROW);
	if (strcmp((const char *)sqlite3_column_text(rows, 0), "ok") != 0)
		fail_msg("%s: %s", path, sqlite3_column_text(rows, 0));
	sqlite3_finalize(rows);
	rows = prepared(db, "select application_id, user_version from pragma_application_id, pragma_user_version");
	assert_int_equal(sqlite3_step(rows), SQLITE_ROW);
	fprintf(out, " version: %x %d\n", (unsigned)sqlite3_column_int(rows, 0), sqlite3_column_int(rows, 1));
	sqlite3_finalize(rows);
	rows = prepared(db, "select name from sqlite_master where type = 'table' order by name");
	while (sqlite3_step(rows) == SQLITE_ROW)
		look_table(out, db, (const char *)sqlite3_column_text(rows, 0));
	sqlite3_finalize(rows);
	sqlite3_close(db);
}

/* --- folders --- */

static bool ends(const char *name, const char *with)
{
	size_t n = strlen(name), m = strlen(with);

	return n > m && strcmp(name + n - m, with) == 0;
}

/* "name.XXXXXX", which file_write_atomic() makes, and "name.new" of node/runtime/runtime_process_record.c. */
static bool is_temporary(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (strlen(dot) == 7 || strcmp(dot, ".new") == 0);
}

static void look_folder(FILE *out, const char *folder, bool crashed)
{
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, NULL, alphasort);

	assert_true(n >= 0);
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;
		char path[PATH_MAX];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", folder, name);
		if (name[0] == '.' || ends(name, "-wal") || ends(name, "-shm") || ends(name, "-journal") ||
		    (crashed && is_temporary(name))) {
			free(entries[i]);
			continue;
		}
		assert_int_equal(lstat(path, &st), 0);
		fprintf(out, "%s:\n", name);
		if (S_ISDIR(st.st_mode)) {
			look_folder(out, path, crashed);
		} else if (ends(name, ".db")) {
			look_database(out, path);
		} else {
			char *text = NULL;
			size_t len = 0;

			sound(file_read(NULL, path, 1 << 20, &text, &len));
			fwrite(text, 1, len, out);
			fputc('\n', out);
			talloc_free(text);
		}
		free(entries[i]);
	}
	free(entries);
}

char *fault_look(const char *folder, bool crashed)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	look_folder(out, folder, crashed);
	fclose(out);
	return text;
}
