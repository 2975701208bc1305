/* Are a codec's settings ones that a receiver can use? nginx keeps the last that came and hands them to everybody who
 * joins, so rubbish that is passed on once is told for as long as the stream lasts. */
#ifndef DSN_RELAY_SETTINGS_H
#define DSN_RELAY_SETTINGS_H

#include "base/error.h"
#include "relay/tag.h"

/* Of a tag that is a header (relay/tag.h); ERROR_INVALID or ERROR_LIMIT says what is wrong with it. What is known of
 * no other codec than H.264 and AAC is no fault. */
struct error *settings_check(const struct tag *t) MUST_CHECK;

#endif
