#include "shh_link.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "devp2p/base_message.h"
#include "devp2p/frame.h"
#include "devp2p/handshake.h"
#include "devp2p/snappy.h"
#include "whisper/packet.h"

#define PATIENCE_S 20
#define FINISH_MS 30000

struct link {
	int fd;
	int end;
	struct secp_key key;
	struct handshake *handshake;
	struct frames *frames;
	bool hello, status; /* of the node came */
	bool compressed;    /* what the node sends */
};

static int link_destroy(struct link *l)
{
	if (l->fd >= 0)
		close(l->fd);
	return 0;
}

static void must(struct error *e)
{
	if (e) {
		fprintf(stderr, "shh_attacker: %s\n", e->message);
		exit(1);
	}
}

bool link_send_raw(struct link *l, const void *bytes, size_t n, int seconds)
{
	const char *at = bytes;
	int64_t until = clock_mono_ms() + seconds * (int64_t)1000;

	while (n) {
		ssize_t sent = send(l->fd, at, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		struct pollfd p = {.fd = l->fd, .events = POLLOUT};

		if (sent > 0) {
			at += sent;
			n -= (size_t)sent;
			continue;
		}
		int64_t left = until - clock_mono_ms();
		if (left <= 0 || poll(&p, 1, (int)left) <= 0 || (p.revents & (POLLERR | POLLHUP)))
			return false;
	}
	return true;
}

void link_frame(struct link *l, uint64_t code, const void *body, size_t n, struct buf *out)
{
	must(frames_write(l->frames, code, body, n, out));
}

bool link_send(struct link *l, uint64_t code, const void *payload, size_t n, int seconds)
{
	struct buf *out = buf_new(l, FRAME_LIMIT + 65536);
	uint8_t *block = mem_array(out, uint8_t, snappy_bound(n));

	link_frame(l, code, block, snappy_encode(payload, n, block), out);
	bool sent = link_send_raw(l, out->data, out->len, seconds);
	mem_free(out);
	return sent;
}

static void say_hello(struct link *l)
{
	struct p2p_hello h = {.version = 5, .client = "stranger/v1", .cap_count = 1, .caps = {{"shh", SHH_VERSION}}};
	struct buf *out = buf_new(l, 65536);
	struct rlp_writer w;

	memcpy(h.public, l->key.public, SECP_PUBLIC_BYTES);
	rlp_writer_init(&w, out);
	p2p_hello_write(&w, &h);
	link_frame(l, BASE_HELLO, w.data, w.len, out);
	link_send_raw(l, out->data, out->len, PATIENCE_S);
	mem_free(out);
}

static void say_status(struct link *l)
{
	struct shh_status status = {.version = SHH_VERSION, .min_pow = 0};
	struct rlp_writer w;
	void *tmp = mem_strdup(l, "");

	memset(status.bloom, 0xff, sizeof(status.bloom));
	rlp_writer_init(&w, tmp);
	packet_status_write(&w, &status);
	link_send(l, BASE_LENGTH + SHH_STATUS, w.data, w.len, PATIENCE_S);
	mem_free(tmp);
}

/* What was sent with compression, plain; the frames themselves are read without. */
static size_t plain(struct link *l, const struct frame *f, uint8_t *ret_bytes, size_t limit)
{
	size_t n = 0;
	struct error *e = NULL;

	if (!l->compressed || f->code == BASE_HELLO) {
		n = f->n < limit ? f->n : limit;
		memcpy(ret_bytes, f->payload, n);
		return n;
	}
	e = snappy_decoded_length(f->payload, f->n, limit, &n);
	if (!e)
		e = snappy_decode(f->payload, f->n, ret_bytes, n);
	if (e)
		n = 0;
	error_free(e);
	return n;
}

static void received(struct link *l, const struct frame *f, bool rude)
{
	uint8_t bytes[4096];
	size_t n;

	if (f->code == BASE_HELLO) {
		l->hello = l->compressed = true;
		return;
	}
	l->status = l->status || f->code == BASE_LENGTH + SHH_STATUS;
	if (f->code == BASE_PING && !rude)
		link_send(l, BASE_PONG, "\xc0", 1, 1);
	if (f->code == BASE_DISCONNECT) {
		n = plain(l, f, bytes, sizeof(bytes));
		l->end = (int)p2p_disconnect_read(bytes, n);
	}
}

static void take(struct link *l, const uint8_t *at, size_t n, bool rude)
{
	size_t used = 0;

	if (l->handshake) {
		struct buf *out = buf_new(l, HANDSHAKE_LIMIT);
		struct handshake_secrets secrets;
		bool done = false;

		must(handshake_receive(l->handshake, at, n, out, &used, &done, &secrets));
		mem_free(out);
		at += used;
		n -= used;
		if (!done)
			return;
		mem_free(l->handshake);
		l->handshake = NULL;
		l->frames = frames_new(l, &secrets, FRAME_LIMIT);
		frames_plain(l->frames);
	}
	while (n) {
		struct frame f = {0};

		must(frames_read(l->frames, at, n, &used, &f));
		at += used;
		n -= used;
		if (f.complete)
			received(l, &f, rude);
	}
}

int link_end_of(struct link *l, int ms, bool rude)
{
	int64_t until = clock_mono_ms() + ms;
	uint8_t bytes[65536];

	while (l->end == LINK_OPEN) {
		struct pollfd p = {.fd = l->fd, .events = POLLIN};
		int64_t left = until - clock_mono_ms();

		if (poll(&p, 1, left > 0 ? (int)left : 0) <= 0)
			break;
		ssize_t n = recv(l->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n <= 0)
			l->end = LINK_CLOSED;
		else if (l->handshake || l->frames)
			take(l, bytes, (size_t)n, rude);
	}
	return l->end;
}

static bool came(const struct link *l, enum link_depth depth)
{
	return depth == LINK_HANDSHAKE ? l->frames != NULL : depth == LINK_HELLO ? l->hello : l->status;
}

/* False: it has ended, or nothing came. */
static bool await(struct link *l, enum link_depth depth)
{
	int64_t until = clock_mono_ms() + PATIENCE_S * 1000;

	while (!came(l, depth) && l->end == LINK_OPEN && clock_mono_ms() < until)
		link_end_of(l, 50, false);
	return came(l, depth) && l->end == LINK_OPEN;
}

static void connect_to(struct link *l, const struct enode *to)
{
	struct sockaddr_storage address;

	must(enode_address(to, to->tcp, &address));
	l->fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0 ||
	    connect(l->fd, (struct sockaddr *)&address,
		    address.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in)) < 0)
		l->end = LINK_FAILED;
}

