/* What something of the client is waiting for, to be told to a person. */
#ifndef DSN_CLIENT_WAITING_H
#define DSN_CLIENT_WAITING_H

enum client_waiting {
	CLIENT_WAITING_BUS,     /* to be let in; why it is not */
	CLIENT_WAITING_MAILBOX, /* for our own: why it is refused */
	CLIENT_WAITING_ROOM,    /* the transport takes nothing for now: why */
	CLIENT_WAITING_ANSWERS, /* all is well; why is NULL */
};
/* `why` is borrowed. */
typedef void client_waiting_fn(enum client_waiting what, const char *why, void *arg);

#endif
