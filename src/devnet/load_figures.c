/* What a load's counts come to; nothing here asks the chain. */
#include "devnet/load_impl.h"

void load_count_nonce(struct load_result *r, struct load_nonces *n, uint64_t nonce)
{
	if (nonce < n->first || nonce - n->first >= n->count) {
		r->gaps++;
		return;
	}
	r->confirmed++;
	r->twice += n->seen[nonce - n->first];
	n->seen[nonce - n->first] = 1;
}

void load_count_gaps(struct load_result *r, const struct load_nonces *n)
{
	for (size_t k = 0; k < n->count; k++)
		r->gaps += !n->seen[k];
}

void load_measure(struct load_result *r, int64_t seconds)
{
	int64_t first_ms = r->block_count ? r->blocks[0].time_ms : 0, last_ms = first_ms;
	size_t count = 0;

	if (seconds <= 0)
		return;
	for (size_t i = 1; i < r->block_count && r->blocks[i].time_ms <= first_ms + seconds * 1000; i++) {
		r->window_calls += r->blocks[i].calls;
		last_ms = r->blocks[i].time_ms;
		count++;
	}
	if (count == 0)
		return;
	/* When the last blocks are missing, their time counts all the same. */
	r->window_s = seconds;
	r->block_s = (double)(last_ms - first_ms) / 1000 / (double)count;
	r->rate = (double)r->window_calls / (double)seconds;
	if (r->block_s > 0) {
		uint64_t calls = r->gas_limit / r->gas_per_call;

		r->limit = (double)calls / r->block_s;
	}
}

bool load_whole(const struct load_result *r)
{
	return r->sent > 0 && r->confirmed == r->sent && !r->reverted && !r->refused && !r->unsettled && !r->twice &&
	       !r->gaps && !r->accounts_wrong && r->counter == (int64_t)r->confirmed;
}
