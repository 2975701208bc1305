/* What the loop side and the owner thread of the amqp backend say to each other: items on bus/amqp_pipe.h. */
#ifndef DSN_BUS_AMQP_ITEM_H
#define DSN_BUS_AMQP_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/amqp_pipe.h"

/* Which delivery of which opening of a channel: void once `generation` is not the channel's any more. */
struct amqp_tag {
	unsigned generation;
	uint16_t channel;
	uint64_t number;
};

enum amqp_order_kind {
	ORDER_STOP,
	ORDER_SERVE,
	ORDER_UNSERVE,
	ORDER_WATCH,
	ORDER_PROBE,
	ORDER_SEND,
	ORDER_ACCEPT,
	ORDER_REJECT,
};

/* Loop to owner. Strings are children of the order. */
struct amqp_order {
	struct amqp_item item; /* first */
	enum amqp_order_kind kind;
	char *id;            /* SERVE, UNSERVE, PROBE; REJECT: the mailbox */
	bool durable;        /* SERVE */
	char *enode;         /* SERVE: the id's public key, 128 digits, names a queue of plain messages too; or NULL */
	bool remove;         /* UNSERVE */
	struct amqp_tag tag; /* ACCEPT, REJECT */
	char *reason;        /* REJECT */
	char *message_id;    /* SEND; REJECT: NULL when it could not be read */
	char *to;            /* SEND: routing key */
	bool status;         /* SEND: to the watchers */
	bool lasting;        /* SEND: survives a restart of the broker */
	bool cut;            /* REJECT: the bytes are the head of more, which is let go in any case */
	bool is_json;        /* SEND, REJECT: the bytes are JSON text */
	int64_t until_ms;    /* SEND: wall clock when it becomes void; 0: never */
	uint8_t *bytes;      /* SEND; REJECT: the message as it came */
	size_t len;
	void *token; /* SEND: comes back in the report */
	/* the owner's own */
	uint64_t number; /* publisher's sequence number */
	bool returned;
};

enum amqp_report_kind {
	REPORT_STATE,
	REPORT_DELIVERY,
	REPORT_SENT,
	REPORT_REFUSED,
	REPORT_SERVED,
	REPORT_PROBED,
	REPORT_HELD,
};

/* Owner to loop. */
struct amqp_report {
	struct amqp_item item; /* first */
	enum amqp_report_kind kind;
	bool up;             /* STATE; PROBED: it is served */
	int socket;          /* STATE, up: a duplicate for the loop to watch, or -1; closed with the report */
	struct error *error; /* STATE, SENT, REFUSED, HELD (NULL: no more); freed with the report */
	char *id;            /* REFUSED, SERVED, PROBED, DELIVERY: the mailbox; NULL: status */
	struct amqp_tag tag; /* DELIVERY */
	bool plain;          /* DELIVERY: from a queue named by the bare id */
	char *message_id;    /* DELIVERY: as the sender named it, or NULL */
	uint8_t *bytes;      /* DELIVERY */
	size_t len;
	void *token; /* SENT */
};

struct amqp_order *amqp_order_new(enum amqp_order_kind kind);
struct amqp_report *amqp_report_new(enum amqp_report_kind kind);

#endif
