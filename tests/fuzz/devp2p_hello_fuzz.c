/* Any bytes as a Hello and as a Disconnect; a Hello that is taken is written and read again to the same. */
#undef NDEBUG /* what is asserted here is the test */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "devp2p/base_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct p2p_hello *h)
{
	struct p2p_hello other = {0};
	struct rlp_writer w;

	rlp_writer_init(&w, NULL);
	p2p_hello_write(&w, h);
	if (rlp_check(w.data, w.len, 3) || p2p_hello_read(w.data, w.data, w.len, &other))
		abort();
	assert(other.version == h->version && other.listen_port == h->listen_port && other.cap_count == h->cap_count);
	assert(!strcmp(other.client, h->client) && !memcmp(other.public, h->public, sizeof(h->public)));
	assert(!memcmp(other.caps, h->caps, sizeof(h->caps)));
	mem_free(w.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct p2p_hello h = {0};
	struct error *e = p2p_hello_read(NULL, data, size, &h);

	assert(p2p_disconnect_name(p2p_disconnect_read(data, size)));
	if (e) {
		error_free(e);
		return 0;
	}
	for (const char *c = h.client; *c; c++)
		assert(*c >= 0x20 && *c < 0x7f);
	for (size_t i = 0; i < h.cap_count; i++)
		assert(p2p_capability_offset(&h, h.caps[i].name, h.caps[i].version) == BASE_LENGTH);
	again(&h);
	mem_free(h.client);
	return 0;
}
