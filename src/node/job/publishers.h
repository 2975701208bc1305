/* Publishers come and go: the streams of a node follow, and the jobs that read them are told. Threads: loop thread. */
#ifndef DSN_NODE_JOB_PUBLISHERS_H
#define DSN_NODE_JOB_PUBLISHERS_H

#include "node/node.h"

/* A publisher came (client: nginx's id of it) or left; jobs are told when the first came or the last left. */
void stream_publish(struct node *n, struct stream *s, const char *client);
void stream_unpublish(struct node *n, struct stream *s, const char *client);
/* Free those that no job knows any more. */
void streams_forget(struct node *n);
/* Nobody publishes it, whatever was heard. */
void stream_clear(struct node *n, struct stream *s);

#endif
