/* Sign-In with Ethereum (ERC-4361): the text that a wallet shows to its owner and signs (EIP-191, chain/typed.h), so
 * that a server knows whose it is.
 *
 * Read strictly, as the standard's ABNF has it: lines end with LF, printable ASCII only, the fields in their order,
 * each once, nothing behind them; so no two readers see two messages. What the fields say (whose domain, which nonce,
 * whether it is over) is for the caller to judge. Bounds: SIGNIN_BYTES, SIGNIN_RESOURCES. Threads: any.
 */
#ifndef DSN_CHAIN_SIGNIN_H
#define DSN_CHAIN_SIGNIN_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "crypto/secp.h"

#define SIGNIN_BYTES 2048
#define SIGNIN_RESOURCES 8
#define SIGNIN_NONCE_LEAST 8

struct signin {
	const char *scheme; /* NULL: not said */
	const char *domain; /* "example.org:8443" */
	uint8_t address[ETH_ADDRESS_BYTES];
	const char *statement; /* NULL: none */
	const char *uri;
	int64_t chain_id;
	const char *nonce;                       /* letters and digits */
	int64_t issued_ms;                       /* since 1970 */
	int64_t expires_ms;                      /* 0: not said */
	int64_t not_before_ms;                   /* 0: not said */
	const char *request_id;                  /* NULL: not said */
	const char *resources[SIGNIN_RESOURCES]; /* up to the first NULL */
};

/* The texts of *ret belong to ctx. ERROR_INVALID names the field and how it should be. */
struct error *signin_read(const void *ctx, const char *text, size_t n, struct signin *ret) MUST_CHECK;
/* What signin_read() reads as `s`; belongs to ctx. Its texts are as the standard has them. */
char *signin_write(const void *ctx, const struct signin *s);

/* "2026-01-31T12:00:00.5Z", "...+01:00" (RFC 3339), of the years 1970 to 9999. ERROR_INVALID says what is wrong. */
struct error *signin_read_time(const char *text, int64_t *ret_ms) MUST_CHECK;

#endif
