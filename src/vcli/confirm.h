/* Asking before something is done that cannot be undone. */
#ifndef DSN_VCLI_CONFIRM_H
#define DSN_VCLI_CONFIRM_H

#include "vcli/vcli.h"

/* NULL: --force was given, or the person at the terminal has said yes. Otherwise ERROR_REFUSED: `what` (a sentence
 * without its full stop, what would be lost), and how to do it all the same. */
struct error *confirm(const struct vcli *v, const char *what) MUST_CHECK;

#endif
