/* vcli role: who manages and who verifies. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "contracts/refusal.h"
#include "contracts/roles.h"
#include "vcli/chain/chain.h"
#include "vcli/commands.h"
#include "vcli/money.h"
#include "vcli/render.h"

/* grant, revoke: the role and whom; accept, renounce: the role. */
static void change(struct chain *c, struct chain_awaited *w, const char *word, enum contracts_role role,
		   const uint8_t who[ETH_ADDRESS_BYTES])
{
	const struct roles_accept_grant_call accept = {.role = role};
	const struct roles_renounce_call renounce = {.role = role};
	struct roles_grant_call grant = {.role = role};
	struct roles_revoke_call revoke = {.role = role};

	memcpy(grant.to, who, sizeof(grant.to));
	memcpy(revoke.holder, who, sizeof(revoke.holder));
	if (strcmp(word, "grant") == 0)
		roles_grant_send(w, c->contracts, &grant, NULL, NULL, chain_answered, w);
	else if (strcmp(word, "revoke") == 0)
		roles_revoke_send(w, c->contracts, &revoke, NULL, NULL, chain_answered, w);
	else if (strcmp(word, "accept") == 0)
		roles_accept_grant_send(w, c->contracts, &accept, NULL, NULL, chain_answered, w);
	else
		roles_renounce_send(w, c->contracts, &renounce, NULL, NULL, chain_answered, w);
}

struct error *cmd_role_change(struct vcli *v)
{
	uint8_t who[ETH_ADDRESS_BYTES] = {0};
	struct chain_awaited *w;
	struct chain *c = NULL;
	int role = 0;

	vcli_answer(v, json_object());
	TRY(money_choice("ROLE", refusal_roles, v->args[0], &role));
	if (v->args[1])
		TRY(money_address_bytes("ADDRESS", v->args[1], who));
	TRY(chain_open_sending(v, &c));
	json_put(v->answer, "role", v->args[0]);
	w = chain_begin(c);
	change(c, w, strrchr(v->command->words, ' ') + 1, (enum contracts_role)role, who);
	TRY(chain_await(c, w));
	if (!v->set.json)
		render_value(stdout, v->answer);
	return NULL;
}

struct error *cmd_role_list(struct vcli *v)
{
	json_t *rows = json_array();
	struct roles_list list = {.count = 0};
	struct chain_awaited *w;
	struct chain *c = NULL;

	vcli_answer(v, json_pack("{s:o}", "roles", rows));
	TRY(chain_open(v, &c));
	w = chain_begin(c);
	roles_list(w, c->contracts, &list, chain_answered, w);
	TRY(chain_await(c, w));
	for (size_t i = 0; i < list.count; i++) {
		json_t *row = json_object();

		json_put(row, "role", refusal_word(refusal_roles, list.holders[i].role));
		money_put_address(row, "holder", list.holders[i].holder);
		json_array_append_new(rows, row);
	}
	if (!v->set.json)
		render_table(stdout, rows, NULL);
	return NULL;
}
