/* What transfer/ says to itself: between one transfer and the loop that drives all of them. Threads: loop thread. */
#ifndef DSN_TRANSFER_TRANSFER_IMPL_H
#define DSN_TRANSFER_TRANSFER_IMPL_H

#include "transfer/transfer.h"

CURLM *transfers_multi(struct transfers *all);
/* Where its list of transfers begins. */
struct transfer **transfers_list(struct transfers *all);
/* A transfer was added: it begins now; should it end at once, that is told by the next turn of the loop. */
void transfers_begin(struct transfers *all);

/* Its callback never comes. */
void transfer_cut_off(struct transfer *t);
/* Calls back; anything may be gone then. */
void transfer_ended(CURL *easy, CURLcode code);

#endif
