#include "bus/contexts.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

struct entry {
	bool used;
	uint8_t key[SECP_PUBLIC_BYTES]; /* the recipient's: of others when we send, ours when we receive */
	struct ecies_context *context;
	int64_t made_ms; /* monotonic */
	unsigned messages;
};

struct contexts_table {
	struct entry entries[CONTEXTS_HELD];
	size_t next; /* gives way */
};

struct contexts {
	struct contexts_table sending, receiving;
};

struct contexts *contexts_new(const void *ctx)
{
	return mem_new(ctx, struct contexts);
}

/* Takes the context, the tables' own by then. */
static void fill(struct entry *e, const uint8_t key[SECP_PUBLIC_BYTES], struct ecies_context *context)
{
	mem_free(e->context);
	*e = (struct entry){.used = true, .context = context, .made_ms = clock_mono_ms()};
	memcpy(e->key, key, SECP_PUBLIC_BYTES);
}

static struct entry *oldest(struct contexts_table *t)
{
	return &t->entries[t->next++ % CONTEXTS_HELD];
}

static struct entry *find_recipient(struct contexts_table *t, const uint8_t public[SECP_PUBLIC_BYTES])
{
	for (size_t i = 0; i < CONTEXTS_HELD; i++) {
		if (t->entries[i].used && !memcmp(t->entries[i].key, public, SECP_PUBLIC_BYTES))
			return &t->entries[i];
	}
	return NULL;
}

struct error *contexts_to(struct contexts *s, const uint8_t public[SECP_PUBLIC_BYTES],
			  const struct ecies_context **ret_context)
{
	struct entry *e = find_recipient(&s->sending, public);
	struct ecies_context *made;

	if (!e || e->messages >= CONTEXTS_MESSAGES || clock_mono_ms() - e->made_ms >= CONTEXTS_AGE_MS) {
		TRY(ecies_context_new(s, public, &made));
		e = e ? e : oldest(&s->sending);
		fill(e, public, made);
	}
	e->messages++;
	*ret_context = e->context;
	return NULL;
}

const struct ecies_context *contexts_from(const struct contexts *s, const struct secp_key *own, const uint8_t *sealed,
					  size_t n)
{
	const uint8_t *ephemeral = ecies_ephemeral(sealed, n);

	for (size_t i = 0; ephemeral && i < CONTEXTS_HELD; i++) {
		const struct entry *e = &s->receiving.entries[i];

		if (e->used && !memcmp(ecies_context_ephemeral(e->context), ephemeral, SECP_PUBLIC_BYTES) &&
		    !memcmp(e->key, own->public, SECP_PUBLIC_BYTES))
			return e->context;
	}
	return NULL;
}

void contexts_learn(struct contexts *s, const struct secp_key *own, struct ecies_context *context)
{
	fill(oldest(&s->receiving), own->public, talloc_steal(s, context));
}
