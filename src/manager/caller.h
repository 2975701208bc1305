/* Who calls a method. One struct, which every transport fills in its own way: HTTP from a bearer token, the bus from a
 * message's signer, a service with manager_self(). */
#ifndef DSN_MANAGER_CALLER_H
#define DSN_MANAGER_CALLER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/hex.h"
#include "base/json.h"

enum caller_role {
	CALLER_ANYONE = 1,
	CALLER_CUSTOMER = 2, /* orders, and sees what is his */
	CALLER_SUPPLIER = 4, /* owns nodes */
	CALLER_OPERATOR = 8, /* runs the network: sees all */
	CALLER_SERVICE = 16, /* a service of this network, by itself */
};

#define CALLER_SESSION_DIGITS 16

struct caller {
	char address[ID_DIGITS + 1];             /* 40 lower-case hex digits; "": nobody in particular */
	unsigned roles;                          /* of enum caller_role, all that he has */
	char session[CALLER_SESSION_DIGITS + 1]; /* the login he calls by (manager/sessions); "": none */
	bool passed_on; /* another dsnd of this network has passed his call on, and vouches for him (manager/remotes.h)
			 */
};

/* "customer, operator"; of a table's row. Belongs to ctx. */
char *caller_roles_text(const void *ctx, unsigned roles);
/* The role of that name; 0: there is none. */
unsigned caller_role(const char *word);

/* {"address", "roles": ["customer", ...], "session"}, as one dsnd tells another one who calls. */
json_t *caller_json(const struct caller *caller);
/* ERROR_INVALID names the place. */
struct error *caller_read(const json_t *o, const struct json_place *at, struct caller *ret_caller) MUST_CHECK;

/* --- callers with tokens --- */

#define CALLER_TOKEN_MOST 128 /* letters */
/* Long enough that nobody guesses it, and printable. Says nothing of what is in it. */
struct error *caller_check_token(const char *token) MUST_CHECK;

struct callers;
/* `own` is the file of the operator's token, one line, made (0600) when it is missing; who shows it is `self`.
 * `file` (NULL: none) names others, a line each: ADDRESS ROLE[,ROLE...] TOKEN, # begins a comment; with - for TOKEN he
 * logs in with his key. Both are refused unless they are ours and 0600. Belongs to ctx; tokens are wiped with it. */
struct error *callers_open(const void *ctx, const char *own, const char *self, const char *file,
			   struct callers **ret_callers) MUST_CHECK;

/* Who knows more callers than the files do: a service that gives out tokens. */
struct callers_source {
	/* ERROR_REFUSED when the token is nobody's. */
	struct error *(*find)(const char *token, struct caller *ret_caller, void *arg);
	/* Roles that an address has beside those of the files; 0: none. */
	unsigned (*roles)(const char *address, void *arg);
	void *arg;
};
/* One at most; NULL: not for now, and tokens of no file are ERROR_UNAVAILABLE. Borrowed. */
void callers_join(struct callers *all, const struct callers_source *source);

/* Who shows `token` (NULL: none): CALLER_ANYONE when there is none, ERROR_REFUSED when nobody has it,
 * ERROR_UNAVAILABLE when that cannot be told. */
struct error *callers_find(const struct callers *all, const char *token, struct caller *ret_caller) MUST_CHECK;
/* Who has proved to be `address` (40 hex digits of either case), by a key: with CALLER_ANYONE alone where neither the
 * files nor the source know him. */
void callers_known(const struct callers *all, const char *address, struct caller *ret_caller);
/* The n-th that the files name; NULL: there are no more. */
const char *callers_at(const struct callers *all, size_t n);
/* Do the files name him? */
bool callers_listed(const struct callers *all, const char *address);

#endif
