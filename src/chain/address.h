/* Ethereum addresses as text: 0x and 40 hexadecimal digits whose case is a checksum (EIP-55).
 *
 * The raw form is ETH_ADDRESS_BYTES bytes (crypto/secp.h). dsn's node ids are the same digits without 0x. Threads: any.
 */
#ifndef DSN_CHAIN_ADDRESS_H
#define DSN_CHAIN_ADDRESS_H

#include <stdint.h>

#include "base/error.h"
#include "crypto/secp.h"

#define ADDRESS_TEXT_BYTES (2 + 2 * ETH_ADDRESS_BYTES + 1) /* with the NUL */

/* With or without 0x. Digits of one case only carry no checksum and are taken; mixed ones must be right.
 * ERROR_INVALID says what is wrong. */
struct error *eth_address_parse(const char *text, uint8_t ret_address[ETH_ADDRESS_BYTES]) MUST_CHECK;
/* "0x52908400098527886E0F7030069857D2E4169EE7" */
void eth_address_text(const uint8_t address[ETH_ADDRESS_BYTES], char ret_text[ADDRESS_TEXT_BYTES]);

/* The address of the contract that `sender` creates with a transaction of this nonce (Yellow Paper, section 7). */
void eth_address_of_contract(const uint8_t sender[ETH_ADDRESS_BYTES], uint64_t nonce,
			     uint8_t ret_address[ETH_ADDRESS_BYTES]);

#endif
