/* A reload of a classic node's nginx: from SIGHUP until nginx has taken it over.
 *
 * nginx's master answers SIGHUP by reading its files and starting new workers; 100 ms later it tells the old ones to
 * quit (nginx 1.22.1, ngx_master_process_cycle()). Until then both accept connections, so that a publisher may meet a
 * worker that does not know its application. The reload is over when at least one child titled "nginx: worker process"
 * is there that was none of the master's children before SIGHUP, and none from before carries that title any more: an
 * old one that still has connections is titled "nginx: worker process is shutting down".
 *
 * It is never given up: after 10 s the jobs that wait for it tell so, SIGHUP is sent again and the watch goes on.
 * Threads: loop thread.
 */
#ifndef DSN_NODE_MODE_CLASSIC_RELOAD_H
#define DSN_NODE_MODE_CLASSIC_RELOAD_H

#include "node/node.h"

/* taken: nginx serves what its files said when the reload began. Else it does not run, or has ended meanwhile: its next
 * start reads them. */
typedef void classic_reload_fn(bool taken, void *arg);

/* The files are written. `over` is called once, later or from within this call (nginx does not run), unless the node is
 * freed before. There must be no other reload of the node: n->classic_busy is set until it is over. */
void classic_reload_begin(struct node *n, classic_reload_fn *over, void *arg);
/* nginx of the node has ended. */
void classic_reload_nginx_ended(struct node *n);

#endif
