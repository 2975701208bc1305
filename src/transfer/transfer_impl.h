/* What transfer/ says to itself: between one transfer and the loop that drives all of them. Threads: loop thread. */
#ifndef DSN_TRANSFER_TRANSFER_IMPL_H
#define DSN_TRANSFER_TRANSFER_IMPL_H

#include "transfer/transfer.h"

CURLM *transfers_multi(struct transfers *all);
/* Where its list of transfers begins. */
struct transfer **transfers_list(struct transfers *all);
/* A transfer was added: it begins now; should it end at once, that is told later, by the loop. */
void transfers_begin(struct transfers *all);

/* Its callback never comes. */
void transfer_cut_off(struct transfer *t);
/* It has ended, which is still to be told: it stands at `at`, the end of a list. Returns the new end. */
struct transfer **transfer_ended(CURL *easy, CURLcode code, struct transfer **at);
/* Tells it; anything may be gone then. */
void transfer_tell(struct transfer *t);

#endif
