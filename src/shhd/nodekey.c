#include "shhd/nodekey.h"

#include "base/file.h"
#include "base/mem.h"
#include "crypto/keyfile.h"

struct error *nodekey_load(const struct shhd_settings *s, struct secp_key *ret_key)
{
	const struct passphrase_source source = {s->password_file, s->passphrase_agent, .unattended = true};
	struct error *e;
	char *path;

	if (s->keystore && s->node_key)
		return error_new(ERROR_INVALID, "--nodekey and --keystore: name one of them");
	if (s->keystore && !s->password_file && !s->passphrase_agent)
		return error_new(ERROR_INVALID, "--keystore needs --password-file, or --passphrase-agent");
	if (s->keystore)
		return keyfile_read(s->keystore, &source, ret_key);
	path = s->node_key ? mem_strdup(NULL, s->node_key) : file_join(NULL, s->data_dir, "nodekey");
	e = keyfile_load(path, &source, ret_key);
	mem_free(path);
	return e;
}
