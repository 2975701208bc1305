#include "bus/contexts.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/secret.h"

struct entry {
	bool used;
	uint8_t key[SECP_PUBLIC_BYTES]; /* the recipient's: of others when we send, ours when we receive */
	struct ecies_context context;
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

static int contexts_destroy(struct contexts *s)
{
	secret_wipe(s, sizeof(*s));
	return 0;
}

struct contexts *contexts_new(const void *ctx)
{
	struct contexts *s = mem_new(ctx, struct contexts);

	talloc_set_destructor(s, contexts_destroy);
	return s;
}

static void fill(struct entry *e, const uint8_t key[SECP_PUBLIC_BYTES], const struct ecies_context *context)
{
	*e = (struct entry){.used = true, .context = *context, .made_ms = clock_mono_ms()};
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
	struct ecies_context made;

	if (!e || e->messages >= CONTEXTS_MESSAGES || clock_mono_ms() - e->made_ms >= CONTEXTS_AGE_MS) {
		TRY(ecies_context_new(public, &made));
		e = e ? e : oldest(&s->sending);
		fill(e, public, &made);
		secret_wipe(&made, sizeof(made));
	}
	e->messages++;
	*ret_context = &e->context;
	return NULL;
}

const struct ecies_context *contexts_from(const struct contexts *s, const struct secp_key *own, const uint8_t *sealed,
					  size_t n)
{
	const uint8_t *ephemeral = ecies_ephemeral(sealed, n);

	for (size_t i = 0; ephemeral && i < CONTEXTS_HELD; i++) {
		const struct entry *e = &s->receiving.entries[i];

		if (e->used && !memcmp(e->context.ephemeral, ephemeral, SECP_PUBLIC_BYTES) &&
		    !memcmp(e->key, own->public, SECP_PUBLIC_BYTES))
			return &e->context;
	}
	return NULL;
}

void contexts_learn(struct contexts *s, const struct secp_key *own, const struct ecies_context *context)
{
	fill(oldest(&s->receiving), own->public, context);
}
