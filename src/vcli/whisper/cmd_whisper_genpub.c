/* vcli whisper genpub: the ping list of running nodes. Each gets a key pair, or keeps the one that the list has. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "vcli/commands.h"
#include "vcli/whisper/whisper_list.h"
#include "vcli/whisper/whisper_nodes.h"

/* The list's key pair that the node holds; its address is kept as well. */
static struct error *held(struct whisper_node *n, const struct whisper_list *old, size_t *ret_index)
{
	for (size_t i = 0; old && i < old->count; i++) {
		json_t *has = NULL;
		bool yes;

		TRY(whisper_call(n, "shh_hasKeyPair", json_pack("[s]", old->items[i].pair_id), &has));
		yes = json_is_true(has);
		json_decref(has);
		if (yes) {
			*ret_index = i;
			return NULL;
		}
	}
	*ret_index = old ? old->count : 0;
	return NULL;
}

/* The node's own account, as the seed's lists have it; a node without one is named by the key. */
static char *account(const void *ctx, struct whisper_node *n)
{
	char *address = NULL;

	error_free(whisper_call_text(ctx, n, "eth_coinbase", json_array(), &address));
	if (address && strncmp(address, "0x", 2) == 0 && hex_is(address + 2, WHISPER_ADDRESS_TEXT - 2))
		return address;
	return NULL;
}

static struct error *add(struct whisper_node *n, const struct whisper_list *old, struct whisper_list *list,
			 size_t *ret_kept)
{
	char *pair = NULL, *public = NULL;
	size_t i = 0;

	TRY(held(n, old, &i));
	if (old && i < old->count) {
		TRY(whisper_public_key(list, n, old->items[i].pair_id, &public));
		whisper_list_add(list, old->items[i].address, old->items[i].pair_id, public);
		(*ret_kept)++;
		return NULL;
	}
	TRY(whisper_call_text(list, n, "shh_newKeyPair", json_array(), &pair));
	if (!hex_is(pair, WHISPER_PAIR_TEXT))
		return error_new(ERROR_FAILED, "%s: shh_newKeyPair: what came is no id of a key pair", n->name);
	TRY(whisper_public_key(list, n, pair, &public));
	whisper_list_add(list, account(list, n), pair, public);
	return NULL;
}

static json_t *answer(const struct whisper_list *list, size_t kept)
{
	json_t *o = json_object(), *entries = json_array();

	for (size_t i = 0; i < list->count; i++) {
		json_t *entry = json_object();

		json_put(entry, "address", list->items[i].address);
		json_put(entry, "keyPairId", list->items[i].pair_id);
		json_put(entry, "PubKey", list->items[i].public);
		json_array_append_new(entries, entry);
	}
	json_object_set_new(o, "address-node", entries);
	json_put_decimal(o, "kept", (int64_t)kept);
	return o;
}

struct error *cmd_whisper_genpub(struct vcli *v)
{
	const char *path = v->arg_count ? v->args[0] : NULL;
	struct whisper_list *old = NULL, *list = mem_new(v, struct whisper_list);
	struct whisper_nodes *nodes = NULL;
	size_t kept = 0;
	char *text;

	if (path && file_exists(path))
		TRY(whisper_list_read(v, path, &old));
	TRY(whisper_nodes_open(v, WHISPER_ALL, &nodes));
	for (size_t i = 0; i < nodes->count; i++)
		TRY(add(&nodes->items[i], old, list, &kept));
	text = whisper_list_text(v, list);
	if (path)
		TRY(file_write_atomic(path, text, strlen(text), 0644));
	if (v->set.json)
		vcli_answer(v, answer(list, kept));
	else if (path)
		printf("%zu nodes, %zu of them with the key pair they had: %s\n", list->count, kept, path);
	else
		fputs(text, stdout);
	return NULL;
}
