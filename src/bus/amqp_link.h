/* One connection to a broker through rabbitmq-c, blocking, with errors for a person.
 *
 * rabbitmq-c is not thread-safe: a link belongs to one thread at a time. An error of code ERROR_UNAVAILABLE means that
 * the connection is gone; any other error means that the broker closed the channel in question, which must be opened
 * again before it is used.
 */
#ifndef DSN_BUS_AMQP_LINK_H
#define DSN_BUS_AMQP_LINK_H

#include <amqp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/amqp_address.h"

/* Frames and channels asked for; the broker may answer with less. */
#define AMQP_FRAME_LIMIT 131072
#define AMQP_CHANNEL_LIMIT 2047

/* Connect, check the peer (amqps), log in. `name` is shown to the operator among the broker's connections.
 * Waits a->limit_ms at most for each step. ERROR_REFUSED: the broker does not let us in; ERROR_UNAVAILABLE: not
 * reachable, or not the peer it should be. */
struct error *amqp_link_open(const struct amqp_address *a, const char *name, int64_t heartbeat_ms,
			     amqp_connection_state_t *ret_link) MUST_CHECK;
/* The same in two steps, for who wants to break the second one off by the link's socket: connect and check the peer;
 * log in. A link that was not let in is the caller's to close. */
struct error *amqp_link_dial(const struct amqp_address *a, amqp_connection_state_t *ret_link) MUST_CHECK;
struct error *amqp_link_login(amqp_connection_state_t link, const struct amqp_address *a, const char *name,
			      int64_t heartbeat_ms) MUST_CHECK;
/* Say good-bye when the connection still works, then release everything. NULL is allowed. */
void amqp_link_close(amqp_connection_state_t link, bool alive);

struct error *amqp_link_open_channel(amqp_connection_state_t link, amqp_channel_t channel) MUST_CHECK;
/* Sends a method (AMQP_..._METHOD and its amqp_..._t) and does not wait for the answer, if there is one. What the
 * broker refuses shows at the next call on `channel` that waits, since it closes the channel; all before that was
 * ignored. Each answer that is waited for costs a way through a broker that others keep busy. */
struct error *amqp_link_send_method(amqp_connection_state_t link, amqp_channel_t channel, amqp_method_number_t id,
				    void *method) MUST_CHECK;
/* amqp_link_open_channel() in this way. */
struct error *amqp_link_send_open(amqp_connection_state_t link, amqp_channel_t channel) MUST_CHECK;
/* on: what is written goes out in full packets only; off: what is left goes at once. Linux: TCP_CORK, tcp(7). */
void amqp_link_gather(amqp_connection_state_t link, bool on);
/* That many bytes can be written and the kernel takes them at once. */
bool amqp_link_has_room(amqp_connection_state_t link, size_t bytes);
/* After a synchronous call on `channel`: NULL when the broker agreed, else "what: the broker's reason". Answers the
 * broker's close of the channel. */
struct error *amqp_link_check(amqp_connection_state_t link, amqp_channel_t channel, const char *what) MUST_CHECK;
/* An error from what the broker said when it closed a channel or the connection, or refused a message. */
struct error *amqp_reply_error(int reply_code, amqp_bytes_t text, const char *what) MUST_CHECK;
/* Why the broker takes nothing (connection.blocked). */
struct error *amqp_blocked_error(const amqp_connection_blocked_t *blocked) MUST_CHECK;
/* ERROR_UNAVAILABLE from a library status. */
struct error *amqp_status_error(int status, const char *what) MUST_CHECK;

#endif
