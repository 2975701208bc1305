#include "devp2p/base_message.h"

#include <string.h>

#include "base/mem.h"

const char *p2p_disconnect_name(uint64_t reason)
{
	static const char *const names[] = {
		[DISCONNECT_REQUESTED] = "disconnect requested",
		[DISCONNECT_NETWORK] = "network error",
		[DISCONNECT_PROTOCOL] = "breach of protocol",
		[DISCONNECT_USELESS] = "useless peer",
		[DISCONNECT_TOO_MANY] = "too many peers",
		[DISCONNECT_ALREADY] = "already connected",
		[DISCONNECT_VERSION] = "incompatible protocol version",
		[DISCONNECT_INVALID_IDENTITY] = "invalid node identity",
		[DISCONNECT_QUITTING] = "client quitting",
		[DISCONNECT_UNEXPECTED_IDENTITY] = "unexpected identity",
		[DISCONNECT_SELF] = "connected to self",
		[DISCONNECT_READ_TIMEOUT] = "read timeout",
		[DISCONNECT_SUBPROTOCOL] = "subprotocol error",
	};
	const char *name = reason < sizeof(names) / sizeof(names[0]) ? names[reason] : NULL;

	return name ? name : "unknown reason";
}

void p2p_hello_write(struct rlp_writer *w, const struct p2p_hello *h)
{
	rlp_list_begin(w);
	rlp_write_u64(w, h->version);
	rlp_write_bytes(w, h->client, strlen(h->client));
	rlp_list_begin(w);
	for (size_t i = 0; i < h->cap_count; i++) {
		rlp_list_begin(w);
		rlp_write_bytes(w, h->caps[i].name, strlen(h->caps[i].name));
		rlp_write_u64(w, h->caps[i].version);
		rlp_list_end(w);
	}
	rlp_list_end(w);
	rlp_write_u64(w, h->listen_port);
	rlp_write_bytes(w, h->public, SECP_PUBLIC_BYTES);
	rlp_list_end(w);
}

static bool printable(uint8_t byte)
{
	return byte >= 0x20 && byte < 0x7f;
}

/* One that nobody can share with us, for its name or version, is passed over: *ret_usable. */
static struct error *read_capability(struct rlp *caps, struct p2p_capability *ret_cap, bool *ret_usable)
{
	struct p2p_capability cap = {0};
	struct rlp items = {0};
	const uint8_t *name = NULL;
	size_t n = 0;
	uint64_t version = 0;
	bool usable;

	TRY(rlp_read_list(caps, &items));
	TRY(rlp_read_bytes(&items, &name, &n));
	TRY(rlp_read_u64(&items, &version));
	usable = n > 0 && n < sizeof(cap.name) && version <= UINT32_MAX;
	for (size_t i = 0; usable && i < n; i++)
		usable = printable(name[i]);
	if (usable) {
		memcpy(cap.name, name, n);
		cap.version = (unsigned)version;
		*ret_cap = cap;
	}
	*ret_usable = usable;
	return NULL;
}

static struct error *read_capabilities(struct rlp *items, struct p2p_hello *h)
{
	struct p2p_capability cap = {0};
	struct rlp caps = {0};
	bool usable = false;

	TRY(rlp_read_list(items, &caps));
	while (!rlp_at_end(&caps)) {
		TRY(read_capability(&caps, &cap, &usable));
		if (usable && h->cap_count < HELLO_CAPS_MAX)
			h->caps[h->cap_count++] = cap;
	}
	return NULL;
}

static struct error *read_identity(struct rlp *items, uint8_t ret_public[SECP_PUBLIC_BYTES])
{
	const uint8_t *public = NULL;
	size_t n = 0;

	TRY(rlp_read_bytes(items, &public, &n));
	if (n != SECP_PUBLIC_BYTES)
		return error_new(ERROR_REFUSED, "the identity is a key of %zu bytes", n);
	memcpy(ret_public, public, n);
	return NULL;
}

struct error *p2p_hello_read(const void *ctx, const uint8_t *payload, size_t n, struct p2p_hello *ret_hello)
{
	struct rlp message = rlp_of(payload, n), items = {0};
	struct p2p_hello h = {0};
	const uint8_t *client = NULL;
	size_t client_bytes = 0;
	struct error *e = rlp_read_list(&message, &items);

	if (!e)
		e = rlp_read_u64(&items, &h.version);
	if (!e)
		e = rlp_read_bytes(&items, &client, &client_bytes);
	if (!e)
		e = read_capabilities(&items, &h);
	if (!e)
		e = rlp_read_u64(&items, &h.listen_port);
	if (!e)
		e = read_identity(&items, h.public);
	if (e)
		return error_wrap(e, "Hello");
	h.client = mem_array(ctx, char, client_bytes + 1);
	for (size_t i = 0; i < client_bytes; i++)
		h.client[i] = printable(client[i]) ? (char)client[i] : '?';
	*ret_hello = h;
	return NULL;
}

/* Whatever is neither form is taken for the first reason: the peer leaves in any case. */
uint64_t p2p_disconnect_read(const uint8_t *payload, size_t n)
{
	struct rlp message = rlp_of(payload, n), items = {0};
	uint64_t reason = 0;

	if (rlp_next_is_list(&message)) {
		struct error *e = rlp_read_list(&message, &items);

		if (e) {
			error_free(e);
			return 0;
		}
		message = items;
	}
	error_free(rlp_read_u64(&message, &reason));
	return reason;
}

void p2p_disconnect_write(struct rlp_writer *w, enum p2p_disconnect_reason reason)
{
	rlp_list_begin(w);
	rlp_write_u64(w, reason);
	rlp_list_end(w);
}
