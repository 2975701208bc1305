/* Bounds of the queues of a network, the same whoever declares them: a participant or `vcli broker setup`. */
#ifndef DSN_BUS_AMQP_LIMITS_H
#define DSN_BUS_AMQP_LIMITS_H

/* A message that was delivered so often without being accepted goes to the dead letters. */
#define AMQP_DELIVERY_LIMIT 20
/* A full mailbox refuses what comes, so that the sender learns of it; it never drops silently. */
#define AMQP_MAILBOX_LENGTH 10000
/* All of them together, bytes: the largest are 256 KiB. */
#define AMQP_MAILBOX_BYTES 67108864
/* What rabbitmq.conf's max_message_size should be: our largest message sealed, and room for headers. Whatever is larger
 * the broker refuses then before it takes room anywhere. */
#define AMQP_MESSAGE_BYTES 524288
/* Dead letters are for people; they may wait a week. */
#define AMQP_DEAD_TTL_MS 604800000
#define AMQP_DEAD_LENGTH 10000
#define AMQP_DEAD_BYTES 67108864
/* Of what is too large to be a message, so much goes to the dead letters. */
#define AMQP_DEAD_HEAD_BYTES 1024

#endif
