/* From what a person types to an id: the id itself, a name, or the beginning of an id, of the nodes and agents known
 * here.
 *
 * A name goes before a beginning. Names are what nodes say of themselves, so one that several have names none of them:
 * the error lists the candidates. Threads: loop thread.
 */
#ifndef DSN_VCLI_NODE_RESOLVE_H
#define DSN_VCLI_NODE_RESOLVE_H

#include "vcli/vcli.h"

struct resolve_entry {
	const char *id, *name; /* name NULL: none */
	const char *what;      /* "storage", "agent", for the candidates of an error */
};

/* The one entry that `text` means; NULL and *ret_error NULL: none. *ret_error (ERROR_INVALID): several, listed. The
 * same id may be in the list more than once. */
const struct resolve_entry *resolve_match(const char *text, const struct resolve_entry *entries, size_t count,
					  struct error **ret_error);

enum resolve_kind { RESOLVE_NODE = 1, RESOLVE_AGENT = 2, RESOLVE_ANY = 3 };
/* In lower case, ctx's. A whole id need not be known. ERROR_INVALID: none, or several. */
struct error *resolve_id(const void *ctx, const struct client_options *client, const char *text, enum resolve_kind kind,
			 char **ret_id) MUST_CHECK;
/* For what costs money: a node's address (or anybody's) as on the chain, whole or as the beginning of the id of a node
 * known here; which one is said on standard error. A name is not taken: whoever runs a node may call it so. `what`
 * names the argument in errors. */
struct error *resolve_address(struct vcli *v, const char *what, const char *text, char **ret_address) MUST_CHECK;

#endif
