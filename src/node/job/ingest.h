/* Looks at what a customer sends: can HLS store it? ffprobe reads the first seconds of what the relay passes on, beside
 * the copies: on the job's time line, whatever the publisher's clock does. */
#ifndef DSN_NODE_JOB_INGEST_H
#define DSN_NODE_JOB_INGEST_H

#include "node/job/job.h"

/* Start a check of the stream that the relay publishes; its outcome is j->verdict, a decision, and what follows from
 * that. */
void ingest_check(struct job *j);

/* It cannot be stored as it is: it is mended from now on where the task allows that, and refused else. `picture_fits`:
 * it is the sound alone that does not. */
void ingest_does_not_fit(struct job *j, bool picture_fits, const char *why);
/* Mending would not help: its publisher goes, and is kept out for a while. */
void ingest_refuse(struct job *j, const char *why);
/* Its publisher goes. */
void ingest_drop(struct job *j);

#endif
