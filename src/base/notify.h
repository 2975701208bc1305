/* Tells systemd (sd_notify(3)) by its socket, when there is one. */
#ifndef DSN_BASE_NOTIFY_H
#define DSN_BASE_NOTIFY_H

/* "READY=1", "STOPPING=1". Nothing happens without $NOTIFY_SOCKET. */
void notify(const char *state);

#endif
