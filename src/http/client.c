#include "http/client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/wire.h"
#include "http/head.h"
#include "transfer/transfer.h"

#define DEADLINE_MS 30000
#define BODY_LIMIT ((size_t)1 << 20)

struct exchange {
	uv_loop_t *loop;
	http_answer_fn *fn;
	void *arg;
	char *where; /* for messages: "unix:/path" or "host:port" */
	int64_t deadline_ms;
	struct error *failed; /* refused by us: the request, or what came of the answer */
	const struct http_reach *reach;
	struct error *refused; /* an address that is out of reach; others of the host may do */
	struct transfer *transfer;
	struct curl_slist *headers;
	char *body;
	struct buf *head, *out;
	size_t head_bytes; /* of all heads and of the trailers */
	int status;        /* 0 before the final head */
	bool sent;         /* the request, or a part of it */
	char *text;        /* of the final head, cut up for: */
	struct http_head final;
};

static int exchange_destroy(struct exchange *x)
{
	error_free(x->failed);
	error_free(x->refused);
	mem_free(x->transfer); /* borrows the headers */
	curl_slist_free_all(x->headers);
	return 0;
}

/* Ends the exchange: the callback may free anything, so nothing of the exchange is touched after it. */
static void finish(struct exchange *x, struct error *e)
{
	void *keep = talloc_new(NULL);
	struct http_head final;
	struct http_answer answer = {.error = e, .sent = x->sent, .body = ""};
	http_answer_fn *fn = x->fn;
	void *arg = x->arg;

	if (e) {
		answer.error = error_wrap(e, "%s", x->where);
	} else {
		answer.status = x->status;
		answer.body = x->out->data ? x->out->data : "";
		answer.len = x->out->len;
		talloc_steal(keep, x->out);
		talloc_steal(keep, x->text);
		final = x->final;
		answer.head = &final;
	}
	mem_free(x);
	fn(&answer, arg);
	error_free(answer.error);
	mem_free(keep);
}

static struct error *take(struct error **at)
{
	struct error *e = *at;

	*at = NULL;
	return e;
}

static struct error *take_failure(struct exchange *x)
{
	return take(&x->failed);
}

static void on_refused(void *arg)
{
	finish(arg, take_failure(arg));
}

/* --- the answer --- */

/* The head once more, strictly: libcurl is lenient where two readers could see two messages. */
static struct error *take_head(struct exchange *x)
{
	enum http_framing framing;
	uint64_t length;

	mem_free(x->text);
	x->text = mem_memdup(x, x->head->data, x->head->len);
	TRY(http_head_answer(x->text, x->head->len, &x->final));
	buf_clear(x->head);
	if (x->final.status == 101)
		return error_new(ERROR_INVALID, "HTTP upgrade that nobody asked for");
	if (x->final.status < 200)
		return NULL; /* an interim answer: the real one follows */
	TRY(http_head_framing(&x->final, &framing, &length));
	x->status = x->final.status;
	return NULL;
}

static struct error *take_line(struct exchange *x, const char *line, size_t n)
{
	x->head_bytes += n;
	if (x->head_bytes > HTTP_HEAD_BYTES)
		return error_new(ERROR_LIMIT, "head of the HTTP answer is over %d bytes", HTTP_HEAD_BYTES);
	if (x->status)
		return NULL; /* a trailer */
	TRY(buf_append(x->head, line, n));
	return *line == '\r' || *line == '\n' ? take_head(x) : NULL;
}

static size_t on_line(char *line, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;

	if (!x->failed)
		x->failed = take_line(x, line, size * n);
	return x->failed ? 0 : size * n;
}

static struct error *over_limit(const struct exchange *x)
{
	return error_new(ERROR_LIMIT, "HTTP body is over the limit of %zu bytes", x->out->limit);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct exchange *x = arg;

	if (size * n > x->out->limit - x->out->len)
		x->failed = x->failed ? x->failed : over_limit(x);
	if (!x->failed)
		x->failed = buf_append(x->out, bytes, size * n);
	return x->failed ? 0 : size * n;
}

