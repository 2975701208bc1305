#include "vcli/chain/wallet.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "chain/address.h"
#include "client/folders.h"
#include "client/identity.h"
#include "crypto/keyfile.h"
#include "vcli/chain/session.h"

struct choice {
	bool identity; /* else an account of the keystore */
	struct account account;
};

static struct error *keystore_folder(struct vcli *v, char **ret_folder)
{
	*ret_folder = v->set.chain.keystore;
	return *ret_folder ? NULL : client_state_make(v, &v->set.client.state, "keystore", ret_folder);
}

struct error *wallet_list(struct vcli *v, struct account **ret_accounts, size_t *ret_count)
{
	struct account *accounts = NULL, *all;
	char *folder = NULL;
	size_t count = 0;

	TRY(keystore_folder(v, &folder));
	TRY(account_list(v, folder, &accounts, &count));
	all = mem_array(v, struct account, count + 1);
	for (size_t i = 0; i < count; i++)
		all[i] = accounts[i];
	TRY(client_identity_address(&v->set.client, all[count].address));
	all[count].path = NULL;
	*ret_accounts = all;
	*ret_count = count + 1;
	return NULL;
}

/* "0x5aAe": an address or its beginning, of either case. */
static bool begins(const uint8_t address[ETH_ADDRESS_BYTES], const char *which)
{
	char text[ADDRESS_TEXT_BYTES];
	size_t n = strlen(which);

	eth_address_text(address, text);
	return n > 2 && n < sizeof(text) && strncasecmp(text, which, n) == 0;
}

/* The beginning of an address may be that of our identity and of an account as well. */
static struct error *check_only(struct vcli *v, const char *folder, const char *which,
				const uint8_t identity[ETH_ADDRESS_BYTES])
{
	struct account a = {.path = NULL};
	struct error *e = account_find(v, folder, which, &a);

	if (e && e->code == ERROR_NOT_FOUND) {
		error_free(e);
		return NULL;
	}
	TRY(e);
	return memcmp(a.address, identity, sizeof(a.address)) == 0
		       ? NULL
		       : error_new(ERROR_INVALID,
				   "our identity and an account of %s begin with %s: name one by its address", folder,
				   which);
}

static struct error *find(struct vcli *v, const char *folder, const char *which, struct choice *ret)
{
	uint8_t identity[ETH_ADDRESS_BYTES];
	struct account *accounts = NULL;
	struct error *e;
	size_t count = 0;

	TRY(account_list(v, folder, &accounts, &count));
	if (which || count == 0) {
		TRY(client_identity_address(&v->set.client, identity));
		if (!which || begins(identity, which)) {
			if (which)
				TRY(check_only(v, folder, which, identity));
			ret->identity = true;
			memcpy(ret->account.address, identity, sizeof(identity));
			return NULL;
		}
	}
	ret->identity = false;
	e = account_find(v, folder, which, &ret->account);
	return e ? error_wrap(e, "--account") : NULL;
}

static struct error *choose(struct vcli *v, bool login, struct choice *ret)
{
	char *folder = NULL, *which = v->set.chain.account;

	if (!which && v->set.client.identity) {
		ret->identity = true;
		return client_identity_address(&v->set.client, ret->account.address);
	}
	if (!which && login)
		TRY(session_account(v, &which));
	TRY(keystore_folder(v, &folder));
	return find(v, folder, which, ret);
}

struct error *wallet_address(struct vcli *v, bool login, uint8_t ret_address[ETH_ADDRESS_BYTES])
{
	struct choice c = {.identity = false};

	TRY(choose(v, login, &c));
	memcpy(ret_address, c.account.address, ETH_ADDRESS_BYTES);
	return NULL;
}

struct error *wallet_key(struct vcli *v, bool login, struct secp_key *ret_key)
{
	struct choice c = {.identity = false};
	char *passphrase = NULL;

	TRY(choose(v, login, &c));
	if (c.identity)
		return client_identity_load(&v->set.client, ret_key);
	TRY(keyfile_unlock(v, c.account.path, &v->set.client.passphrase, ret_key, &passphrase));
	mem_free(passphrase);
	return NULL;
}
