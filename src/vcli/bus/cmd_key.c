/* vcli key show, new, agent: our address, and keys for nodes and agents. */
#include <libgen.h>
#include <stdio.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "client/identity.h"
#include "crypto/keyfile.h"
#include "crypto/secret.h"
#include "vcli/commands.h"

static void tell(struct vcli *v, const char *id, const struct secp_key *key, const char *path)
{
	char *public = hex_encode(v, key->public, SECP_PUBLIC_BYTES);

	vcli_answer(v, json_object());
	json_put(v->answer, "id", id);
	json_put(v->answer, "public", public);
	if (path)
		json_put(v->answer, "file", path);
}

struct error *cmd_key_show(struct vcli *v)
{
	char id[KEYRING_ID_SIZE];
	struct secp_key key;

	TRY(client_identity_load(&v->set.client, &key));
	keyring_id(key.public, id);
	tell(v, id, &key, NULL);
	secret_wipe(&key, sizeof(key));
	if (!v->set.json)
		printf("%s\n", id);
	return NULL;
}

/* An agent's units, which run as another user, must be able to pass its state folder. */
static struct error *make_state(struct vcli *v, const char *folder)
{
	TRY(file_mkdirs(dirname(mem_strdup(v, folder)), 0711));
	return file_mkdirs(folder, 0711);
}

/* The key that dsn-agent --state-dir DIR has, or will find there. */
struct error *cmd_key_agent(struct vcli *v)
{
	char id[KEYRING_ID_SIZE], *path = file_join(v, v->args[0], "agent.key");
	struct secp_key key;

	TRY(make_state(v, v->args[0]));
	TRY(keyfile_load(path, &v->set.client.passphrase, &key));
	keyring_id(key.public, id);
	tell(v, id, &key, path);
	secret_wipe(&key, sizeof(key));
	if (!v->set.json)
		printf("%s\n", id);
	return NULL;
}

struct error *cmd_key_new(struct vcli *v)
{
	char id[KEYRING_ID_SIZE], *path;
	struct secp_key key;
	struct error *e;

	secp_key_new(&key);
	keyring_id(key.public, id);
	path = file_join(v, v->args[0], id);
	e = make_state(v, dirname(mem_strdup(path, v->args[0])));
	if (!e)
		e = file_mkdirs(v->args[0], 0700);
	if (!e)
		e = keyfile_write(path, &key);
	if (!e)
		tell(v, id, &key, path);
	secret_wipe(&key, sizeof(key));
	if (!e && !v->set.json)
		printf("%s\n", id);
	return e;
}
