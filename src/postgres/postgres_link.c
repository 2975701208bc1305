/* The connection: opened when it is needed, answers waited for with an end, and what the server's refusals mean. */
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "postgres/postgres_impl.h"

/* Not sooner after a try that failed: who waits for a connection does nothing else, so the pause is some times as long
 * as the try. */
#define RETRY_MS 1000
#define RETRY_MOST_MS 10000
#define RETRY_TIMES 5
#define SETTINGS_MS 10000
/* After how long without a byte the server is looked for, and how long it has to show itself. One that is silent costs
 * both together; one that works, or waits for a lock, has the whole time of the question. */
#define SILENT_MS 1000
#define SHOW_MS 1000

/* The server ends what takes too long before await() would cut the connection for it (8 s of 10), and a transaction
 * whose owner sleeps. lock_timeout is DB_BUSY_MS. (PostgreSQL's documentation, "Client Connection Defaults".) */
static const char settings[] =
	"set default_transaction_isolation = serializable; set statement_timeout = 8000; set lock_timeout = 5000; "
	"set idle_in_transaction_session_timeout = 10000; set synchronous_commit = on; set bytea_output = hex; "
	"set client_min_messages = error; set standard_conforming_strings = on";

/* --- what refusals mean --- */

/* PostgreSQL's documentation, "PostgreSQL Error Codes": a class of two characters, or a code of five. */
static const struct {
	const char *state;
	enum error_code code;
} meanings[] = {
	{"23", ERROR_EXISTS},      {"40", ERROR_UNAVAILABLE},    {"55P03", ERROR_UNAVAILABLE}, {"57014", ERROR_TIMEOUT},
	{"57", ERROR_UNAVAILABLE}, {"08", ERROR_UNAVAILABLE},    {"53300", ERROR_UNAVAILABLE}, {"53", ERROR_LIMIT},
	{"54", ERROR_LIMIT},       {"28", ERROR_REFUSED},        {"42501", ERROR_REFUSED},     {"25006", ERROR_REFUSED},
	{"22", ERROR_INVALID},     {"25P03", ERROR_UNAVAILABLE},
};

static enum error_code meaning_of(const char *state)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (strncmp(state, meanings[i].state, strlen(meanings[i].state)) == 0)
			return meanings[i].code;
	}
	return ERROR_IO;
}

static bool is_state(const char *state, const char *const *of)
{
	for (; *of; of++) {
		if (strcmp(state, *of) == 0)
			return true;
	}
	return false;
}

/* One line, without the newline at its end. */
static struct error *said(const struct postgres *pg, enum error_code code, const char *what, const char *why)
{
	return error_new(code, "%s: %.60s: %.*s", pg->db->place, what, (int)strcspn(why, "\n"), why);
}

static void forget_statements(struct postgres *pg)
{
	while (pg->statements) {
		struct postgres_statement *next = pg->statements->next;

		mem_free(pg->statements);
		pg->statements = next;
	}
}

struct error *postgres_result_error(struct postgres *pg, const char *what, const PGresult *result)
{
	static const char *const met[] = {"40001", "40P01", NULL};   /* another transaction */
	static const char *const stale[] = {"0A000", "26000", NULL}; /* prepared before a table was changed */
	ExecStatusType status = PQresultStatus(result);
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *why = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return NULL;
	if (!state)
		return said(pg, ERROR_IO, what, PQresultErrorMessage(result));
	if (is_state(state, stale))
		forget_statements(pg);
	if (is_state(state, met) || is_state(state, stale))
		pg->db->again = DB_AGAIN;
	else if (strcmp(state, "23505") == 0)
		pg->db->again = DB_AGAIN_ONCE;
	return said(pg, meaning_of(state), what, why ? why : state);
}

/* --- losing it --- */

void postgres_disconnect(struct postgres *pg)
{
	PQfinish(pg->conn);
	pg->conn = NULL;
	forget_statements(pg);
	if (pg->in_transaction)
		pg->lost = true;
}

static struct error *lose(struct postgres *pg, const char *what, const char *why)
{
	struct error *e = said(pg, ERROR_UNAVAILABLE, what, *why ? why : "the connection was closed");

	postgres_disconnect(pg);
	return e;
}

/* Another try would be as long: it is not made at once. */
static struct error *lose_silent(struct postgres *pg, const char *what)
{
	struct error *e = lose(pg, what, "no answer in time, the connection was closed");

	error_free(pg->failed);
	pg->failed = error_copy(e);
	pg->failed_ms = clock_mono_ms();
	pg->pause_ms = RETRY_MS;
	return e;
}

/* --- waiting --- */

/* Until something arrived, or can be sent; false: neither happened. */
static bool wait_for(PGconn *conn, bool sends, int64_t until_ms)
{
	struct pollfd fd = {.fd = PQsocket(conn), .events = (short)(POLLIN | (sends ? POLLOUT : 0))};
	int64_t left_ms = until_ms - clock_mono_ms();

	/* A signal is no reason to give up. */
	return left_ms > 0 && poll(&fd, 1, (int)left_ms) != 0;
}

static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

