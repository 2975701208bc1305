/* Lists that an endpoint tells page by page: how much of them is believed to be. An endpoint that never comes to an
 * end, or tells more at once than was asked for, is refused before it fills the memory. Private to contracts/. Pure;
 * threads: any. */
#ifndef DSN_CONTRACTS_PAGES_H
#define DSN_CONTRACTS_PAGES_H

#include <stddef.h>

#include "base/error.h"

#define PAGES_PAGE 100              /* as many rows as the contracts give at once */
#define PAGES_ROWS_MOST 65536       /* of one list */
#define PAGES_BYTES_MOST (64 << 20) /* of all that its rows say: keys, names, addresses on the net */

struct pages {
	size_t rows, bytes; /* so far */
};

/* One page more. ERROR_INVALID: it has more rows than a page; ERROR_LIMIT: they are too many in all. `what` names the
 * list. */
struct error *pages_take(struct pages *p, const char *what, size_t rows) MUST_CHECK;
/* What a row says more. ERROR_LIMIT: it is too much in all. */
struct error *pages_take_bytes(struct pages *p, const char *what, size_t bytes) MUST_CHECK;

#endif
