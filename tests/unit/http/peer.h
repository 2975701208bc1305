/* A server that is no server: it answers the first that comes with a script, from a thread of its own. */
#ifndef DSN_TESTS_HTTP_PEER_H
#define DSN_TESTS_HTTP_PEER_H

#include <pthread.h>
#include <stdbool.h>

#include "http/client.h"

struct peer {
	int listener;
	int port;
	const char *script; /* what to answer */
	bool slowly;        /* byte by byte */
	bool hold;          /* keep the connection open until the client closes */
	char request[4096];
	pthread_t thread;
};

void peer_start(struct peer *p);
void peer_end(struct peer *p);
/* Asks it, "GET /" of 127.0.0.1 in five seconds where `x` does not say otherwise. The caller frees the answer. */
struct http_answer *ask(struct peer *p, struct http_exchange x);

#endif
