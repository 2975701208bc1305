/* vcli whisper send: one message for all who know the password. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "vcli/commands.h"
#include "vcli/whisper/whisper_message.h"
#include "vcli/whisper/whisper_nodes.h"
#include "vcli/whisper/whisper_password.h"

static struct error *post(struct vcli *v, struct whisper_node *n, const char *key_id, const char *text)
{
	json_t *post = whisper_post(&v->set.whisper, "symKeyID", key_id, NULL, text, strlen(text));
	char *hash = NULL;

	TRY(whisper_call_text(v, n, "shh_post", json_pack("[o]", post), &hash));
	vcli_answer(v, json_object());
	json_put(v->answer, "hash", hash);
	json_put(v->answer, "topic", v->set.whisper.topic);
	json_put(v->answer, "state", "sent");
	if (!v->set.json)
		printf("sent\n");
	return NULL;
}

struct error *cmd_whisper_send(struct vcli *v)
{
	struct whisper_nodes *nodes = NULL;
	char *password = NULL, *key_id = NULL;
	const char *text = v->args[0];
	struct error *e;

	TRY(whisper_check_options(&v->set.whisper));
	if (strlen(text) > WHISPER_TEXT_LIMIT)
		return error_new(ERROR_LIMIT, "the text has %zu bytes, at most %d are sent", strlen(text),
				 WHISPER_TEXT_LIMIT);
	if (!utf8_valid(text, strlen(text)))
		return error_new(ERROR_INVALID, "the text is not UTF-8");
	TRY(whisper_password(v, &v->set.whisper, &password));
	e = whisper_nodes_open(v, WHISPER_ONE, &nodes);
	if (!e)
		e = whisper_call_text(v, nodes->items, "shh_generateSymKeyFromPassword", json_pack("[s]", password),
				      &key_id);
	whisper_password_wipe(password);
	TRY(e);
	e = post(v, nodes->items, key_id, text);
	/* The node keeps keys until it ends; this one is of no more use. */
	error_free(whisper_call(nodes->items, "shh_deleteSymKey", json_pack("[s]", key_id), NULL));
	return e;
}
