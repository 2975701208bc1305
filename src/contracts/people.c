#include "contracts/people.h"

#include <string.h>

#include "base/mem.h"
#include "contracts/op.h"
#include "contracts/pages.h"

/* --- one --- */

struct people_asking {
	struct op op;
	struct accounts_is_registered_call call;
	struct accounts_is_registered_result is;
	struct people_kinds *ret;
};

static void on_is(const struct contracts_answer *answer, void *arg)
{
	struct people_asking *a = arg;

	if (!answer->error)
		a->ret->is[a->call.kind] = a->is.value;
	if (answer->error || a->call.kind + 1 == CONTRACTS_KIND_COUNT) {
		op_end(a, answer);
		return;
	}
	a->call.kind++;
	accounts_is_registered_ask(a, a->op.k, &a->call, "latest", &a->is, on_is, a);
}

void people_kinds(const void *ctx, struct contracts *k, const uint8_t account[ETH_ADDRESS_BYTES],
		  struct people_kinds *ret, contracts_fn *fn, void *arg)
{
	struct people_asking *a = op_new(ctx, k, struct people_asking, fn, arg);

	memcpy(a->call.account, account, sizeof(a->call.account));
	a->ret = ret;
	accounts_is_registered_ask(a, k, &a->call, "latest", &a->is, on_is, a);
}

/* --- all --- */

struct people_listing {
	struct op op;
	char *block;
	struct accounts_page_call call;
	struct accounts_page_result page;
	struct pages pages;
	struct people_list list, *ret;
};

static void on_page(const struct contracts_answer *answer, void *arg)
{
	struct people_listing *l = arg;
	size_t n = answer->error ? 0 : l->page.value.n;
	struct error *e = pages_take(&l->pages, "accounts", n);
	uint64_t at = 0;

	if (e) {
		op_end_with(l, e);
		return;
	}
	if (n > 0) {
		l->list.accounts = talloc_realloc_size(l->op.ctx, l->list.accounts,
						       (l->list.count + n) * sizeof(*l->list.accounts));
		memcpy(l->list.accounts + l->list.count, l->page.value.at, n * sizeof(*l->list.accounts));
		l->list.count += n;
	}
	if (n == PAGES_PAGE && u256_to_u64(l->call.offset, &at)) {
		l->call.offset = u256_of(at + PAGES_PAGE);
		accounts_page_ask(l, l->op.k, &l->call, l->block, &l->page, on_page, l);
		return;
	}
	if (!answer->error)
		*l->ret = l->list;
	op_end(l, answer);
}

void people_list(const void *ctx, struct contracts *k, enum contracts_kind kind, const char *block,
		 struct people_list *ret, contracts_fn *fn, void *arg)
{
	struct people_listing *l = op_new(ctx, k, struct people_listing, fn, arg);

	l->block = mem_strdup(l, block);
	l->call = (struct accounts_page_call){.kind = kind, .limit = u256_of(PAGES_PAGE)};
	l->ret = ret;
	accounts_page_ask(l, k, &l->call, l->block, &l->page, on_page, l);
}
