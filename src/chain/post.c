#include "chain/post.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/loop.h"
#include "base/mem.h"

struct post_client {
	CURLM *multi;
	uv_loop_t *loop;
	struct timer *timer;
	struct curl_slist *headers;
	struct post *posts;
};

struct post {
	struct post_client *client;
	struct post *next, **link;
	CURL *easy;
	char *body;
	struct buf *answer;
	bool too_long;
	size_t limit;
	post_fn *fn;
	void *arg;
	char why[CURL_ERROR_SIZE];
};

/* libcurl asks for this; uv needs its own memory until it has closed the handle. */
struct post_watch {
	uv_poll_t handle;
	curl_socket_t fd;
	struct post_client *client;
};

static void finish_posts(struct post_client *p);

static void act(struct post_client *p, curl_socket_t fd, int events)
{
	int running;

	curl_multi_socket_action(p->multi, fd, events, &running);
	finish_posts(p);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct post_watch *w = handle->data;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0;

	flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
	flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
	act(w->client, w->fd, flags);
}

static void on_timer(void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct post_client *p = arg;

	(void)multi;
	if (timeout_ms < 0) {
		mem_free(p->timer);
		p->timer = NULL;
	} else if (p->timer) {
		timer_again(p->timer, timeout_ms, 0);
	} else {
		p->timer = timer_start(p, p->loop, timeout_ms, 0, on_timer, p);
	}
	return 0;
}

static void watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void watch_release(struct post_watch *w)
{
	/* loop_drain() has closed it already without a callback. */
	if (uv_is_closing((uv_handle_t *)&w->handle)) {
		free(w);
	} else {
		uv_poll_stop(&w->handle);
		uv_close((uv_handle_t *)&w->handle, watch_closed);
	}
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct post_client *p = arg;
	struct post_watch *w = socket_arg;
	int events = (what != CURL_POLL_OUT ? UV_READABLE : 0) | (what != CURL_POLL_IN ? UV_WRITABLE : 0);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w) {
			curl_multi_assign(p->multi, fd, NULL);
			watch_release(w);
		}
		return 0;
	}
	if (!w) {
		w = calloc(1, sizeof(*w));
		if (!w)
			abort();
		if (uv_poll_init_socket(p->loop, &w->handle, fd) != 0) {
			free(w);
			return -1;
		}
		w->handle.data = w;
		w->fd = fd;
		w->client = p;
		curl_multi_assign(p->multi, fd, w);
	}
	uv_poll_start(&w->handle, events, on_poll);
	return 0;
}

static void post_unlink(struct post *post)
{
	if (!post->easy)
		return;
	curl_multi_remove_handle(post->client->multi, post->easy);
	curl_easy_cleanup(post->easy);
	post->easy = NULL;
	*post->link = post->next;
	if (post->next)
		post->next->link = post->link;
}

static int post_destroy(struct post *post)
{
	post_unlink(post);
	return 0;
}

static int client_destroy(struct post_client *p)
{
	while (p->posts)
		post_unlink(p->posts);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, NULL);
	curl_multi_cleanup(p->multi);
	curl_slist_free_all(p->headers);
	return 0;
}

struct post_client *post_client_new(const void *ctx, uv_loop_t *loop)
{
	static bool begun;
	struct post_client *p = mem_new(ctx, struct post_client);

	if (!begun && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
	begun = true;
	p->loop = loop;
	p->multi = curl_multi_init();
	/* Large bodies are sent at once, without asking for leave first. */
	p->headers = curl_slist_append(curl_slist_append(NULL, "Content-Type: application/json"), "Expect:");
	if (!p->multi || !p->headers)
		abort();
	curl_multi_setopt(p->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(p->multi, CURLMOPT_SOCKETDATA, p);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(p->multi, CURLMOPT_TIMERDATA, p);
	curl_multi_setopt(p->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)POST_CONNECTIONS);
	talloc_set_destructor(p, client_destroy);
	return p;
}

/* --- one exchange --- */

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

static struct error *outcome(struct post *post, CURLcode code)
{
	long status = 0;

	if (post->too_long)
		return error_new(ERROR_LIMIT, "the answer is longer than %zu bytes", post->limit);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return error_new(ERROR_TIMEOUT, "no answer in time");
	if (code != CURLE_OK)
		return error_new(ERROR_UNAVAILABLE, "%s", *post->why ? post->why : curl_easy_strerror(code));
	curl_easy_getinfo(post->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return error_new(ERROR_UNAVAILABLE, "HTTP status %ld", status);
	return NULL;
}

static void finish(struct post *post, CURLcode code)
{
	struct error *e = outcome(post, code);

	post_unlink(post);
	talloc_steal(NULL, post);
	post->fn(e, post->answer->data, post->answer->len, post->arg);
	mem_free(post);
	error_free(e);
}

static void finish_posts(struct post_client *p)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(p->multi, &left))) {
		struct post *post = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&post);
		finish(post, message->data.result);
	}
}

static void set_options(struct post *post, const char *url, size_t n, int64_t deadline_ms)
{
	CURL *easy = post->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, post);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, post->client->headers);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, post->body);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, post);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)deadline_ms);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, post->why);
	/* Words and numbers compress well, but an endpoint could make a bomb of it; bodies are bounded unpacked. */
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, NULL);
}

struct post *post_start(const void *ctx, struct post_client *p, const char *url, const char *body, size_t n,
			size_t limit, int64_t deadline_ms, bool once, post_fn *fn, void *arg)
{
	struct post *post = mem_new(ctx, struct post);

	post->client = p;
	post->fn = fn;
	post->arg = arg;
	post->limit = limit;
	post->body = mem_memdup(post, body, n);
	post->answer = buf_new(post, limit);
	post->easy = curl_easy_init();
	if (!post->easy)
		abort();
	set_options(post, url, n, deadline_ms);
	curl_easy_setopt(post->easy, CURLOPT_FRESH_CONNECT, (long)once);
	post->next = p->posts;
	post->link = &p->posts;
	if (p->posts)
		p->posts->link = &post->next;
	p->posts = post;
	talloc_set_destructor(post, post_destroy);
	curl_multi_add_handle(p->multi, post->easy);
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
