/* What a node means when it refuses a raw transaction: nodes have no codes for it, only words. Threads: any. */
#ifndef DSN_CHAIN_VERDICT_H
#define DSN_CHAIN_VERDICT_H

enum verdict {
	VERDICT_KNOWN,       /* it has these very bytes already */
	VERDICT_NONCE_USED,  /* a transaction of this nonce is in the chain: this one, or another */
	VERDICT_UNDERPRICED, /* it asks for more, or another of this nonce waits that offered as much */
	VERDICT_FUNDS,       /* the sender has too little ether */
	VERDICT_LATER,       /* full, busy, or words nobody knows: again later */
};

enum verdict verdict_of(const char *words);

#endif
