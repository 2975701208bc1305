/* A job at a managed node: the units that its role names.
 *
 * Life: keys and folders are written, units start -> all run: it serves -> draining: each unit ends once its publisher
 * has left, or after the role's drain_ms -> stopped. Threads: loop thread.
 */
#ifndef DSN_NODE_MODE_MANAGED_JOB_H
#define DSN_NODE_MODE_MANAGED_JOB_H

#include "node/mode.h"

extern const struct mode_job_ops managed_job;

#endif
