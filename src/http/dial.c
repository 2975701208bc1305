#include "http/dial.h"

#include <stdio.h>
#include <string.h>

#include "base/loop.h"
#include "base/mem.h"

struct dial_lookup {
	uv_getaddrinfo_t req; /* req.data: the dial, NULL when that is gone */
};

struct http_dial {
	const void *ctx;
	uv_loop_t *loop;
	const struct wire_events *events;
	http_dial_fn *done;
	void *arg;
	struct dial_lookup *lookup;
	struct addrinfo *addresses, *next; /* still to be tried */
	struct wire *wire;
	struct error *failed; /* reported by the next turn of the loop */
};

static int dial_destroy(struct http_dial *d)
{
	if (d->lookup) {
		d->lookup->req.data = NULL;
		uv_cancel((uv_req_t *)&d->lookup->req);
	}
	uv_freeaddrinfo(d->addresses);
	error_free(d->failed);
	return 0;
}

static void finish(struct http_dial *d, struct error *e)
{
	struct wire *wire = e ? NULL : d->wire;
	http_dial_fn *done = d->done;
	void *arg = d->arg;

	if (wire)
		wire_hand_over(wire, d->ctx, d->events, arg);
	mem_free(d);
	done(e, wire, arg);
}

static void report(void *arg)
{
	struct http_dial *d = arg;
	struct error *e = d->failed;

	d->failed = NULL;
	finish(d, e);
}

/* Never from inside http_dial_start(). */
static void fail_later(struct http_dial *d, struct error *e)
{
	d->failed = e;
	timer_start(d, d->loop, 0, 0, report, d);
}

static void try_next(struct http_dial *d);

static void on_connected(int status, void *arg)
{
	struct http_dial *d = arg;
	struct error *e;

	if (status >= 0) {
		finish(d, NULL);
		return;
	}
	if (d->next) {
		try_next(d);
		return;
	}
	e = error_uv(status, "cannot connect");
	if (status == UV_ECONNREFUSED)
		e->code = ERROR_UNAVAILABLE;
	finish(d, e);
}

static const struct wire_events dial_events = {.connected = on_connected};

static void try_next(struct http_dial *d)
{
	struct addrinfo *a = d->next;

	d->next = a->ai_next;
	mem_free(d->wire);
	d->wire = wire_new(d, d->loop, false, &dial_events, d);
	struct error *e = wire_connect_tcp(d->wire, a->ai_addr);
	if (e)
		fail_later(d, e);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
	struct http_dial *d = req->data;

	mem_free(req);
	if (!d) {
		uv_freeaddrinfo(found);
		return;
	}
	d->lookup = NULL;
	d->addresses = d->next = found;
	if (status < 0 || !found)
		finish(d, error_new(ERROR_UNAVAILABLE, "cannot find the host's address: %s",
				    uv_strerror(status ? status : UV_EAI_NONAME)));
	else
		try_next(d);
}

static struct error *look_up(struct http_dial *d, const char *host, int port)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	char service[8];

	snprintf(service, sizeof(service), "%u", (unsigned)port & 0xffff);
	d->lookup = mem_new(NULL, struct dial_lookup);
	int status = uv_getaddrinfo(d->loop, &d->lookup->req, on_resolved, host, service, &hints);
	if (status < 0) {
		mem_free(d->lookup);
		d->lookup = NULL;
		return error_uv(status, "cannot look for the host's address");
	}
	d->lookup->req.data = d;
	return NULL;
}

static struct error *begin(struct http_dial *d, const char *host, int port)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	d->wire = wire_new(d, d->loop, false, &dial_events, d);
	if (!uv_ip4_addr(host, port, &v4))
		return wire_connect_tcp(d->wire, (struct sockaddr *)&v4);
	if (!uv_ip6_addr(host, port, &v6))
		return wire_connect_tcp(d->wire, (struct sockaddr *)&v6);
	return look_up(d, host, port);
}

struct http_dial *http_dial_start(const void *ctx, uv_loop_t *loop, const char *host, int port,
				  const struct wire_events *events, http_dial_fn *done, void *arg)
{
	struct http_dial *d = mem_new(ctx, struct http_dial);

	talloc_set_destructor(d, dial_destroy);
	d->ctx = ctx;
	d->loop = loop;
	d->events = events;
	d->done = done;
	d->arg = arg;
	struct error *e = begin(d, host, port);
	if (e)
		fail_later(d, e);
	return d;
}
