/* Where a job's stream goes in and where it can be seen, for people and in JSON. */
#ifndef DSN_VCLI_PIPELINE_INGEST_H
#define DSN_VCLI_PIPELINE_INGEST_H

#include "vcli/pipeline/user_job.h"

/* Adds "ingest" (url, stream, and with --show-key key and stream_key; key_file) and "watch" to the answer. */
void ingest_put(struct vcli *v, const struct user_job *j, json_t *answer);
/* The same on standard output, with what to type into an encoder. */
void ingest_print(struct vcli *v, const struct user_job *j);

#endif
