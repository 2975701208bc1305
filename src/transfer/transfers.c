/* libcurl says which sockets and which instant it waits for; here the loop waits for them. */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/loop.h"
#include "base/mem.h"
#include "transfer/transfer_impl.h"

struct transfers {
	CURLM *multi;
	uv_loop_t *loop;
	struct timer *timer;    /* libcurl's */
	uv_idle_t *soon;        /* active: something is to be done as soon as other handles had their turn */
	struct transfer *list;  /* begun, or still to begin */
	struct transfer *ended; /* to be told of now */
	bool *gone;             /* while callbacks come, of who calls: set when one of them freed this */
};

/* libcurl asks for this. */
struct transfer_watch {
	uv_poll_t handle; /* the first, see handle_new() */
	curl_socket_t fd;
	struct transfers *all;
};

/* What begins with a handle of uv, which needs that memory until it has closed it. */
static void *handle_new(size_t size)
{
	void *handle = calloc(1, size);

	if (!handle)
		abort();
	return handle;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

static void release(uv_handle_t *handle)
{
	/* loop_drain() has closed it already without a callback. */
	if (uv_is_closing(handle))
		free(handle);
	else
		uv_close(handle, on_closed);
}

CURLM *transfers_multi(struct transfers *all)
{
	return all->multi;
}

struct transfer **transfers_list(struct transfers *all)
{
	return &all->list;
}

/* Ends what has ended; a callback may begin and free others, and all of this. What is begun meanwhile is told of in a
 * later turn, also where it ends at once: who tries again and again does not stop the loop. */
static void tell(struct transfers *all)
{
	struct transfer **last = &all->ended;
	bool *gone = mem_new(NULL, bool);
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(all->multi, &left))) {
		if (message->msg == CURLMSG_DONE)
			last = transfer_ended(message->easy_handle, message->data.result, last);
	}
	all->gone = gone;
	while (!*gone && all->ended)
		transfer_tell(all->ended);
	if (!*gone)
		all->gone = NULL;
	mem_free(gone);
}

static void act(struct transfers *all, curl_socket_t fd, int events)
{
	int running;

	curl_multi_socket_action(all->multi, fd, events, &running);
	tell(all);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct transfer_watch *w = handle->data;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0;

	flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
	flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
	act(w->all, w->fd, flags);
}

static void on_timer(void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void on_soon(uv_idle_t *handle)
{
	uv_idle_stop(handle);
	act(handle->data, CURL_SOCKET_TIMEOUT, 0);
}

/* A timer of 0 that a timer's callback begins would come before any socket. */
static void act_soon(struct transfers *all)
{
	/* A loop that was drained has closed it already. */
	if (!uv_is_closing((uv_handle_t *)all->soon))
		uv_idle_start(all->soon, on_soon);
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct transfers *all = arg;

	(void)multi;
	if (timeout_ms == 0)
		act_soon(all);
	if (timeout_ms <= 0) {
		mem_free(all->timer);
		all->timer = NULL;
	} else if (all->timer) {
		timer_again(all->timer, timeout_ms, 0);
	} else {
		all->timer = timer_start(all, all->loop, timeout_ms, 0, on_timer, all);
	}
	return 0;
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct transfers *all = arg;
	struct transfer_watch *w = socket_arg;
	int events = (what != CURL_POLL_OUT ? UV_READABLE : 0) | (what != CURL_POLL_IN ? UV_WRITABLE : 0);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w) {
			curl_multi_assign(all->multi, fd, NULL);
			release((uv_handle_t *)&w->handle);
		}
		return 0;
	}
	if (!w) {
		w = handle_new(sizeof(*w));
		if (uv_poll_init_socket(all->loop, &w->handle, fd) != 0) {
			free(w);
			return -1;
		}
		w->handle.data = w;
		w->fd = fd;
		w->all = all;
		curl_multi_assign(all->multi, fd, w);
	}
	uv_poll_start(&w->handle, events, on_poll);
	return 0;
}

void transfers_begin(struct transfers *all)
{
	int running;

	curl_multi_socket_action(all->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	act_soon(all);
}

static int transfers_destroy(struct transfers *all)
{
	if (all->gone)
		*all->gone = true;
	while (all->list)
		transfer_cut_off(all->list);
	while (all->ended)
		transfer_cut_off(all->ended);
	curl_multi_setopt(all->multi, CURLMOPT_TIMERFUNCTION, NULL);
	curl_multi_cleanup(all->multi);
	release((uv_handle_t *)all->soon);
	return 0;
}

/* Debian's libcurl brings GnuTLS along, for RTMP and LDAP, which nobody speaks here: asked like this (gnutls/gnutls.h,
 * GNUTLS_SKIP_GLOBAL_INIT), it leaves out what it would do when it is loaded, and 0.9 MB. TLS is OpenSSL's. */
int _gnutls_global_init_skip(void);
int _gnutls_global_init_skip(void)
{
	return 1;
}

static void begin_libcurl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
}

struct transfers *transfers_new(const void *ctx, uv_loop_t *loop, int connections)
{
	static pthread_once_t begun = PTHREAD_ONCE_INIT;
	struct transfers *all = mem_new(ctx, struct transfers);

	pthread_once(&begun, begin_libcurl);
	all->loop = loop;
	all->soon = handle_new(sizeof(*all->soon));
	uv_idle_init(loop, all->soon);
	all->soon->data = all;
	all->multi = curl_multi_init();
	if (!all->multi)
		abort();
	curl_multi_setopt(all->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(all->multi, CURLMOPT_SOCKETDATA, all);
	curl_multi_setopt(all->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(all->multi, CURLMOPT_TIMERDATA, all);
	curl_multi_setopt(all->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)connections);
	talloc_set_destructor(all, transfers_destroy);
	return all;
}
