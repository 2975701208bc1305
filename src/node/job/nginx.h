/* A node's nginx, asked over its control socket: which streams are published, and to let one's publisher go.
 *
 * The socket lies where nginx itself may write: it is opened below the node's folder, and taken for nginx's only when
 * the units' user owns it. Threads: loop thread.
 */
#ifndef DSN_NODE_JOB_NGINX_H
#define DSN_NODE_JOB_NGINX_H

#include "node/node.h"

/* Does nginx listen there? */
bool nginx_listens(const struct node *n);
/* Ask which streams are published now; the mode is told (mode_ops.streams), and an nginx that answers is up. */
void nginx_ask_streams(struct node *n);
/* Nginx is up: the node goes on. */
void nginx_serves(struct node *n);
/* GET on the control socket, answer ignored: "/control/drop/publisher?app=live&name=x". */
void nginx_control(struct node *n, const char *path);
void nginx_drop_publisher(struct node *n, const char *application, const char *name);
/* Serving, and if not: why. */
struct error *nginx_trouble(const struct node *n) MUST_CHECK;

#endif
