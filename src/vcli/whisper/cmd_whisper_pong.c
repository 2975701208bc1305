/* vcli whisper pong: answers pings to the list's key pairs that the nodes hold. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "vcli/commands.h"
#include "vcli/whisper/whisper_list.h"
#include "vcli/whisper/whisper_message.h"
#include "vcli/whisper/whisper_nodes.h"

#define AT_ONCE 64 /* answers under way at a node; who pings faster gets none */

struct pong {
	struct vcli *v;
	size_t pairs, answered, failed, skipped;
	struct error *first_failure;
};

/* What is known of a node. */
struct ponger {
	struct pong *pong;
	char **pairs; /* ids of its key pairs */
	char **publics;
	size_t count, under_way;
};

static void on_posted(const json_t *result, const struct error *e, void *arg)
{
	struct ponger *p = arg;

	(void)result;
	p->under_way--;
	p->pong->answered += !e;
	p->pong->failed += e != NULL;
	if (e && !p->pong->first_failure)
		p->pong->first_failure = error_copy(e);
}

/* The node's key pair that the message was sent to. */
static const char *pair_of(const struct ponger *p, const json_t *message)
{
	const char *to = json_string_value(json_object_get(message, "recipientPublicKey"));

	for (size_t i = 0; to && i < p->count; i++) {
		if (strcasecmp(p->publics[i], to) == 0)
			return p->pairs[i];
	}
	return NULL;
}

static void take(struct whisper_node *n, const json_t *message)
{
	struct ponger *p = n->data;
	struct pong *pong = p->pong;
	struct whisper_note note;
	const char *pair = pair_of(p, message);
	struct error *e = whisper_note_read(message, &note);
	char *text;

	/* Whatever else comes to these keys is not ours to answer. */
	if (e || !pair || note.kind != WHISPER_PING) {
		error_free(e);
		return;
	}
	if (p->under_way >= AT_ONCE) {
		pong->skipped++;
		return;
	}
	text = whisper_note_text(NULL, WHISPER_PONG, note.id);
	p->under_way++;
	rpc_client_call(
		n->rpc, "shh_post",
		json_pack("[o]", whisper_post(&pong->v->set.whisper, "pubKey", note.signer, pair, text, strlen(text))),
		on_posted, p);
	mem_free(text);
}

static struct error *listen_at(struct pong *pong, struct whisper_node *n, const struct whisper_list *list)
{
	struct ponger *p = mem_new(pong, struct ponger);

	n->data = p;
	p->pong = pong;
	p->pairs = mem_array(p, char *, list->count);
	p->publics = mem_array(p, char *, list->count);
	for (size_t i = 0; i < list->count; i++) {
		const char *pair = list->items[i].pair_id;
		json_t *has = NULL;
		bool yes;

		TRY(whisper_call(n, "shh_hasKeyPair", json_pack("[s]", pair), &has));
		yes = json_is_true(has);
		json_decref(has);
		if (!yes)
			continue;
		p->pairs[p->count] = mem_strdup(p, pair);
		TRY(whisper_public_key(p, n, pair, &p->publics[p->count]));
		p->count++;
		pong->pairs++;
		TRY(whisper_call(n, "shh_subscribe",
				 json_pack("[s, {ss, s[s]}]", "messages", "privateKeyID", pair, "topics",
					   pong->v->set.whisper.topic),
				 NULL));
	}
	return NULL;
}

static void put_result(struct vcli *v, const struct pong *pong)
{
	vcli_answer(v, json_object());
	json_put_decimal(v->answer, "key_pairs", (int64_t)pong->pairs);
	json_put_decimal(v->answer, "answered", (int64_t)pong->answered);
	json_put_decimal(v->answer, "skipped", (int64_t)pong->skipped);
	json_put_decimal(v->answer, "failed", (int64_t)pong->failed);
	if (pong->first_failure)
		json_put(v->answer, "why", pong->first_failure->message);
	json_put(v->answer, "state", "done");
	if (!v->set.json)
		printf("%zu pings answered, %zu skipped, %zu failed%s%s\n", pong->answered, pong->skipped, pong->failed,
		       pong->first_failure ? ": " : "", pong->first_failure ? pong->first_failure->message : "");
}

struct error *cmd_whisper_pong(struct vcli *v)
{
	struct pong *pong = mem_new(v, struct pong);
	struct whisper_list *list = NULL;
	struct whisper_nodes *nodes = NULL;
	bool never = false;

	pong->v = v;
	TRY(whisper_check_options(&v->set.whisper));
	TRY(whisper_list_read(v, v->args[0], &list));
	TRY(whisper_nodes_open(v, WHISPER_RECEIVERS, &nodes));
	nodes->take = take;
	for (size_t i = 0; i < nodes->count; i++)
		TRY(listen_at(pong, &nodes->items[i], list));
	if (pong->pairs == 0)
		return error_new(
			ERROR_NOT_FOUND,
			"none of the nodes holds a key pair of %s; vcli whisper genpub makes them (they are gone when a node ends)",
			v->args[0]);
	if (!v->set.quiet)
		fprintf(stderr, "answering pings to %zu key pairs at %zu nodes\n", pong->pairs, nodes->count);
	whisper_run(nodes, &never, v->timeout_ms > 0 ? clock_mono_ms() + v->timeout_ms : 0);
	put_result(v, pong);
	error_free(pong->first_failure);
	pong->first_failure = NULL;
	if (nodes->lost == nodes->count)
		return error_new(ERROR_UNAVAILABLE, "the connection to %s has ended",
				 nodes->count > 1 ? "every node" : "the node");
	return NULL;
}
