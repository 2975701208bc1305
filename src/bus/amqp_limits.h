/* Bounds of the queues of a network, the same whoever declares them: a participant or `vcli broker setup`. */
#ifndef DSN_BUS_AMQP_LIMITS_H
#define DSN_BUS_AMQP_LIMITS_H

/* A message that was delivered so often without being accepted goes to the dead letters. */
#define AMQP_DELIVERY_LIMIT 20
/* A full mailbox refuses what comes, so that the sender learns of it; it never drops silently. */
#define AMQP_MAILBOX_LENGTH 10000
/* Dead letters are for people; they may wait a week. */
#define AMQP_DEAD_TTL_MS 604800000
#define AMQP_DEAD_LENGTH 10000

#endif
