/* As whom an agent and its nodes speak, and whose keys it keeps. */
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/mem.h"
#include "bus/keyring.h"
#include "node/agent/agent_impl.h"
#include "node/agent/keys.h"

struct error *agent_open_keys(struct agent *a)
{
	char *path = file_join(a, a->host.settings.state_dir, "agent.id"), *text;
	struct error *e;

	TRY(keys_open(a, a->host.settings.state_dir, &a->host.settings.passphrase, a->host.db, &a->keyring,
		      &a->host.id));
	for (char **o = a->host.settings.owners; o && *o; o++)
		keyring_keep(a->keyring, *o);
	for (char **m = a->host.settings.managers; m && *m; m++)
		keyring_keep(a->keyring, *m);
	TRY(keyring_prune(a->keyring));
	text = mem_printf(path, "%s\n", a->host.id);
	e = file_write_atomic(path, text, strlen(text), 0644);
	mem_free(path);
	return e;
}

struct error *agent_needs_key(struct agent *a, const char *id)
{
	if (a->host.settings.accept_plain)
		return NULL;
	return keys_need(a->keyring, a->host.settings.state_dir, &a->host.settings.passphrase, id);
}

static void lower(char *text)
{
	for (; *text; text++) {
		if (*text >= 'A' && *text <= 'F')
			*text += 'a' - 'A';
	}
}

struct error *agent_read_node(struct agent *a, char **node)
{
	uint8_t public[SECP_PUBLIC_BYTES];
	char id[KEYRING_ID_SIZE];
	struct error *e;

	if (hex_id_valid(*node)) {
		lower(*node);
		return NULL;
	}
	e = keyring_read_enode(*node, public, id);
	if (e)
		return error_wrap(e, "--node: \"%s\"", *node);
	(void)keyring_learn(a->keyring, public);
	*node = mem_strdup(a, id);
	return NULL;
}