/* Asked for each address that the host has, just before it is connected to: a name may mean another one each time. */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct exchange *x = arg;
	struct error *e = http_reach_check(x->reach, &a->addr);

	(void)purpose;
	if (!e)
		return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
	error_free(x->refused);
	x->refused = e;
	return CURL_SOCKET_BAD;
}

static struct error *connect_error(int number, const char *reason)
{
	struct error *e;

	if (!number)
		return error_new(ERROR_UNAVAILABLE, "%s", reason);
	e = error_uv(-number, "cannot connect");
	/* Refused or no socket file: the peer is away. No right to open it is another matter. */
	if (number == ECONNREFUSED || number == ENOENT)
		e->code = ERROR_UNAVAILABLE;
	else if (number == EACCES)
		e->code = ERROR_REFUSED;
	return e;
}

static struct error *outcome(struct exchange *x, CURLcode code)
{
	const char *reason = transfer_reason(x->transfer, code);
	long number = 0;

	if (x->failed)
		return take_failure(x);
	curl_easy_getinfo(transfer_handle(x->transfer), CURLINFO_OS_ERRNO, &number);
	switch (code) {
	case CURLE_OK:
		return x->status ? NULL : error_new(ERROR_INVALID, "an answer that is no HTTP/1.1");
	case CURLE_OPERATION_TIMEDOUT:
		return error_new(ERROR_TIMEOUT, "no complete HTTP answer within %lld ms", (long long)x->deadline_ms);
	case CURLE_COULDNT_RESOLVE_HOST:
		return error_new(ERROR_UNAVAILABLE, "cannot find the host's address: %s", reason);
	case CURLE_COULDNT_CONNECT:
		if (x->refused)
			return take(&x->refused);
		return connect_error((int)number, reason);
	case CURLE_GOT_NOTHING:
		return error_new(ERROR_UNAVAILABLE, "connection closed before an HTTP answer");
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CONNECT_ERROR:
		return error_new(ERROR_REFUSED, "TLS: %s", reason);
	case CURLE_FILESIZE_EXCEEDED:
		return over_limit(x);
	case CURLE_OUT_OF_MEMORY: /* of a line, 100 KB */
		return error_new(ERROR_LIMIT, "a line of the HTTP answer's head is too long");
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		if (number)
			return error_uv(-(int)number, "reading the HTTP answer");
		if (code == CURLE_SEND_ERROR)
			return error_new(ERROR_UNAVAILABLE, "connection lost before the HTTP answer: %s", reason);
		return error_new(ERROR_INVALID, "malformed HTTP answer: %s", reason);
	default:
		return error_new(ERROR_INVALID, "malformed HTTP answer: %s", reason);
	}
}

static void on_ended(CURLcode code, void *arg)
{
	struct exchange *x = arg;
	long bytes = 0;

	x->sent =
		curl_easy_getinfo(transfer_handle(x->transfer), CURLINFO_REQUEST_SIZE, &bytes) == CURLE_OK && bytes > 0;
	finish(x, outcome(x, code));
}

/* --- the request --- */

static bool plain(const char *s, bool blanks)
{
	for (; *s; s++)
		if ((unsigned char)*s < (blanks ? 0x20 : 0x21) || *s == 0x7f)
			return false;
	return true;
}

/* A value that could end its line early is refused. */
static struct error *check(const struct http_exchange *in)
{
	if (!plain(in->method, false) || !plain(in->path, false) || in->path[0] != '/' ||
	    (in->content_type && !plain(in->content_type, true)) ||
	    (in->authorization && !plain(in->authorization, true)))
		return error_new(ERROR_INVALID, "HTTP request with blanks or control bytes in its head");
	return in->unix_path ? wire_check_path(in->unix_path) : NULL;
}

static struct error *compose_url(struct exchange *x, const struct http_exchange *in, char **ret_url)
{
	const char *host = in->unix_path ? "localhost" : in->host;
	char *bracketed = strchr(host, ':') ? mem_printf(x, "[%s]", host) : mem_strdup(x, host);
	char *port = mem_printf(x, "%d", in->unix_path ? 80 : in->port), *text = NULL;
	CURLU *url = curl_url();

