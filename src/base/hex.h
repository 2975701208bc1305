/* Hexadecimal text and the 40-digit ids of nodes, agents and clients. */
#ifndef DSN_BASE_HEX_H
#define DSN_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Value of one digit of either case; -1 for anything else. */
int hex_digit(char c);
/* Lower-case hex of `n` bytes. */
char *hex_encode(const void *ctx, const uint8_t *bytes, size_t n);
/* Decode exactly `n` bytes from 2n digits of either case; no 0x prefix. */
struct error *hex_decode(const char *text, uint8_t *ret_bytes, size_t n) MUST_CHECK;
/* Exactly `digits` hexadecimal digits and nothing else. */
bool hex_is(const char *text, size_t digits);
/* `n` random bytes (getrandom) as hex. */
char *hex_random(const void *ctx, size_t n);

/* A node, agent or client id: 40 hex digits, an Ethereum address without 0x. */
#define ID_DIGITS 40
bool hex_id_valid(const char *text);

#endif
