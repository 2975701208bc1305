/* vcli role: who manages and who verifies. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "contracts/refusal.h"
#include "vcli/chain.h"
#include "vcli/commands.h"
#include "vcli/money.h"
#include "vcli/render.h"

#define PAGE 100

/* grant, revoke: the role and whom; accept, renounce: the role. */
struct error *cmd_role_change(struct vcli *v)
{
	static const struct {
		const char *word, *function;
	} rows[] = {{"grant", "grant"}, {"accept", "acceptGrant"}, {"revoke", "revoke"}, {"renounce", "renounce"}};
	const char *word = strrchr(v->command->words, ' ') + 1;
	struct chain *c = NULL;
	char *who = NULL;
	json_t *args;
	size_t i = 0;
	int role = 0;

	vcli_answer(v, json_object());
	TRY(money_choice("ROLE", refusal_roles, v->args[0], &role));
	if (v->args[1])
		TRY(money_address(v, "ADDRESS", v->args[1], &who));
	while (strcmp(rows[i].word, word) != 0)
		i++;
	TRY(chain_open_sending(v, &c));
	args = json_pack("[i]", role);
	if (who)
		json_array_append_new(args, json_string(who));
	json_put(v->answer, "role", v->args[0]);
	TRY(chain_do(c, "Roles", rows[i].function, args, U256_ZERO, NULL));
	if (!v->set.json)
		render_value(stdout, v->answer);
	return NULL;
}

static struct error *add_holders(struct chain *c, int role, json_t *rows)
{
	size_t got = PAGE;

	for (size_t at = 0; got == PAGE; at += got) {
		json_t *holders = NULL, *holder = NULL;
		size_t i = 0;

		TRY(chain_ask_one(c, "Roles", "page", json_pack("[i,I,i]", role, (json_int_t)at, PAGE), &holders));
		got = json_array_size(holders);
		json_array_foreach (holders, i, holder)
			json_array_append_new(rows,
					      json_pack("{s:s,s:O}", "role", refusal_roles[role], "holder", holder));
		json_decref(holders);
	}
	return NULL;
}

struct error *cmd_role_list(struct vcli *v)
{
	json_t *rows = json_array(), *owner = NULL;
	struct chain *c = NULL;

	vcli_answer(v, json_pack("{s:o}", "roles", rows));
	TRY(chain_open(v, &c));
	TRY(chain_ask_one(c, "Roles", "owner", json_array(), &owner));
	json_array_append_new(rows, json_pack("{s:s,s:o}", "role", refusal_roles[0], "holder", owner));
	for (int role = 1; refusal_roles[role]; role++)
		TRY(add_holders(c, role, rows));
	if (!v->set.json)
		render_table(stdout, rows, NULL);
	return NULL;
}
