/* A publisher is let in when those who are to read its stream have connected: so nothing of the stream's beginning is
 * lost, however soon after the start of a job it comes (docs/media.md). Threads: loop thread. */
#ifndef DSN_NODE_JOB_READY_H
#define DSN_NODE_JOB_READY_H

#include "media/stat.h"
#include "node/node.h"

typedef void ready_fn(void *arg);

/* Call `fn` once when all units that read s wait for it at the node's nginx, or after READY_MS at the latest: at once
 * when that is so already. Never after ctx was freed. */
#define READY_MS 3000
void ready_wait(const void *ctx, struct node *n, struct stream *s, ready_fn *fn, void *arg);
bool ready_waited_for(const struct node *n, const struct stream *s);
/* What nginx has just told of its streams. */
void ready_look(struct node *n, const struct media_stream *found, size_t count);

#endif
