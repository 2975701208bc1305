/* What a job on the chain may cost, as the flags say it. */
#ifndef DSN_VCLI_MARKET_ESCROW_TERMS_H
#define DSN_VCLI_MARKET_ESCROW_TERMS_H

#include "contracts/escrow.h"
#include "vcli/vcli.h"

/* --budget, --limit, --for and --from-balance; the document is the caller's. ERROR_INVALID names the flag. */
struct error *escrow_terms_read(struct vcli *v, struct escrow_job *job) MUST_CHECK;

#endif
