#include "chain/post.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "transfer/transfer.h"

struct post_client {
	struct transfers *transfers;
	struct curl_slist *headers;
};

struct post {
	struct transfer *transfer;
	char *body;
	struct buf *answer;
	size_t head_bytes; /* of all heads and of the trailers: libcurl keeps them until the end */
	bool too_long, head_too_long;
	post_fn *fn;
	void *arg;
};

static int client_destroy(struct post_client *p)
{
	mem_free(p->transfers); /* cuts off what borrows the headers */
	curl_slist_free_all(p->headers);
	return 0;
}

struct post_client *post_client_new(const void *ctx, uv_loop_t *loop)
{
	struct post_client *p = mem_new(ctx, struct post_client);

	p->transfers = transfers_new(p, loop, POST_CONNECTIONS);
	/* Large bodies are sent at once, without asking for leave first. */
	p->headers = curl_slist_append(curl_slist_append(NULL, "Content-Type: application/json"), "Expect:");
	if (!p->headers)
		abort();
	talloc_set_destructor(p, client_destroy);
	return p;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct post *post = arg;
	struct error *e = buf_append(post->answer, bytes, size * n);

	if (!e)
		return size * n;
	error_free(e);
	post->too_long = true;
	return 0;
}

static size_t on_line(char *line, size_t size, size_t n, void *arg)
{
	struct post *post = arg;

	(void)line;
	post->head_bytes += size * n;
	post->head_too_long = post->head_bytes > POST_HEAD_BYTES;
	return post->head_too_long ? 0 : size * n;
}

static struct error *outcome(struct post *post, CURLcode code)
{
	long status = 0;

	if (post->head_too_long)
		return error_new(ERROR_LIMIT, "the answer's head and trailers are longer than %d bytes",
				 POST_HEAD_BYTES);
	if (post->too_long)
		return error_new(ERROR_LIMIT, "the answer is longer than %zu bytes", post->answer->limit);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return error_new(ERROR_TIMEOUT, "no answer in time");
	if (code != CURLE_OK)
		return error_new(ERROR_UNAVAILABLE, "%s", transfer_reason(post->transfer, code));
	curl_easy_getinfo(transfer_handle(post->transfer), CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return error_new(ERROR_UNAVAILABLE, "HTTP status %ld", status);
	return NULL;
}

static void on_ended(CURLcode code, void *arg)
{
	struct post *post = talloc_steal(NULL, (struct post *)arg);
	struct error *e = outcome(post, code);

	post->fn(e, post->answer->data, post->answer->len, post->arg);
	mem_free(post);
	error_free(e);
}

struct post *post_start(const void *ctx, struct post_client *p, const char *url, const char *body, size_t n,
			size_t limit, int64_t deadline_ms, bool once, post_fn *fn, void *arg)
{
	struct post *post = mem_new(ctx, struct post);
	CURL *easy;

	post->fn = fn;
	post->arg = arg;
	post->body = mem_memdup(post, body, n);
	post->answer = buf_new(post, limit);
	post->transfer = transfer_new(post, p->transfers, url, deadline_ms, on_ended, post);
	easy = transfer_handle(post->transfer);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, p->headers);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, post->body);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_line);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, post);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, post);
	/* Words and numbers compress well, but an endpoint could make a bomb of it; bodies are bounded unpacked. */
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, NULL);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)once);
	transfer_start(post->transfer);
	return post;
}

static struct error *part_of(CURLU *url, CURLUPart part, char **ret_text)
{
	return curl_url_get(url, part, ret_text, CURLU_DEFAULT_PORT) == CURLUE_OK
		       ? NULL
		       : error_new(ERROR_INVALID, "the URL lacks a host");
}

struct error *post_check_url(const void *ctx, const char *text, char **ret_label)
{
	CURLU *url = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL;
	struct error *e = NULL;

	if (!url)
		abort();
	if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK)
		e = error_new(ERROR_INVALID, "an endpoint's URL is none such as http://127.0.0.1:8545");
	if (!e)
		e = part_of(url, CURLUPART_SCHEME, &scheme);
	if (!e && strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		e = error_new(ERROR_INVALID, "an endpoint's URL begins with %.20s, must begin with http or https",
			      scheme);
	if (!e)
		e = part_of(url, CURLUPART_HOST, &host);
	if (!e)
		e = part_of(url, CURLUPART_PORT, &port);
	if (!e)
		*ret_label = mem_printf(ctx, "%s://%s:%s", scheme, host, port);
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(url);
	return e;
}
