#include "whisper/message.h"

#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"

struct box {
	struct whisper_message message; /* first: the box's address is the message's */
	atomic_uint count;
};

static int box_destroy(struct box *b)
{
	envelope_unref(b->message.envelope);
	return 0;
}

struct whisper_message *whisper_message_new(struct envelope *e, const struct payload *payload, const uint8_t *recipient)
{
	struct box *b = mem_new(NULL, struct box);
	struct whisper_message *m = &b->message;

	atomic_init(&b->count, 1);
	m->envelope = envelope_ref(e);
	m->payload = *payload;
	talloc_steal(b, m->payload.bytes);
	m->symmetric = !recipient;
	if (recipient)
		memcpy(m->recipient, recipient, SECP_PUBLIC_BYTES);
	talloc_set_destructor(b, box_destroy);
	return m;
}

struct whisper_message *whisper_message_ref(struct whisper_message *m)
{
	atomic_fetch_add_explicit(&((struct box *)m)->count, 1, memory_order_relaxed);
	return m;
}

void whisper_message_unref(struct whisper_message *m)
{
	struct box *b = (struct box *)m;

	if (b && atomic_fetch_sub_explicit(&b->count, 1, memory_order_acq_rel) == 1)
		mem_free(b);
}
