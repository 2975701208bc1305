/* SHA-256 as 64 hex digits. Threads: safe. */
#ifndef DSN_NODE_JOB_DIGEST_H
#define DSN_NODE_JOB_DIGEST_H

#include <jansson.h>

/* Of a document in canonical form: sorted keys, no blanks. Belongs to ctx. */
char *digest_json(const void *ctx, const json_t *value);
/* Of a NULL-terminated argument vector. Belongs to ctx. */
char *digest_argv(const void *ctx, const char *const *argv);

#endif
