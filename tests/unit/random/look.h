/* What has to be so whatever has happened: the promises of docs/model.md, asked of the managers' database and of what
 * the agents have on their disks. */
#ifndef DSN_TESTS_RANDOM_LOOK_H
#define DSN_TESTS_RANDOM_LOOK_H

#include <stddef.h>

/* What a customer wants of an order since somebody has said yes to it. */
enum look_wish { LOOK_RUN, LOOK_STOP, LOOK_CANCEL };

void look_begin(void);
void look_end(void);
/* Orders that were accepted so far, the oldest first; "": none such. */
size_t look_count(void);
const char *look_job(size_t n);
enum look_wish look_wish(size_t n);
/* The n-th is to be that from now on. */
void look_wishes(size_t n, enum look_wish wish);
/* Somebody was told that this order is accepted. */
void look_accepted(const char *job);

/* After every step. */
void look_always(void);
/* When all that hinders has ended: what is not yet as it is to be in the end; NULL: nothing. Lives until the next. */
const char *look_unsettled(void);

#endif
