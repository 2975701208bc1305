/* Error values: what failed, on what, why, and what to do, for a person.
 *
 * A function that can fail returns `struct error *`: NULL is success. Outputs are named `ret_...`
 * and stay untouched on failure. A caller's bug is an assert(), a peer's or a user's mistake is an error.
 * Ownership: the receiver of a non-NULL error owns it and must pass it on or error_free() it.
 * Threads: an error may be handed from one thread to another.
 */
#ifndef DSN_BASE_ERROR_H
#define DSN_BASE_ERROR_H

#include <stdarg.h>

enum error_code {
	ERROR_INVALID = 1, /* input is malformed or out of range: mend the input */
	ERROR_NOT_FOUND,   /* what was named does not exist */
	ERROR_EXISTS,      /* it is there already, or somebody else holds it */
	ERROR_REFUSED,     /* not allowed: rights, policy, maintenance */
	ERROR_UNAVAILABLE, /* a peer is away; trying again later can help */
	ERROR_TIMEOUT,     /* no answer within the deadline */
	ERROR_LIMIT,       /* a bound was reached: size, count, capacity, disk */
	ERROR_IO,          /* the operating system refused; the message carries its reason */
	ERROR_FAILED,      /* an external program or peer reported failure */
};

struct error {
	enum error_code code;
	char *message; /* one line, no trailing newline, never a credential */
};

#define MUST_CHECK __attribute__((warn_unused_result))
/* Makers never return NULL: out of memory ends the process. */
#define ERROR_MAKER MUST_CHECK __attribute__((returns_nonnull))

struct error *error_new(enum error_code code, const char *fmt, ...) __attribute__((format(printf, 2, 3))) ERROR_MAKER;
struct error *error_vnew(enum error_code code, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0))) ERROR_MAKER;
/* ERROR_IO (or a nearer code) with ": strerror(err)" appended; `err` is an errno value. */
struct error *error_sys(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3))) ERROR_MAKER;
/* The same for a libuv status (negative). */
struct error *error_uv(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3))) ERROR_MAKER;
/* Puts "context: " before the message; takes `e` and returns it. */
struct error *error_wrap(struct error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3))) ERROR_MAKER;
struct error *error_copy(const struct error *e) MUST_CHECK;
void error_free(struct error *e);

/* Stable lower-case word of a code ("invalid", "not-found", ...), used in results and JSON. */
const char *error_code_name(enum error_code code);
/* Reverse of error_code_name(); ERROR_FAILED for an unknown word. */
enum error_code error_code_from_name(const char *name);
/* Process exit code for an error: 2 invalid, 3 not-found, 4 refused/exists, 5 unavailable, 6 timeout, 1 otherwise. */
int error_exit_code(const struct error *e);

/* Return from the calling function when `expr` fails. */
#define TRY(expr)                                  \
	do {                                       \
		struct error *try_error_ = (expr); \
		if (try_error_)                    \
			return try_error_;         \
	} while (0)

#endif
