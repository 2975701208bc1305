#include "chain/account.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "crypto/keystore.h"
#include "crypto/secret.h"

/* False: no keystore file that names its address. */
static bool read_address(const char *path, uint8_t ret_address[ETH_ADDRESS_BYTES])
{
	json_t *document = NULL;
	struct error *e = json_parse_file(path, KEYSTORE_BYTES, &document);
	const char *text = json_string_value(json_object_get(document, "address"));

	/* The capital as crypto/keystore.c reads it too. */
	if (!e && text &&
	    (json_is_object(json_object_get(document, "crypto")) ||
	     json_is_object(json_object_get(document, "Crypto"))))
		e = eth_address_parse(text, ret_address);
	else if (!e)
		e = error_new(ERROR_INVALID, "no keystore file");
	json_decref(document);
	if (!e)
		return true;
	error_free(e);
	return false;
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

struct error *account_list(const void *ctx, const char *folder, struct account **ret_accounts, size_t *ret_count)
{
	struct dirent **names = NULL;
	struct account *accounts = mem_array(ctx, struct account, 1);
	size_t count = 0;
	int n = scandir(folder, &names, visible, alphasort);

	if (n < 0 && errno != ENOENT) {
		mem_free(accounts);
		return error_sys(errno, "%s", folder);
	}
	for (int i = 0; i < n; i++) {
		struct account a = {.path = file_join(accounts, folder, names[i]->d_name)};

		free(names[i]);
		if (count == ACCOUNTS || !read_address(a.path, a.address)) {
			mem_free(a.path);
			continue;
		}
		accounts = mem_resize(ctx, accounts, struct account, count + 1);
		accounts[count++] = a;
	}
	free(names);
	*ret_accounts = accounts;
	*ret_count = count;
	return NULL;
}

/* Does the address begin so? */
static bool begins(const struct account *a, const char *which)
{
	char text[ADDRESS_TEXT_BYTES];

	eth_address_text(a->address, text);
	return strncasecmp(text, which, strlen(which)) == 0;
}

struct error *account_find(const void *ctx, const char *folder, const char *which, struct account *ret_account)
{
	struct account *accounts = NULL, *found = NULL;
	uint8_t address[ETH_ADDRESS_BYTES];
	size_t count = 0, fitting = 0;
	char *start;
	struct error *e = NULL;

	if (which && strlen(which) + 1 >= ADDRESS_TEXT_BYTES - 2)
		TRY(eth_address_parse(which, address)); /* a whole one must be right */
	TRY(account_list(ctx, folder, &accounts, &count));
	start = mem_printf(accounts, "%s%s", which && strncmp(which, "0x", 2) == 0 ? "" : "0x", which ? which : "");
	for (size_t i = 0; i < count; i++) {
		if (!begins(&accounts[i], start))
			continue;
		found = &accounts[i];
		fitting++;
	}
	if (!found)
		e = error_new(ERROR_NOT_FOUND,
			      which ? "%s has no account %s: see vcli account list" : "%s has no account%s", folder,
			      which ? which : ": make one with vcli account new");
	else if (fitting > 1)
		e = error_new(ERROR_INVALID, "%s has %zu accounts%s%s: name one by its address", folder, fitting,
			      which ? " that begin with " : "", which ? which : "");
	if (!e && found) {
		*ret_account = (struct account){.path = mem_strdup(ctx, found->path)};
		memcpy(ret_account->address, found->address, sizeof(found->address));
	}
	mem_free(accounts);
	return e;
}

/* "UTC--2026-01-31T12-00-00.000000000Z--<address>" */
static char *file_name(const void *ctx, const uint8_t address[ETH_ADDRESS_BYTES])
{
	struct timespec now;
	struct tm utc;
	char *digits = hex_encode(NULL, address, ETH_ADDRESS_BYTES), *name;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	name = mem_printf(ctx, "UTC--%04d-%02d-%02dT%02d-%02d-%02d.%09ldZ--%s", utc.tm_year + 1900, utc.tm_mon + 1,
			  utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_nsec, digits);
	mem_free(digits);
	return name;
}

static struct error *refuse_known(const char *folder, const uint8_t address[ETH_ADDRESS_BYTES])
{
	struct account *accounts = NULL;
	size_t count = 0;
	struct error *e = NULL;

	TRY(account_list(NULL, folder, &accounts, &count));
	for (size_t i = 0; !e && i < count; i++) {
		if (memcmp(accounts[i].address, address, ETH_ADDRESS_BYTES) == 0)
			e = error_new(ERROR_EXISTS, "the account is there already: %s", accounts[i].path);
	}
	mem_free(accounts);
	return e;
}

struct error *account_store(const void *ctx, const char *folder, const struct secp_key *key, const char *passphrase,
			    bool light, struct account *ret_account)
{
	struct account a = {.path = NULL};
	char *text, *name;
	struct error *e;

	secp_address(key->public, a.address);
	TRY(refuse_known(folder, a.address));
	TRY(file_mkdirs(folder, 0700));
	name = file_name(ctx, a.address);
	a.path = file_join(ctx, folder, name);
	text = keystore_seal(name, key, passphrase, light);
	e = file_write_atomic(a.path, text, strlen(text), 0600);
	mem_free(name);
	if (e) {
		mem_free(a.path);
		return e;
	}
	*ret_account = a;
	return NULL;
}
