#include "contracts/pages.h"

struct error *pages_take(struct pages *p, const char *what, size_t rows)
{
	if (rows > PAGES_PAGE)
		return error_new(ERROR_INVALID, "%s: the endpoint tells %zu rows on a page that has room for %d", what,
				 rows, PAGES_PAGE);
	if (rows > PAGES_ROWS_MOST - p->rows)
		return error_new(ERROR_LIMIT,
				 "%s: the endpoint tells more than %d rows, which is taken for a list without end; "
				 "name another endpoint with --chain-rpc",
				 what, PAGES_ROWS_MOST);
	p->rows += rows;
	return NULL;
}

struct error *pages_take_bytes(struct pages *p, const char *what, size_t bytes)
{
	if (bytes > PAGES_BYTES_MOST - p->bytes)
		return error_new(ERROR_LIMIT,
				 "%s: the endpoint tells more than %d bytes of its rows; name another endpoint with "
				 "--chain-rpc",
				 what, PAGES_BYTES_MOST);
	p->bytes += bytes;
	return NULL;
}
