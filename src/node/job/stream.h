/* A stream that is, was or may be published at a node, told by nginx's callbacks and corrected by its /stat. */
#ifndef DSN_NODE_JOB_STREAM_H
#define DSN_NODE_JOB_STREAM_H

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
/* The record, made when missing; belongs to the node. */
struct stream *node_stream(struct node *n, const char *application, const char *name);

#endif
