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

	vcli_answer(v, json_object());
	TRY(chain_connect(v, &c));
	TRY(chain_read_addresses(c));
	return show(v, c);
}

/* The last word of the command says which. */
static const char *function_of(const struct vcli *v)
{
	static const struct {
		const char *word, *function;
	} rows[] = {
		{"increment", "incrementCounter"},
		{"decrement", "derementCounter"}, /* the contract's own spelling */
		{"clear", "clearCounter"},
	};
	const char *word = strrchr(v->command->words, ' ') + 1;
	size_t i = 0;

	while (strcmp(rows[i].word, word) != 0)
		i++;
	return rows[i].function;
}

struct error *cmd_counter_move(struct vcli *v)
{
	struct chain *c = NULL;
	struct txbox_record *record = NULL;
	json_t *none;
	struct error *e;

	vcli_answer(v, json_object());
	TRY(chain_connect(v, &c));
	TRY(chain_read_addresses(c));
	TRY(chain_unlock(c));
	none = json_array();
	e = chain_send(c, CONTRACT, function_of(v), none, U256_ZERO, &record);
	json_decref(none);
	return e ? e : show(v, c);
}
