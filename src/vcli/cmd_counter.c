/* vcli counter: the number that start and stop messages move. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "vcli/chain.h"
#include "vcli/commands.h"

#define CONTRACT "Counter"

static struct error *show(struct vcli *v, struct chain *c)
{
	json_t *none = json_array(), *values = NULL;
	struct error *e = chain_ask(c, CONTRACT, "getCount", none, &values);
	const char *count;

	json_decref(none);
	if (e)
		return e;
	count = json_string_value(json_array_get(values, 0));
	json_put(v->answer, "count", count);
	if (!v->set.json)
		printf("%s\n", count);
	json_decref(values);
	return NULL;
}

struct error *cmd_counter_get(struct vcli *v)
{
	struct chain *c = NULL;

	TRY(chain_open(v, &c));
	return show(v, c);
}

/* The last word says which: the command's own, or that of a start or stop message. */
static struct error *choose_function(const struct vcli *v, const char **ret_function)
{
	static const struct {
		const char *word, *function;
	} rows[] = {
		{"increment", "incrementCounter"}, {"decrement", "derementCounter"}, /* the contract's own spelling */
		{"clear", "clearCounter"},         {"start", "incrementCounter"},    {"stop", "derementCounter"},
	};
	const char *word = v->arg_count ? v->args[0] : strrchr(v->command->words, ' ') + 1;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].word, word) == 0) {
			*ret_function = rows[i].function;
			return NULL;
		}
	}
	return error_new(ERROR_INVALID, "counter move: \"%.40s\" is neither start nor stop", word);
}

struct error *cmd_counter_move(struct vcli *v)
{
	struct chain *c = NULL;
	struct txbox_record *record = NULL;
	const char *function = NULL;
	json_t *none;
	struct error *e;

	TRY(choose_function(v, &function));
	TRY(chain_open_sending(v, &c));
	none = json_array();
	e = chain_send(c, CONTRACT, function, none, U256_ZERO, &record);
	json_decref(none);
	return e ? e : show(v, c);
}
