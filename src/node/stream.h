/* A stream that is, was or may be published at a node, told by nginx's callbacks and corrected by its /stat. */
#ifndef DSN_NODE_STREAM_H
#define DSN_NODE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream {
	char *application, *name;
	char **clients; /* nginx's ids of its publishers; normally one */
	size_t client_count;
	bool active;
	int64_t since_ms; /* monotonic: published at; 0: never */
	int64_t left_ms;  /* monotonic: publisher left at; 0: never */
	int64_t bytes_in; /* received, as nginx counts */
	int64_t flow_ms;  /* monotonic: seen to flow at; 0: never */
};

struct node;
/* A publisher came (client: nginx's id of it) or left; jobs are told when the first came or the last left. */
void stream_publish(struct node *n, struct stream *s, const char *client);
void stream_unpublish(struct node *n, struct stream *s, const char *client);
/* Free those that no job knows any more. */
void streams_forget(struct node *n);
/* Nobody publishes it, whatever was heard. */
void stream_clear(struct node *n, struct stream *s);

#endif
