#include "vcli/chain_once.h"

#include <string.h>

#include "base/hex.h"
#include "base/mem.h"

#define WORD ((size_t)32)
#define SELECTOR ((size_t)4)
#define NAME_LONGEST ((size_t)64)

/* Where the arguments of a function hold what vcli takes from the chain or the clock, which another time may be other.
 */
static const struct {
	const char *what;
	size_t from, n; /* bytes of the data; from 0: the last ones */
} varying[] = {
	{"Jobs.create", SELECTOR + 2 * WORD, WORD},     /* deadline */
	{"Jobs.report", SELECTOR + 2 * WORD, 3 * WORD}, /* ordinal, count, root */
	{"Accounts.allow", SELECTOR + WORD, WORD},      /* what is allowed already */
	{"Blacklist.bar", SELECTOR + WORD, WORD},       /* until */
	{"Nodes.add", 0, 3 * WORD},                     /* the signature over how often it was listed */
};

static bool same_data(const char *what, const struct txbox_intent *a, const struct txbox_intent *b)
{
	size_t from = a->n, n = 0;

	for (size_t i = 0; i < sizeof(varying) / sizeof(varying[0]); i++) {
		if (strcmp(varying[i].what, what) == 0 && varying[i].from + varying[i].n <= a->n) {
			n = varying[i].n;
			from = varying[i].from ? varying[i].from : a->n - n;
		}
	}
	return a->n == b->n && memcmp(a->data, b->data, from) == 0 &&
	       memcmp(a->data + from + n, b->data + from + n, a->n - from - n) == 0;
}

/* A name of --once is for one thing: another that is said with it must not look as if it were done. */
struct error *chain_once_check(const struct chain *c, const char *what, const struct txbox_intent *now,
			       const struct txbox_intent *before)
{
	bool same = now->creates == before->creates && memcmp(now->to, before->to, ETH_ADDRESS_BYTES) == 0 &&
		    u256_cmp(now->value, before->value) == 0;

	if (same && same_data(what, now, before))
		return NULL;
	return error_new(ERROR_EXISTS,
			 "--once: \"%s\" was said with other arguments before: say those again, or take another name",
			 c->v->set.chain.once);
}

/* Of the account, whose outbox it shares with others' of this chain. */
static char *id_of_once(struct chain *c, const char *what, unsigned times)
{
	return mem_printf(c, "once:%s:%s:%u:%s", hex_encode(c, sender_account(c->sender), ETH_ADDRESS_BYTES), what,
			  times, c->v->set.chain.once);
}

/* How often it was sent before by this command. */
static unsigned count_send(struct chain *c, const char *what)
{
	unsigned before = 0;

	for (size_t i = 0; i < c->send_count; i++)
		before += strcmp(c->sends[i], what) == 0;
	c->sends = mem_resize(c, c->sends, char *, c->send_count + 1);
	c->sends[c->send_count++] = mem_strdup(c, what);
	return before;
}

/* A command that is said again may need only the later ones of its transactions. */
struct error *chain_once_id(struct chain *c, const char *what, char **ret_id)
{
	const char *once = c->v->set.chain.once;

	if (!once) {
		*ret_id = hex_random(c, 16);
		return NULL;
	}
	if (!*once || strlen(once) > NAME_LONGEST)
		return error_new(ERROR_INVALID, "--once: must have 1 to %zu characters", NAME_LONGEST);
	*ret_id = id_of_once(c, what, count_send(c, what));
	return NULL;
}

struct error *chain_once_used(struct chain *c, const char *what, bool *ret_used)
{
	struct txbox_record *record = NULL;
	struct error *e;

	*ret_used = false;
	if (!c->v->set.chain.once)
		return NULL;
	e = txbox_get(c, c->db, id_of_once(c, what, 0), &record);
	*ret_used = !e;
	if (!e || e->code != ERROR_NOT_FOUND)
		return e;
	error_free(e);
	return NULL;
}