	if (!url)
		abort();
	bool good = curl_url_set(url, CURLUPART_SCHEME, in->tls ? "https" : "http", 0) == CURLUE_OK &&
		    curl_url_set(url, CURLUPART_HOST, bracketed, 0) == CURLUE_OK &&
		    curl_url_set(url, CURLUPART_PORT, port, 0) == CURLUE_OK &&
		    curl_url_set(url, CURLUPART_PATH, "/", 0) == CURLUE_OK &&
		    curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK;
	curl_url_cleanup(url);
	if (!good)
		return error_new(ERROR_INVALID, "this is no host and port");
	*ret_url = mem_strdup(x, text);
	curl_free(text);
	return NULL;
}

/* NULL: this one is not sent. */
static void add_header(struct exchange *x, const char *name, const char *value)
{
	char *line = value ? mem_printf(x, "%s: %s", name, value) : mem_printf(x, "%s:", name);
	struct curl_slist *longer = curl_slist_append(x->headers, line);

	if (!longer)
		abort();
	x->headers = longer;
	mem_free(line);
}

static void set_request(struct exchange *x, const struct http_exchange *in, CURL *easy)
{
	bool to_head = !strcmp(in->method, "HEAD");

	/* The path goes out as it is: nothing of it is read, dots and sharps included. */
	curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, in->path);
	if (in->unix_path)
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, in->unix_path);
	if (in->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, in->ca_file);
	add_header(x, "Host", in->unix_path ? "localhost" : in->host);
	if (!in->kept)
		add_header(x, "Connection", "close");
	add_header(x, "Content-Type", in->content_type);
	add_header(x, "Expect", NULL); /* large bodies are sent at once, without asking for leave first */
	if (in->authorization)
		add_header(x, "Authorization", in->authorization);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, x->headers);
	if (in->body || (!to_head && strcmp(in->method, "GET") != 0)) {
		x->body = mem_memdup(x, in->body ? in->body : "", in->body ? in->body_len : 0);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(in->body ? in->body_len : 0));
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, x->body);
	}
	if (to_head)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, in->method);
}

static void set_answer(struct exchange *x, CURL *easy, bool kept)
{
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, kept ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, kept ? 0L : 1L);
	if (x->reach) {
		curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
		curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, x);
	}
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_line);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)x->out->limit);
}

static struct error *begin(struct exchange *x, const struct http_exchange *in)
{
	char *url = NULL;
	CURL *easy;

	TRY(check(in));
	TRY(compose_url(x, in, &url));
	x->transfer =
		transfer_new(x, in->kept ? in->kept : transfers_shared(x, x->loop), url, x->deadline_ms, on_ended, x);
	easy = transfer_handle(x->transfer);
	set_request(x, in, easy);
	set_answer(x, easy, in->kept && !in->reach); /* what is kept was connected to by another rule */
	transfer_start(x->transfer);
	return NULL;
}

void http_fetch(const void *ctx, uv_loop_t *loop, const struct http_exchange *in, http_answer_fn *fn, void *arg)
{
	struct exchange *x = mem_new(ctx, struct exchange);

	talloc_set_destructor(x, exchange_destroy);
	x->loop = loop;
	x->reach = in->reach;
	x->fn = fn;
	x->arg = arg;
	x->where = in->unix_path ? mem_printf(x, "unix:%s", in->unix_path) : mem_printf(x, "%s:%d", in->host, in->port);
	x->head = buf_new(x, HTTP_HEAD_BYTES);
	x->out = buf_new(x, in->limit ? in->limit : BODY_LIMIT);
	x->deadline_ms = in->deadline_ms ? in->deadline_ms : DEADLINE_MS;
	x->failed = begin(x, in);
	if (x->failed) /* never from inside http_fetch(): the callback comes with the loop's next turn */
		timer_start(x, loop, 0, 0, on_refused, x);
}
