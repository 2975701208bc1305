/* What the files of the event log share. */
#ifndef DSN_STORE_EVENTS_IMPL_H
#define DSN_STORE_EVENTS_IMPL_H

#include <stddef.h>

#include "base/error.h"

struct error *events_check_name(const char *what, const char *name, size_t max) MUST_CHECK;
struct error *events_check_limit(size_t limit) MUST_CHECK;

#endif