/* The same, of a server that is there. */
static bool wait_for_server(struct postgres *pg, bool sends, int64_t until_ms)
{
	while (clock_mono_ms() < until_ms) {
		if (wait_for(pg->conn, sends, sooner(clock_mono_ms() + SILENT_MS, until_ms)))
			return true;
		if (!postgres_is_alive(pg, clock_mono_ms() + SHOW_MS))
			return false;
	}
	return false;
}

/* NULL in *ret_result: all was said. */
static struct error *next_result(struct postgres *pg, const struct postgres_question *q, int64_t until_ms,
				 PGresult **ret_result)
{
	int unsent = PQflush(pg->conn);

	while (unsent >= 0 && (unsent > 0 || PQisBusy(pg->conn))) {
		if (!wait_for_server(pg, unsent > 0, until_ms))
			return lose_silent(pg, q->what);
		if (!PQconsumeInput(pg->conn))
			return lose(pg, q->what, PQerrorMessage(pg->conn));
		if (unsent > 0)
			unsent = PQflush(pg->conn);
	}
	if (unsent < 0)
		return lose(pg, q->what, PQerrorMessage(pg->conn));
	*ret_result = PQgetResult(pg->conn);
	return NULL;
}

/* After which the server closes the connection. */
static bool is_last_word(const PGresult *result)
{
	const char *severity = result ? PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED) : NULL;

	return severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

static bool is_error(const PGresult *result)
{
	return PQresultStatus(result) == PGRES_FATAL_ERROR || PQresultStatus(result) == PGRES_BAD_RESPONSE;
}

struct error *postgres_await(struct postgres *pg, const struct postgres_question *q, int sent, PGresult **ret_result)
{
	int64_t until_ms = clock_mono_ms() + q->wait_ms;
	PGresult *all = NULL, *one = NULL;

	if (!sent)
		return lose(pg, q->what, PQerrorMessage(pg->conn));
	for (;;) {
		struct error *e = next_result(pg, q, until_ms, &one);

		if (e) {
			PQclear(all);
			return e;
		}
		if (!one)
			break;
		if (all && is_error(all)) {
			PQclear(one);
		} else {
			PQclear(all);
			all = one;
		}
	}
	if (PQstatus(pg->conn) == CONNECTION_BAD || is_last_word(all)) {
		struct error *e =
			lose(pg, q->what, all && is_error(all) ? PQresultErrorMessage(all) : PQerrorMessage(pg->conn));

		PQclear(all);
		return e;
	}
	if (!all)
		return said(pg, ERROR_IO, q->what, "the server said nothing");
	*ret_result = all;
	return NULL;
}

struct error *postgres_script(struct postgres *pg, const struct postgres_question *q, const char *sql)
{
	PGresult *result = NULL;
	struct error *e;

	TRY(postgres_await(pg, q, PQsendQuery(pg->conn, sql), &result));
	e = postgres_result_error(pg, q->what, result);
	PQclear(result);
	return e;
}

/* --- connecting --- */

static void ignore_notice(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

static struct error *check_version(struct postgres *pg)
{
	size_t version = 0;

	TRY(db_look_version(pg->db, pg->db->schema, &version));
	if (version == pg->db->schema->count)
		return NULL;
	return error_new(ERROR_REFUSED,
			 "%s: its tables are of version %zu now, not %zu as when it was opened: start again",
			 pg->db->place, version, pg->db->schema->count);
}

static struct error *connect_now(struct postgres *pg)
{
	struct error *e = NULL;

	pg->conn = PQconnectdbParams(pg->url->keywords, pg->url->values, 0);
	if (!pg->conn)
		return error_new(ERROR_UNAVAILABLE, "%s: connecting: no memory", pg->db->place);
	if (PQstatus(pg->conn) != CONNECTION_OK)
		return lose(pg, "connecting", PQerrorMessage(pg->conn));
	PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
	PQsetnonblocking(pg->conn, 1);
	e = postgres_script(pg, &(struct postgres_question){"connecting", SETTINGS_MS}, settings);
	if (!e && pg->opened)
		e = check_version(pg);
	if (e)
		postgres_disconnect(pg);
	return e;
}

static int64_t pause_after(int64_t took_ms)
{
	int64_t pause_ms = took_ms * RETRY_TIMES;

	if (pause_ms < RETRY_MS)
		return RETRY_MS;
	return pause_ms < RETRY_MOST_MS ? pause_ms : RETRY_MOST_MS;
}

struct error *postgres_connect(struct postgres *pg)
{
	int64_t began_ms = clock_mono_ms();
	struct error *e;

	if (pg->conn && PQstatus(pg->conn) == CONNECTION_OK)
		return NULL;
	if (pg->failed && began_ms - pg->failed_ms < pg->pause_ms)
		return error_copy(pg->failed);
	postgres_disconnect(pg);
	e = connect_now(pg);
	error_free(pg->failed);
	pg->failed = e ? error_copy(e) : NULL;
	pg->failed_ms = clock_mono_ms();
	pg->pause_ms = pause_after(pg->failed_ms - began_ms);
	return e;
}