struct link *link_open(const void *ctx, const struct enode *to, enum link_depth depth)
{
	struct link *l = mem_new(ctx, struct link);
	struct buf *out;

	l->end = LINK_OPEN;
	talloc_set_destructor(l, link_destroy);
	connect_to(l, to);
	if (depth == LINK_TCP || l->end != LINK_OPEN)
		return l;
	secp_key_new(&l->key);
	l->handshake = handshake_new(l, &l->key, to->public);
	out = buf_new(l, HANDSHAKE_LIMIT);
	must(handshake_begin(l->handshake, out));
	link_send_raw(l, out->data, out->len, PATIENCE_S);
	mem_free(out);
	if (!await(l, LINK_HANDSHAKE) || depth == LINK_HANDSHAKE)
		return l;
	say_hello(l);
	if (!await(l, LINK_HELLO) || depth == LINK_HELLO)
		return l;
	say_status(l);
	await(l, LINK_STATUS);
	return l;
}

void link_finish(struct link *l)
{
	int64_t until = clock_mono_ms() + FINISH_MS;

	if (l->end != LINK_OPEN)
		return;
	shutdown(l->fd, SHUT_WR);
	while (l->end == LINK_OPEN && clock_mono_ms() < until)
		link_end_of(l, 100, true);
}
