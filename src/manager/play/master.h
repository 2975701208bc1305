/* Master playlists of a job (RFC 8216, 4.3.4): what a storage says is read as a stranger's, and one is written of those
 * of all its storages, with the same variant at two of them as redundant ones (6.2.4) on a pathway each.
 *
 * Bounds: MASTER_BYTES, MASTER_VARIANTS, MASTER_LINE_BYTES. Threads: any.
 */
#ifndef DSN_MANAGER_PLAY_MASTER_H
#define DSN_MANAGER_PLAY_MASTER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define MASTER_BYTES ((size_t)64 << 10)
#define MASTER_VARIANTS 64
#define MASTER_LINE_BYTES 1024

struct master_variant {
	char *uri;        /* relative to the master playlist, below its folder, of this job */
	char *attributes; /* of EXT-X-STREAM-INF */
};

struct master {
	int version;
	bool independent; /* EXT-X-INDEPENDENT-SEGMENTS */
	struct master_variant *variants;
	size_t count;
};

/* Of a storage, for `job`. Belongs to ctx. ERROR_INVALID names the line: anything that a storage does not write, so
 * that nothing but its own media playlists of this job can be reached by it. */
struct error *master_read(const void *ctx, const char *job, const char *text, size_t len,
			  struct master **ret_master) MUST_CHECK;

struct master_source {
	const char *base;    /* what its relative URIs lead on from: "http://192.0.2.7:8080/hls/" */
	const char *pathway; /* letters, digits, . - _ */
	const struct master *master;
};

/* Of all sources, the preferred one first. `steering`: URI of the manifest (RFC 8216bis, 7), named where there are
 * several sources; NULL: none. Belongs to ctx. */
char *master_text(const void *ctx, const struct master_source *sources, size_t count, const char *steering);

#endif
