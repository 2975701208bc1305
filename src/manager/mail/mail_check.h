/* Which calls over the bus are taken at all, by what their message says. Threads: any. */
#ifndef DSN_MANAGER_MAIL_MAIL_CHECK_H
#define DSN_MANAGER_MAIL_MAIL_CHECK_H

#include "bus/message.h"

#define MAIL_VALID_MS INT64_C(900000) /* the longest that a call may be */
#define MAIL_AHEAD_MS INT64_C(600000) /* that another clock may be ahead of ours */

/* `now_ms`: wall clock. ERROR_INVALID: it is no call, or valid for too long; ERROR_REFUSED: it is dated too far ahead,
 * so that it would be kept for as long, or is one that is not made over the bus. */
struct error *mail_check(const struct message *command, int64_t now_ms) MUST_CHECK;

#endif
