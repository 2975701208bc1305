/* A node's folders: what is there, whose they are, and how those of an earlier release become so.
 *
 * Below <state>/nodes/<node id>/ (ours, 0711: nobody else moves what is in it), where "ours" is the agent's user:
 *
 *   conf/ nginx/ derived/ untested/   ours: configuration
 *   agent/      ours, passed by the units' group: agent.sock, and pid records that only we may read
 *   keys/       ours, read by the units' group: publishers' keys for ffmpeg
 *   log/        ours: logs, which units hold open (process) or may write (docker), but not replace
 *   progress/   ours: the same for what units report of their progress
 *   data/, data/hls/   ours: the master playlists; each folder in them is the units'
 *   run/        the units': nginx's sockets, pid and temporary files
 *
 * So a unit can write into run/ and its folder below data/, and nothing that the agent believes lies there. Where the
 * agent is not root it is the units' user, and the rights above keep nobody apart.
 * Threads: loop thread.
 */
#ifndef DSN_NODE_RUNTIME_FOLDERS_H
#define DSN_NODE_RUNTIME_FOLDERS_H

#include "base/beneath.h"
#include "node/runtime/runtime.h"

/* Make them where they are missing and give each to whom it belongs, also those of an earlier release, in which run/,
 * log/, keys/ and data/ were the units' and run/ held what is in agent/ and progress/ now (records: see
 * process_records_move()); and those of a node whose units had another user. Safe against units that run meanwhile.
 * ERROR_REFUSED: a link is in a folder's place. */
struct error *folders_open(const char *folder, const struct runtime_options *options) MUST_CHECK;

/* The units' user; ours where they are the same. */
struct beneath_owner folders_units(const struct runtime_options *options);
/* Ours, for the units' group. */
struct beneath_owner folders_shared(const struct runtime_options *options);

#endif
