/* A job at a classic node: an application file that nginx has tested and taken over.
 *
 * run: the job's file is written and tested, nginx reloads; the old file comes back when nginx refuses, and the job's
 * trouble tells why. The job runs once nginx has taken the reload over. stop: its file is removed, nginx reloads; the
 * job has stopped once nginx has taken that over. Tests and reloads of a node never overlap: classic_busy is set
 * meanwhile. Threads: loop thread.
 */
#ifndef DSN_NODE_MODE_CLASSIC_JOB_H
#define DSN_NODE_MODE_CLASSIC_JOB_H

#include "node/mode.h"

extern const struct mode_job_ops classic_job;

#endif
