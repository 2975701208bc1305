/* The files of a classic node's nginx, and the argument vector that names them.
 *
 * The node's nginx/ holds the files exactly as they would stand in a container's /opt/nginx; in the process runtime
 * derived/ holds the copies nginx runs (media/nginx.h says how they differ). What a file here replaces stands in a file
 * of the job's name in untested/ until nginx has tested the new one and taken it over: an agent that dies meanwhile
 * leaves nothing that the next one takes for served. Threads: loop thread.
 */
#ifndef DSN_NODE_MODE_CLASSIC_FILES_H
#define DSN_NODE_MODE_CLASSIC_FILES_H

#include "node/node.h"

#define CLASSIC_FILES_UNTESTED "untested"
#define CLASSIC_FILES_LIMIT (1 << 20) /* bytes of one */

/* Make the folders and the files that are no job's; what nginx's fingerprint depends on becomes n->nginx->salt. */
struct error *classic_files_open(struct node *n) MUST_CHECK;
/* `test`: nginx -t. Belongs to ctx. */
char **classic_files_argv(const void *ctx, const struct node *n, bool test);

/* name: below nginx/, as "app-enabled/<job>". The exact file, and for the process runtime the copy that nginx runs. */
struct error *classic_files_write(struct node *n, const char *name, const char *text) MUST_CHECK;
struct error *classic_files_remove(struct node *n, const char *name) MUST_CHECK;
/* As it was: no file is ever empty, so that "", as NULL, stands for none. */
struct error *classic_files_put_back(struct node *n, const char *name, const char *old) MUST_CHECK;
/* Paths on the host; belong to ctx. */
char *classic_files_exact(const void *ctx, const struct node *n, const char *name);
char *classic_files_untested(const void *ctx, const struct node *n, const char *job);

#endif
