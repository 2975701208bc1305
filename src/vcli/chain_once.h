/* What vcli itself takes from the chain or the clock, in the arguments of functions that it names by text.
 * Threads: any.
 */
#ifndef DSN_VCLI_CHAIN_ONCE_H
#define DSN_VCLI_CHAIN_ONCE_H

#include "vcli/chain.h"

/* The typed function and what to forget of its arguments, for --once (contracts/once.h). Sets both members of ret_in.
 */
void chain_once_describe(const char *contract, const char *function, struct contracts_intention *ret_in);
/* Was it sent under the name of --once before? */
struct error *chain_once_used(struct chain *c, const char *what, bool *ret_used) MUST_CHECK;

#endif
