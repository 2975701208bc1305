/* Exchanges of libcurl on the libuv loop, under rules that no user of it can forget: http and https only, no redirects,
 * no proxies (also none of the environment), no cookies, no netrc, no signals, no curl_easy_perform(). Names are looked
 * up by a thread; whoever gives up meanwhile does not wait for it.
 *
 * What is asked and how much of an answer is taken are options of the handle, which its user sets: sizes are bounded by
 * the user's callbacks. Threads: loop thread.
 */
#ifndef DSN_TRANSFER_TRANSFER_H
#define DSN_TRANSFER_TRANSFER_H

#include <curl/curl.h>
#include <stdint.h>
#include <uv.h>

/* Transfers that share kept connections. */
struct transfers;
/* `connections`: to one host, at most; 0: no bound. Freed before its transfers, it cuts them off: their callbacks never
 * come. */
struct transfers *transfers_new(const void *ctx, uv_loop_t *loop, int connections);
/* The same without bound, one for all who ask for that of a loop; gone with the last of their `ctx`. */
struct transfers *transfers_shared(const void *ctx, uv_loop_t *loop);

struct transfer;
/* It ended with `code`. `fn` may free anything; what it does not free keeps the handle for questions until then. */
typedef void transfer_fn(CURLcode code, void *arg);

/* `deadline_ms`: for all of it, from the start to the last byte of the answer; over 24 days count as 24. `url`
 * is copied. */
struct transfer *transfer_new(const void *ctx, struct transfers *all, const char *url, int64_t deadline_ms,
			      transfer_fn *fn, void *arg);
/* For curl_easy_setopt() before the start and curl_easy_getinfo() at the end; belongs to the transfer, whose own are
 * CURLOPT_PRIVATE and CURLOPT_ERRORBUFFER. */
CURL *transfer_handle(struct transfer *t);
/* Begins at once: when it returns, the path of a unix socket has been opened and is no longer needed. `fn` comes once,
 * in a later turn of the loop; freeing the transfer earlier gives it up. */
void transfer_start(struct transfer *t);
/* Why it ended so, in libcurl's words; belongs to the transfer. */
const char *transfer_reason(const struct transfer *t, CURLcode code);

#endif
