#include "devp2p/resolve.h"

#include <stdio.h>
#include <string.h>

#include "base/loop.h"
#include "base/mem.h"
#include "devp2p/address.h"

/* The request lives until the system's resolver has answered, longer than who asked. */
struct question {
	uv_getaddrinfo_t req;
	struct resolve *resolve;
};

struct resolve {
	struct question *question; /* NULL: an IP address, told by the timer */
	struct timer *timer;
	struct sockaddr_storage address;
	struct error *failed;
	resolved_fn *fn;
	void *arg;
};

static int resolve_destroy(struct resolve *r)
{
	if (r->question) {
		r->question->resolve = NULL;
		uv_cancel((uv_req_t *)&r->question->req);
	}
	error_free(r->failed);
	return 0;
}

static void on_known(void *arg)
{
	struct resolve *r = arg;
	struct sockaddr_storage address = r->address; /* the callback may free the resolve */
	struct error *e = r->failed;

	r->failed = NULL;
	r->fn(e, &address, e ? 0 : 1, r->arg);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
	struct question *q = (struct question *)req;
	struct resolve *r = q->resolve;
	struct sockaddr_storage addresses[RESOLVE_ADDRESSES];
	size_t n = 0;

	memset(addresses, 0, sizeof(addresses));
	for (struct addrinfo *a = found; r && a && n < RESOLVE_ADDRESSES; a = a->ai_next) {
		if ((a->ai_family == AF_INET || a->ai_family == AF_INET6) && a->ai_addrlen <= sizeof(addresses[n]))
			memcpy(&addresses[n++], a->ai_addr, a->ai_addrlen);
	}
	uv_freeaddrinfo(found);
	mem_free(q);
	if (!r)
		return;
	r->question = NULL;
	if (status < 0)
		r->fn(error_uv(status, "looking up the host"), NULL, 0, r->arg);
	else if (n == 0)
		r->fn(error_new(ERROR_NOT_FOUND, "the host has no address"), NULL, 0, r->arg);
	else
		r->fn(NULL, addresses, n, r->arg);
}

struct resolve *resolve_start(const void *ctx, uv_loop_t *loop, const char *host, uint16_t port, resolved_fn *fn,
			      void *arg)
{
	struct resolve *r = mem_new(ctx, struct resolve);
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	char service[8];

	r->fn = fn;
	r->arg = arg;
	talloc_set_destructor(r, resolve_destroy);
	struct error *no_ip = address_parse(host, port, &r->address);
	if (!no_ip) {
		r->timer = timer_start(r, loop, 0, 0, on_known, r);
		return r;
	}
	error_free(no_ip);
	snprintf(service, sizeof(service), "%u", port);
	r->question = mem_new(NULL, struct question);
	r->question->resolve = r;
	int status = uv_getaddrinfo(loop, &r->question->req, on_resolved, host, service, &hints);
	if (status < 0) {
		mem_free(r->question);
		r->question = NULL;
		r->failed = error_uv(status, "looking up the host");
		r->timer = timer_start(r, loop, 0, 0, on_known, r);
	}
	return r;
}
