#include "http/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

static void *peer_main(void *arg)
{
	struct peer *p = arg;
	int fd = accept(p->listener, NULL, NULL);
	size_t n = 0;

	while (n < sizeof(p->request) - 1 && !strstr(p->request, "\r\n\r\n")) {
		ssize_t r = recv(fd, p->request + n, sizeof(p->request) - 1 - n, 0);

		if (r <= 0)
			break;
		n += (size_t)r;
	}
	for (const char *s = p->script; *s;) {
		ssize_t w = send(fd, s, p->slowly ? 1 : strlen(s), MSG_NOSIGNAL);

		if (w <= 0)
			break;
		s += w;
	}
	if (p->hold) {
		char c;

		while (recv(fd, &c, 1, 0) > 0)
			;
	} else {
		shutdown(fd, SHUT_WR);
	}
	close(fd);
	return NULL;
}

void peer_start(struct peer *p)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(p->listener, 8), 0);
	getsockname(p->listener, (struct sockaddr *)&a, &len);
	p->port = ntohs(a.sin_port);
	pthread_create(&p->thread, NULL, peer_main, p);
}

void peer_end(struct peer *p)
{
	shutdown(p->listener, SHUT_RDWR); /* should nobody have come */
	pthread_join(p->thread, NULL);
	close(p->listener);
}

struct http_answer *ask(struct peer *p, struct http_exchange x)
{
	peer_start(p);
	x.host = x.host ? x.host : "127.0.0.1";
	x.port = p->port;
	x.method = x.method ? x.method : "GET";
	x.path = x.path ? x.path : "/";
	x.deadline_ms = x.deadline_ms ? x.deadline_ms : 5000;
	struct http_answer *a = http_fetch_sync(NULL, &x);
	peer_end(p);
	return a;
}
