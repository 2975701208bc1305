#include "vcli/identity.h"

#include "base/file.h"
#include "base/mem.h"
#include "crypto/keyfile.h"
#include "crypto/secret.h"
#include "vcli/paths.h"

struct error *identity_load(const struct settings *set, struct secp_key *ret_key)
{
	void *scope = mem_strdup(NULL, "");
	char *folder = NULL;
	struct error *e;

	if (set->identity) {
		e = keyfile_read(set->identity, set->passphrase_file, ret_key);
	} else {
		e = paths_make(scope, set, NULL, &folder);
		if (!e)
			e = keyfile_load(file_join(scope, folder, "identity.key"), set->passphrase_file, ret_key);
	}
	mem_free(scope);
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
