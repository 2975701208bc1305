#include "transfer/transfer.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "transfer/transfer_impl.h"

struct transfer {
	struct transfers *all; /* NULL: cut off, or told of */
	struct transfer *next, **link;
	CURL *easy;
	bool ended; /* with `code`; libcurl is through with it */
	CURLcode code;
	transfer_fn *fn;
	void *arg;
	char reason[CURL_ERROR_SIZE];
};

static void insert(struct transfer *t, struct transfer **at)
{
	t->link = at;
	t->next = *at;
	if (t->next)
		t->next->link = &t->next;
	*at = t;
}

static void take_out(struct transfer *t)
{
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
}

void transfer_cut_off(struct transfer *t)
{
	if (!t->all)
		return;
	if (!t->ended)
		curl_multi_remove_handle(transfers_multi(t->all), t->easy);
	t->all = NULL;
	take_out(t);
}

struct transfer **transfer_ended(CURL *easy, CURLcode code, struct transfer **at)
{
	struct transfer *t = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
	curl_multi_remove_handle(transfers_multi(t->all), easy);
	t->ended = true;
	t->code = code;
	take_out(t);
	insert(t, at);
	return &t->next;
}

void transfer_tell(struct transfer *t)
{
	transfer_cut_off(t);
	t->fn(t->code, t->arg);
}

static int transfer_destroy(struct transfer *t)
{
	transfer_cut_off(t);
	curl_easy_cleanup(t->easy);
	return 0;
}

static void keep_the_rules(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Giving up does not wait for the thread that looks a name up. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
}

/* To libcurl 0 is no deadline, and what is more than an int is refused. */
static long within_bounds(int64_t deadline_ms)
{
	if (deadline_ms < 1)
		return 1;
	return deadline_ms < INT_MAX ? (long)deadline_ms : INT_MAX;
}

struct transfer *transfer_new(const void *ctx, struct transfers *all, const char *url, int64_t deadline_ms,
			      transfer_fn *fn, void *arg)
{
	struct transfer *t = mem_new(ctx, struct transfer);

	t->fn = fn;
	t->arg = arg;
	t->easy = curl_easy_init();
	if (!t->easy)
		abort();
	talloc_set_destructor(t, transfer_destroy);
	keep_the_rules(t->easy);
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->reason);
	curl_easy_setopt(t->easy, CURLOPT_URL, url);
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, within_bounds(deadline_ms));
	t->all = all;
	insert(t, transfers_list(all));
	return t;
}

CURL *transfer_handle(struct transfer *t)
{
	return t->easy;
}

void transfer_start(struct transfer *t)
{
	if (!t->all)
		return;
	curl_multi_add_handle(transfers_multi(t->all), t->easy);
	transfers_begin(t->all);
}

const char *transfer_reason(const struct transfer *t, CURLcode code)
{
	return *t->reason ? t->reason : curl_easy_strerror(code);
}
