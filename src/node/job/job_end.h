/* The end of a job: what belongs to it goes, and it is forgotten. */
#ifndef DSN_NODE_JOB_JOB_END_H
#define DSN_NODE_JOB_JOB_END_H

#include "node/job/job.h"

/* Free units that are wanted no more and have ended; forget a closed job (then j is gone). Not from a callback of
 * theirs. */
void job_reap(struct job *j);

#endif
