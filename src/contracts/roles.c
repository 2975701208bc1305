#include "contracts/roles.h"

#include <string.h>

#include "base/mem.h"
#include "contracts/op.h"
#include "contracts/pages.h"

struct roles_listing {
	struct op op;
	struct roles_list list;
	struct roles_owner_result owner;
	struct roles_page_call call;
	struct roles_page_result page;
	struct pages pages;
	struct roles_list *ret;
};

static void add(struct roles_listing *l, enum contracts_role role, const uint8_t holder[ETH_ADDRESS_BYTES])
{
	struct roles_holder *row;

	l->list.holders = mem_resize(l->op.ctx, l->list.holders, struct roles_holder, l->list.count + 1);
	row = &l->list.holders[l->list.count++];
	row->role = role;
	memcpy(row->holder, holder, ETH_ADDRESS_BYTES);
}

static void on_page(const struct contracts_answer *answer, void *arg);

static void ask_page(struct roles_listing *l)
{
	l->call.limit = u256_of(PAGES_PAGE);
	roles_page_ask(l, l->op.k, &l->call, "latest", &l->page, on_page, l);
}

/* The rest of this role's holders, then those of the next. */
static void on_page(const struct contracts_answer *answer, void *arg)
{
	struct roles_listing *l = arg;
	struct error *e = pages_take(&l->pages, "holders of roles", answer->error ? 0 : l->page.value.n);
	uint64_t at = 0;

	if (e) {
		op_end_with(l, e);
		return;
	}
	for (size_t i = 0; !answer->error && i < l->page.value.n; i++)
		add(l, l->call.role, l->page.value.at[i]);
	if (!answer->error && l->page.value.n == PAGES_PAGE && u256_to_u64(l->call.offset, &at)) {
		l->call.offset = u256_of(at + PAGES_PAGE);
		ask_page(l);
	} else if (!answer->error && l->call.role + 1 < CONTRACTS_ROLE_COUNT) {
		l->call.role++;
		l->call.offset = U256_ZERO;
		ask_page(l);
	} else {
		if (!answer->error)
			*l->ret = l->list;
		op_end(l, answer);
	}
}

static void on_owner(const struct contracts_answer *answer, void *arg)
{
	struct roles_listing *l = arg;

	if (answer->error) {
		op_end(l, answer);
		return;
	}
	add(l, CONTRACTS_ROLE_OWNER, l->owner.value);
	l->call.role = CONTRACTS_ROLE_OWNER + 1;
	ask_page(l);
}

void roles_list(const void *ctx, struct contracts *k, struct roles_list *ret, contracts_fn *fn, void *arg)
{
	struct roles_listing *l = op_new(ctx, k, struct roles_listing, fn, arg);

	l->ret = ret;
	roles_owner_ask(l, k, "latest", &l->owner, on_owner, l);
}
