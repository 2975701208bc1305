/* vcli counter: the number that start and stop messages move. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "contracts/counter_abi.h"
#include "vcli/chain.h"
#include "vcli/commands.h"

static struct error *show(struct vcli *v, struct chain *c)
{
	struct counter_get_count_result count;
	struct chain_awaited *w = chain_begin(c);
	char *text;

	counter_get_count_ask(w, c->contracts, "latest", &count, chain_answered, w);
	TRY(chain_await(c, w));
	text = u256_signed_decimal(v, count.value);
	json_put(v->answer, "count", text);
	if (!v->set.json)
		printf("%s\n", text);
	return NULL;
}

struct error *cmd_counter_get(struct vcli *v)
{
	struct chain *c = NULL;

	TRY(chain_open(v, &c));
	return show(v, c);
}

typedef void counter_move_fn(struct chain *c, struct chain_awaited *w);

static void increment(struct chain *c, struct chain_awaited *w)
{
	counter_increment_counter_send(w, c->contracts, NULL, NULL, chain_answered, w);
}

/* The contract's own spelling. */
static void decrement(struct chain *c, struct chain_awaited *w)
{
	counter_derement_counter_send(w, c->contracts, NULL, NULL, chain_answered, w);
}

static void clear(struct chain *c, struct chain_awaited *w)
{
	counter_clear_counter_send(w, c->contracts, NULL, NULL, chain_answered, w);
}

/* The last word says which: the command's own, or that of a start or stop message. */
static struct error *choose_move(const struct vcli *v, counter_move_fn **ret_move)
{
	static const struct {
		const char *word;
		counter_move_fn *move;
	} rows[] = {
		{"increment", increment}, {"decrement", decrement}, {"clear", clear},
		{"start", increment},     {"stop", decrement},
	};
	const char *word = v->arg_count ? v->args[0] : strrchr(v->command->words, ' ') + 1;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].word, word) == 0) {
			*ret_move = rows[i].move;
			return NULL;
		}
	}
	return error_new(ERROR_INVALID, "counter move: \"%.40s\" is neither start nor stop", word);
}

struct error *cmd_counter_move(struct vcli *v)
{
	counter_move_fn *move = NULL;
	struct chain_awaited *w;
	struct chain *c = NULL;

	TRY(choose_move(v, &move));
	TRY(chain_open_sending(v, &c));
	w = chain_begin(c);
	c->tells = false;
	move(c, w);
	TRY(chain_await(c, w));
	return show(v, c);
}
