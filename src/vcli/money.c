#include "vcli/money.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "chain/address.h"
#include "chain/amount.h"
#include "contracts/refusal.h"
#include "crypto/keccak.h"
#include "vcli/render.h"

#define FILE_BYTES (16 * 1024 * 1024)

static struct error *name(struct error *e, const char *what)
{
	return e ? error_wrap(e, "%s", what) : NULL;
}

struct error *money_amount(const char *what, const char *text, struct u256 *ret_wei)
{
	size_t n = strlen(text);

	if (n == 0 || isdigit((unsigned char)text[n - 1]) || text[n - 1] == '.')
		return error_new(
			ERROR_INVALID,
			"%s: \"%.80s\" has no unit: write an amount such as \"1.5 ether\", \"3 gwei\" or \"100 wei\"",
			what, text);
	return name(amount_parse(text, AMOUNT_WEI, ret_wei), what);
}

struct error *money_fits(const char *what, struct u256 wei, unsigned bits)
{
	if (u256_bits(wei) <= bits)
		return NULL;
	return error_new(ERROR_INVALID, "%s: is more than the contracts can write down, 2^%u wei", what, bits);
}

struct error *money_amount_args(struct vcli *v, size_t at, struct u256 *ret_wei)
{
	char *text = mem_strdup(v, "");

	for (size_t i = at; i < v->arg_count; i++)
		text = mem_printf(v, "%s%s%s", text, *text ? " " : "", v->args[i]);
	return money_amount("AMOUNT", text, ret_wei);
}

struct error *money_address(const void *ctx, const char *what, const char *text, char **ret_address)
{
	uint8_t address[ETH_ADDRESS_BYTES];

	TRY(name(eth_address_parse(text, address), what));
	*ret_address = mem_array(ctx, char, ADDRESS_TEXT_BYTES);
	eth_address_text(address, *ret_address);
	return NULL;
}

struct error *money_address_bytes(const char *what, const char *text, uint8_t ret_address[ETH_ADDRESS_BYTES])
{
	return name(eth_address_parse(text, ret_address), what);
}

void money_put_address(json_t *obj, const char *key, const uint8_t address[ETH_ADDRESS_BYTES])
{
	char text[ADDRESS_TEXT_BYTES];

	eth_address_text(address, text);
	json_put(obj, key, text);
}

void money_put_hash(json_t *obj, const char *key, const uint8_t hash[KECCAK_BYTES])
{
	char *digits = hex_encode(NULL, hash, KECCAK_BYTES);

	json_object_set_new(obj, key, json_sprintf("0x%s", digits));
	mem_free(digits);
}

void money_put_time(json_t *obj, const char *key, uint64_t seconds)
{
	char *text = refusal_time(NULL, seconds);

	json_put(obj, key, text);
	mem_free(text);
}

struct error *money_number(const char *what, const char *text, uint64_t most, uint64_t *ret)
{
	struct u256 n = U256_ZERO;
	uint64_t small = 0;

	if (!isdigit((unsigned char)*text))
		return error_new(ERROR_INVALID, "%s: \"%.80s\" is no number", what, text);
	TRY(name(u256_parse(text, &n), what));
	if (!u256_to_u64(n, &small) || small > most)
		return error_new(ERROR_INVALID, "%s: %.80s is over %llu", what, text, (unsigned long long)most);
	*ret = small;
	return NULL;
}

json_t *money_json(struct u256 wei)
{
	char *digits = u256_decimal(NULL, wei);
	json_t *value = json_string(digits);

	mem_free(digits);
	return value;
}

void money_put(json_t *obj, const char *key, struct u256 wei)
{
	char *words = amount_words(NULL, wei), *exact = mem_printf(words, "%s_wei", key);

	json_put(obj, key, words);
	json_object_set_new(obj, exact, money_json(wei));
	mem_free(words);
}

/* Without members "..._wei", also of the objects in a list. */
static void drop_wei(json_t *value)
{
	json_t *member = NULL;
	const char *key = NULL;
	void *next = NULL;
	size_t i = 0;

	json_array_foreach (value, i, member)
		drop_wei(member);
	json_object_foreach_safe(value, next, key, member)
	{
		size_t n = strlen(key);

		if (n > 4 && strcmp(key + n - 4, "_wei") == 0)
			json_object_del(value, key);
		else
			drop_wei(member);
	}
}

struct error *money_show(struct vcli *v)
{
	json_t *shown;

	if (v->set.json)
		return NULL;
	shown = json_deep_copy(v->answer);
	drop_wei(shown);
	render_value(stdout, shown);
	json_decref(shown);
	return NULL;
}

struct error *money_choice(const char *what, const char *const *words, const char *word, int *ret)
{
	char *list = mem_strdup(NULL, "");
	struct error *e;

	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], word) == 0) {
			*ret = i;
			mem_free(list);
			return NULL;
		}
		list = talloc_asprintf_append(list, "%s%s", i ? ", " : "", words[i]);
	}
	e = error_new(ERROR_INVALID, "%s: \"%.60s\" is none of %s", what, word, list);
	mem_free(list);
	return e;
}

char *money_hash(const void *ctx, const void *bytes, size_t n)
{
	uint8_t digest[KECCAK_BYTES];
	char *digits, *text;

	keccak256(bytes, n, digest);
	digits = hex_encode(NULL, digest, sizeof(digest));
	text = mem_printf(ctx, "0x%s", digits);
	mem_free(digits);
	return text;
}

struct error *money_file_digest(const char *path, uint8_t ret_hash[KECCAK_BYTES])
{
	char *text = NULL;
	size_t n = 0;

	TRY(file_read(NULL, path, FILE_BYTES, &text, &n));
	keccak256(text, n, ret_hash);
	mem_free(text);
	return NULL;
}
