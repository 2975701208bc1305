/* Asymmetric pings from some nodes to the keys of a list, and what became of them.
 *
 * Each sender pings every target that is not its own, `count` times, one post after the other with `interval_ms`
 * between them; senders work side by side and begin at different targets. A ping is lost when no answer signed by its
 * target's key has come `wait_ms` after it was posted. Threads: loop thread.
 */
#ifndef DSN_VCLI_WHISPER_WHISPER_PING_H
#define DSN_VCLI_WHISPER_WHISPER_PING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vcli/whisper/whisper_list.h"
#include "vcli/whisper/whisper_nodes.h"
#include "vcli/whisper/whisper_stats.h"

#define WHISPER_PINGS_MAX 1000000

struct whisper_target {
	const struct whisper_entry *entry;
	size_t sent, answered, lost;
	struct whisper_times times; /* from the call of shh_post to the answer's notification */
};

struct whisper_ping {
	struct whisper_nodes *senders;
	struct whisper_target *targets;
	size_t target_count;
	int64_t count, interval_ms, wait_ms;
	size_t planned, sent, answered, lost;
	struct whisper_times times, post_times; /* of all; of the posts alone */
	int64_t began_ms, took_ms;
	struct error *failure; /* of the first post that was refused */
};

/* Gives each sender a key: the list's that it holds, or a new one that whisper_ping_end() takes away again; the targets
 * are the list's other entries. ERROR_NOT_FOUND: none is left; ERROR_LIMIT: more than WHISPER_PINGS_MAX pings. */
struct error *whisper_ping_new(struct whisper_nodes *senders, const struct whisper_list *list, int64_t count,
			       struct whisper_ping **ret_ping) MUST_CHECK;
/* Runs until all are answered or lost, or the run is interrupted: then what was not answered is not counted. `each` is
 * called some times a second. */
struct error *whisper_ping_run(struct whisper_ping *p, void (*each)(struct whisper_ping *p, void *arg),
			       void *arg) MUST_CHECK;
/* Ends it and the connections of the senders. */
void whisper_ping_end(struct whisper_ping *p);

#endif
