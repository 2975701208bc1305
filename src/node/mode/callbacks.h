/* nginx's questions and news about publishers, answered on the node's agent/agent.sock. */
#ifndef DSN_NODE_MODE_CALLBACKS_H
#define DSN_NODE_MODE_CALLBACKS_H

#include "node/node.h"

struct error *callbacks_open(struct node *n) MUST_CHECK;

#endif
