/* One multi handle for all who ask for a loop's, since each costs two descriptors and tables of its own. */
#include "base/mem.h"
#include "transfer/transfer.h"

struct transfer_shared {
	struct transfer_shared *next;
	uv_loop_t *loop;
	struct transfers *all;
	unsigned users;
};

struct transfer_user {
	struct transfer_shared *shared;
};

/* A loop belongs to one thread. */
static _Thread_local struct transfer_shared *shared_list;

static int user_destroy(struct transfer_user *u)
{
	struct transfer_shared **at = &shared_list;

	if (--u->shared->users)
		return 0;
	while (*at != u->shared)
		at = &(*at)->next;
	*at = u->shared->next;
	mem_free(u->shared);
	return 0;
}

struct transfers *transfers_shared(const void *ctx, uv_loop_t *loop)
{
	struct transfer_shared *s = shared_list;
	struct transfer_user *u = mem_new(ctx, struct transfer_user);

	while (s && s->loop != loop)
		s = s->next;
	if (!s) {
		s = mem_new(NULL, struct transfer_shared);
		s->loop = loop;
		s->all = transfers_new(s, loop, 0);
		s->next = shared_list;
		shared_list = s;
	}
	s->users++;
	u->shared = s;
	talloc_set_destructor(u, user_destroy);
	return s->all;
}
