/* A node's nginx as a unit: its folders before it starts, and when it is seen to serve. */
#ifndef DSN_NODE_MODE_NGINX_UNIT_H
#define DSN_NODE_MODE_NGINX_UNIT_H

#include "node/node.h"

/* Belongs to the node; not started. */
struct unit *nginx_unit_new(struct node *n);

#endif
