#include "vcli/identity.h"

#include "base/file.h"
#include "base/mem.h"
#include "crypto/keyfile.h"
#include "crypto/secret.h"
#include "vcli/paths.h"

struct error *identity_load(const struct settings *set, struct secp_key *ret_key)
{
	char *folder = NULL, *path;
	struct error *e;

	if (set->identity)
		return keyfile_read(set->identity, set->passphrase_file, ret_key);
	TRY(paths_make(NULL, set, NULL, &folder));
	path = file_join(folder, folder, "identity.key");
	e = keyfile_load(path, set->passphrase_file, ret_key);
	mem_free(folder);
	return e ? error_wrap(e, "our identity") : NULL;
}

struct error *identity_keyring(const void *ctx, const struct settings *set, struct keyring **ret_keyring,
			       const char **ret_id)
{
	struct secp_key key;
	struct db *db = NULL;
	char *folder = NULL;
	struct keyring *k;

	TRY(paths_make(ctx, set, NULL, &folder));
	TRY(db_open(ctx, file_join(folder, folder, "known.db"), keyring_schema, &db));
	TRY(identity_load(set, &key));
	k = keyring_new(ctx, db);
	*ret_id = keyring_add(k, &key);
	keyring_set_identity(k, &key);
	secret_wipe(&key, sizeof(key));
	*ret_keyring = k;
	return NULL;
}
