/* The master playlists of jobs, from their storages: fetched when they are asked for and older than SOURCES_FRESH_MS,
 * or none was there, once for all who ask meanwhile; the last good one of a storage that is away stays, and is what
 * those get at once who ask while it is fetched anew.
 *
 * Bounds: SOURCES_JOBS jobs, SOURCES_MOST storages of each, SOURCES_WAITERS who wait for one; a storage has
 * SOURCES_FETCH_MS to answer. Only addresses within the network's reach are connected to (http/reach.h), and no answer
 * leads elsewhere: redirects are not followed. Threads: loop thread.
 */
#ifndef DSN_MANAGER_PLAY_SOURCES_H
#define DSN_MANAGER_PLAY_SOURCES_H

#include "manager/play/master.h"
#include "manager/service.h"

#define SOURCES_JOBS 256
#define SOURCES_MOST 4
#define SOURCES_WAITERS 64
#define SOURCES_FETCH_MS 2000
#define SOURCES_FRESH_MS 250
#define SOURCES_PATHWAY_BYTES 17

/* One storage of a job. */
struct play_source {
	char pathway[SOURCES_PATHWAY_BYTES]; /* the first digits of its id */
	char *host, *path, *base;
	int port;
	bool alive;            /* it has answered with a good one when it was asked last */
	struct master *master; /* the last good one; NULL: there was none yet */
};

struct sources;
struct sources *sources_new(const void *ctx, const struct service_host *host);
/* Those of a job, the preferred one first (those that are alive before others); borrowed until it returns. `e`: there
 * is no such job, or it cannot be told (ERROR_LIMIT: too many wait for it). */
typedef void sources_fn(const struct play_source *const *list, size_t count, const struct error *e, void *arg);
/* `fn` comes exactly once, maybe before this returns; not when the sources are freed before. */
void sources_ask(struct sources *all, const char *job, sources_fn *fn, void *arg);

#endif
