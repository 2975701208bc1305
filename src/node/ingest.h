/* Looks at what a customer sends: can HLS store it? ffprobe reads the first seconds of what the relay passes on, beside
 * the copies: on the job's time line, whatever the publisher's clock does. */
#ifndef DSN_NODE_INGEST_H
#define DSN_NODE_INGEST_H

#include "node/job.h"

/* Start a check of the stream that the relay publishes; its outcome is j->verdict and one of those below. */
void ingest_check(struct job *j);

/* The distributor's answers (role_distributor.c). `picture_fits`: it is the sound alone that does not. */
void ingest_fits(struct job *j);
void ingest_does_not_fit(struct job *j, bool picture_fits, const char *why);
/* Normalising would not help. */
void ingest_refuse(struct job *j, const char *why);

#endif
