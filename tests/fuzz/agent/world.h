/* What stands around the agent in node_agent_fuzz: the real src/node and src/bus between fakes of this folder, linked
 * in the place of what they are named after, each without a will of its own: the fuzz input says what they do.
 *
 *   fake_time.c     base/clock.c and base/timer.c: the clocks stand still until they are turned
 *   fake_bus.c      bus/memory.c: what is sent to the agent, and what it sends, as bytes
 *   fake_runtime.c  both runtimes: programs that run in a table, and outlive the agent there
 *   fake_nginx.c    http/client.c and http/server.c: nginx's /stat, and its callbacks
 *
 * What must hold is checked with must(), which ends the process. */
#ifndef DSN_FUZZ_AGENT_WORLD_H
#define DSN_FUZZ_AGENT_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/error.h"
#include "bus/backend.h"
#include "node/runtime/runtime.h"

#define must(holds)                                                                 \
	do {                                                                        \
		if (!(holds)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #holds); \
			abort();                                                    \
		}                                                                   \
	} while (0)

/* --- time --- */

/* Both clocks anew; no timer may be left. */
void time_reset(void);
/* Timers fire in order, each at its instant. */
void time_pass(uv_loop_t *loop, int64_t ms);
/* The machine slept: both clocks go on at once, what was due meanwhile fires once. */
void time_leap(int64_t ms);
/* Somebody sets the wall clock. */
void time_set_wall(int64_t by_ms);

/* --- bus --- */

enum far_mood { FAR_TAKES, FAR_UNAVAILABLE, FAR_NOT_FOUND, FAR_LIMIT, FAR_MOODS };
extern struct far {
	enum far_mood mood;
	bool up, refuses;
	unsigned settled[3]; /* deliveries accepted, rejected, dropped */
	void (*on_sent)(const struct bus_item *item);
} far_end;

void far_reset(void);
/* Connect or break the connection; a mailbox that is refused is told so. */
void far_connect(bool up);
/* Mailboxes are given to another, or back to the agent. */
void far_refuse(bool refuses);
/* Bytes arrive in a mailbox; the agent must settle the delivery at once, exactly once. False: it serves none such. */
bool far_deliver(const char *id, const uint8_t *bytes, size_t n);
/* A mailbox name that is none of ids' own: a reserved place. NULL: there is no such. */
const char *far_served(size_t n);

/* --- programs --- */

extern struct machine {
	bool start_fails, stubborn, run_fails;
} machine;
void machine_reset(void);
/* The n-th of the programs that run ends; code below 0: by that signal. False: there is none. */
bool machine_end(size_t n, int code);
/* How many run of a node, of a name (NULL: any). */
size_t machine_count(const char *node_id, const char *name);
/* The folder of the n-th program's node and its name; false: there is none. */
bool machine_name(size_t n, const char **ret_folder, const char **ret_name);

/* --- nginx --- */

extern struct nginx {
	const char *stat; /* the answer to /stat; NULL: it does not answer */
	size_t stat_len;
} nginx;
/* A report to the n-th node's callback socket: "/publish" or "/publish_done", with a form as the body. */
void nginx_report(size_t n, const char *path, const char *body, size_t len);
/* It listens at folder/run/control.sock, as this user; its descriptor. */
int nginx_listen(const char *folder, uid_t uid);
/* A classic node's is looked for at its RTMP port. */
int nginx_listen_port(int port);

#endif
