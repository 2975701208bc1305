#include "chain/verdict.h"

#include <stddef.h>
#include <string.h>

/* As geth, anvil, Besu, Nethermind and Erigon put it; the first that fits. */
static const struct {
	const char *part;
	enum verdict verdict;
} rows[] = {
	{"already known", VERDICT_KNOWN},
	{"known transaction", VERDICT_KNOWN},
	{"already imported", VERDICT_KNOWN},
	{"alreadyknown", VERDICT_KNOWN},
	{"already in the pool", VERDICT_KNOWN},
	{"nonce too low", VERDICT_NONCE_USED},
	{"nonce is too low", VERDICT_NONCE_USED},
	{"oldnonce", VERDICT_NONCE_USED},
	{"nonce_expired", VERDICT_NONCE_USED},
	{"underpriced", VERDICT_UNDERPRICED},
	{"fee too low", VERDICT_UNDERPRICED},
	{"feetoolow", VERDICT_UNDERPRICED},
	{"less than block base fee", VERDICT_UNDERPRICED},
	{"max fee per gas less than", VERDICT_UNDERPRICED},
	{"gas price below", VERDICT_UNDERPRICED},
	{"insufficient funds", VERDICT_FUNDS},
	{"insufficientfunds", VERDICT_FUNDS},
	{"insufficient balance", VERDICT_FUNDS},
	{"upfront cost exceeds", VERDICT_FUNDS},
};

enum verdict verdict_of(const char *words)
{
	for (size_t i = 0; words && i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcasestr(words, rows[i].part))
			return rows[i].verdict;
	}
	return VERDICT_LATER;
}
