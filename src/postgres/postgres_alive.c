/* Whether the server is there at all, when an answer does not come: one that works long or waits for a lock takes a new
 * connection and says something at once; one that is frozen, or whose machine has gone, does not. */
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "postgres/postgres_impl.h"

/* That server, not another one of the URL, and without looking a name up. */
static PGconn *begin(const struct postgres *pg)
{
	const char *host = PQhost(pg->conn), *address = PQhostaddr(pg->conn), *port = PQport(pg->conn);
	const char **keywords, **values;
	size_t n = 0;
	PGconn *probe;

	while (pg->url->keywords[n])
		n++;
	keywords = mem_array(NULL, const char *, n + 4);
	values = mem_array(keywords, const char *, n + 4);
	memcpy(keywords, pg->url->keywords, n * sizeof(*keywords));
	memcpy(values, pg->url->values, n * sizeof(*values));
	/* Of a keyword that is there twice the last one counts; an empty value is none. */
	keywords[n] = "host", values[n++] = host;
	keywords[n] = "hostaddr", values[n++] = address;
	keywords[n] = "port", values[n++] = port;
	probe = PQconnectStartParams(keywords, values, 0);
	mem_free(keywords);
	return probe;
}

/* Until `probe` can go on, or what is waited for has come; false: neither in time. */
static bool wait_for_one(const struct pollfd fds[2], int64_t until_ms, bool *ret_came)
{
	struct pollfd both[2] = {fds[0], fds[1]};
	int ready = -1;

	while (ready < 0) { /* a signal */
		int64_t left_ms = until_ms - clock_mono_ms();

		ready = left_ms > 0 ? poll(both, 2, (int)left_ms) : 0;
	}
	*ret_came = both[1].revents != 0 || (both[0].revents & POLLIN) != 0;
	return ready > 0;
}

bool postgres_is_alive(const struct postgres *pg, int64_t until_ms)
{
	PGconn *probe = begin(pg);
	PostgresPollingStatusType next = PGRES_POLLING_WRITING;
	bool came = false;

	/* The first byte of whatever kind is enough: nobody logs in. */
	while (!came && probe && PQstatus(probe) != CONNECTION_BAD && next != PGRES_POLLING_FAILED &&
	       next != PGRES_POLLING_OK) {
		const struct pollfd fds[2] = {
			{.fd = PQsocket(probe), .events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT},
			{.fd = PQsocket(pg->conn), .events = POLLIN}};

		if (!wait_for_one(fds, until_ms, &came))
			break;
		if (!came)
			next = PQconnectPoll(probe);
	}
	came = came || next == PGRES_POLLING_OK;
	PQfinish(probe);
	return came;
}
