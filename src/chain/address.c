#include "chain/address.h"

#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "crypto/keccak.h"
#include "rlp/rlp.h"

void eth_address_text(const uint8_t address[ETH_ADDRESS_BYTES], char ret_text[ADDRESS_TEXT_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	char *text = ret_text + 2;
	uint8_t hash[KECCAK_BYTES];

	ret_text[0] = '0';
	ret_text[1] = 'x';
	for (int i = 0; i < ETH_ADDRESS_BYTES; i++) {
		text[2 * i] = digits[address[i] >> 4];
		text[2 * i + 1] = digits[address[i] & 0xf];
	}
	text[2 * ETH_ADDRESS_BYTES] = '\0';
	keccak256(text, 2 * ETH_ADDRESS_BYTES, hash);
	for (int i = 0; i < 2 * ETH_ADDRESS_BYTES; i++) {
		int nibble = i % 2 ? hash[i / 2] & 0xf : hash[i / 2] >> 4;

		if (text[i] >= 'a' && nibble >= 8)
			text[i] = (char)(text[i] - 'a' + 'A');
	}
}

struct error *eth_address_parse(const char *text, uint8_t ret_address[ETH_ADDRESS_BYTES])
{
	static const char lower[] = "abcdef", upper[] = "ABCDEF";
	const char *digits = strncmp(text, "0x", 2) == 0 ? text + 2 : text;
	uint8_t address[ETH_ADDRESS_BYTES];
	char checked[ADDRESS_TEXT_BYTES];

	if (!hex_is(digits, 2 * (size_t)ETH_ADDRESS_BYTES))
		return error_new(ERROR_INVALID, "\"%.60s\" is no address: 0x and 40 hexadecimal digits", text);
	TRY(hex_decode(digits, address, sizeof(address)));
	eth_address_text(address, checked);
	if (strpbrk(digits, lower) && strpbrk(digits, upper) && strcmp(checked + 2, digits) != 0)
		return error_new(ERROR_INVALID,
				 "\"%.60s\" has a typing error: the case of its letters does not fit (EIP-55)", text);
	memcpy(ret_address, address, sizeof(address));
	return NULL;
}

void eth_address_of_contract(const uint8_t sender[ETH_ADDRESS_BYTES], uint64_t nonce,
			     uint8_t ret_address[ETH_ADDRESS_BYTES])
{
	struct rlp_writer w;
	uint8_t hash[KECCAK_BYTES];

	rlp_writer_init(&w, NULL);
	rlp_list_begin(&w);
	rlp_write_bytes(&w, sender, ETH_ADDRESS_BYTES);
	rlp_write_u64(&w, nonce);
	rlp_list_end(&w);
	keccak256(w.data, w.len, hash);
	mem_free(w.data);
	memcpy(ret_address, hash + sizeof(hash) - ETH_ADDRESS_BYTES, ETH_ADDRESS_BYTES);
}
