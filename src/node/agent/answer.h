/* Answers to questions: sent, held in memory while the bus is down, and forgotten when they are void. Nothing of a
 * question is stored: who gets no answer asks again. Threads: loop thread. */
#ifndef DSN_NODE_AGENT_ANSWER_H
#define DSN_NODE_AGENT_ANSWER_H

#include "bus/bus.h"

struct answers;
struct answers *answers_new(const void *ctx, struct bus *bus);
/* The message is copied. */
void answers_send(struct answers *a, const struct message *m);
/* The bus is up: what could not be sent before is sent. */
void answers_kick(struct answers *a);

#endif
