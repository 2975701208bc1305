/* Why a call was refused, from the bytes that it reverted with, as far as Solidity itself gives them a meaning; errors
 * of our own contracts: contracts/refusal.h. Source: Error(string) and Panic(uint256) as Solidity 0.8 reverts with
 * them. Threads: any. */
#ifndef DSN_CHAIN_REVERT_H
#define DSN_CHAIN_REVERT_H

#include <stddef.h>
#include <stdint.h>

/* For a person: `"too late"`, `arithmetic overflow (panic 0x11)`, or the bytes. Never fails. Belongs to ctx. */
char *revert_text(const void *ctx, const uint8_t *bytes, size_t n);

#endif
