#include "node/agent/keys.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "crypto/keyfile.h"
#include "crypto/secret.h"

static struct error *add_file(struct keyring *k, const char *path, const struct passphrase_source *source)
{
	struct secp_key key;

	TRY(keyfile_read(path, source, &key));
	keyring_add(k, &key);
	secret_wipe(&key, sizeof(key));
	return NULL;
}

static struct error *add_folder(struct keyring *k, const char *folder, const struct passphrase_source *source)
{
	struct error *e = NULL;
	struct dirent *entry;
	DIR *d = opendir(folder);

	if (!d)
		return error_sys(errno, "%s", folder);
	while (!e && (entry = readdir(d))) {
		char *path;

		if (entry->d_name[0] == '.')
			continue;
		path = file_join(NULL, folder, entry->d_name);
		e = add_file(k, path, source);
		mem_free(path);
	}
	closedir(d);
	return e;
}

struct error *keys_open(const void *ctx, const char *state_dir, const struct passphrase_source *source, struct db *db,
			struct keyring **ret_keyring, const char **ret_id)
{
	struct keyring *k = keyring_new(ctx, db);
	char *own = file_join(k, state_dir, "agent.key"), *folder = file_join(k, state_dir, "keys");
	struct secp_key key;

	TRY(keyfile_load(own, source, &key));
	*ret_id = keyring_add(k, &key);
	secret_wipe(&key, sizeof(key));
	TRY(file_mkdirs(folder, 0700));
	TRY(add_folder(k, folder, source));
	*ret_keyring = k;
	return NULL;
}

struct error *keys_need(struct keyring *k, const char *state_dir, const struct passphrase_source *source,
			const char *id)
{
	char *folder;
	struct error *e;

	if (keyring_own(k, id))
		return NULL;
	folder = file_join(NULL, state_dir, "keys");
	e = add_folder(k, folder, source);
	if (!e && !keyring_own(k, id))
		e = error_new(
			ERROR_NOT_FOUND,
			"node %s: no file in %s holds the key of this id; make a node id with \"vcli key new %s\", or start the agent with --accept-plain to work without keys",
			id, folder, folder);
	mem_free(folder);
	return e;
}
