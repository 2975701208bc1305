/* The agent's heartbeat (api/beat.h): with each round of statuses, one small message of the machine and all its nodes.
 *
 * Capacity for work is what jobs show (speed.h); before there were any, what the benchmark of `node hardware` found,
 * which is made once where a manager may give work, a transcoder waits for it and the machine has been left alone for
 * HEARTBEAT_PROBE_MS. With --load-ceiling 0 the owner takes work at any load: neither capacity nor ratios are told.
 * Threads: loop thread.
 */
#ifndef DSN_NODE_AGENT_HEARTBEAT_H
#define DSN_NODE_AGENT_HEARTBEAT_H

#include "node/agent/agent_impl.h"

#define HEARTBEAT_PROBE_MS 60000

struct heartbeat;
struct heartbeat *heartbeat_new(const void *ctx, struct agent *a);
void heartbeat_send(struct heartbeat *h);
/* Of the machine, 0..1000; -1: not known yet. */
int heartbeat_load_pm(const struct heartbeat *h);
/* The settings that it tells. ERROR_INVALID names the one that is wrong. */
struct error *heartbeat_check(const struct agent_settings *s) MUST_CHECK;

#endif
