/* Tells systemd (sd_notify(3)) by its socket, when there is one. */
#ifndef DSN_BASE_NOTIFY_H
#define DSN_BASE_NOTIFY_H

#include <stdint.h>

/* "READY=1", "STOPPING=1", "WATCHDOG=1". Nothing happens without $NOTIFY_SOCKET. */
void notify(const char *state);
/* After how long without "WATCHDOG=1" systemd takes this process for hung ($WATCHDOG_USEC, sd_watchdog_enabled(3));
 * 0: it does not look. */
int64_t notify_watchdog_ms(void);

#endif
