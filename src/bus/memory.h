/* The memory backend's hubs: a broker inside the process, for tests, with faults on demand.
 *
 * All buses opened with "memory:NAME" on one loop thread meet in the hub NAME, which is made by the first of them and
 * stays, with what waits in its durable mailboxes, until memory_hub_free(). Faults on a hub that does not exist make
 * it. Threads: loop thread only.
 */
#ifndef DSN_BUS_MEMORY_H
#define DSN_BUS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Forget the hub; only when no bus is connected to it. */
void memory_hub_free(const char *name);

/* Break every connection now: unconfirmed messages fail, unaccepted ones are delivered again after reconnecting. */
void memory_hub_drop(const char *name);
/* While set, nobody can connect (those connected stay). */
void memory_hub_refuse(const char *name, bool refuse);
/* The next n messages are put into their mailbox twice. */
void memory_hub_duplicate(const char *name, unsigned n);
/* The next n messages arrive, but their confirm does not: the sender is told ERROR_UNAVAILABLE. */
void memory_hub_lose_confirms(const char *name, unsigned n);
/* Deliver and confirm this much later; 0: at the loop's next turn. */
void memory_hub_delay(const char *name, int64_t delay_ms);

/* What waits in a mailbox, delivered or not, and what is among the dead letters. */
size_t memory_hub_waiting(const char *name, const char *id);
size_t memory_hub_dead(const char *name);

#endif
