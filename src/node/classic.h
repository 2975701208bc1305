/* Classic mode, the seed's way: an application file per job, exec ffmpeg in nginx, `nginx -t`, reload
 * (node/classic_reload.h).
 *
 * The node's nginx/ holds the files exactly as they would stand in a container's /opt/nginx; in the process runtime
 * derived/ holds the copies nginx runs (media/nginx.h says how they differ).
 */
#ifndef DSN_NODE_CLASSIC_H
#define DSN_NODE_CLASSIC_H

#include "node/job.h"

struct error *classic_open(struct node *n) MUST_CHECK;
/* Once the jobs are known: take back what an earlier agent wrote and had not tested, remove what belongs to no wanted
 * job (it died between storing a stop and carrying it out, or the node was removed). */
struct error *classic_tidy(struct node *n) MUST_CHECK;
/* nginx is up: let it see what was tidied. */
void classic_up(struct node *n);
char **classic_nginx_argv(const void *ctx, struct node *n, bool test);
/* ERROR_INVALID for a list of publishers (agent_settings.classic_allow) that nginx would not take. */
struct error *classic_check_publishers(char *const *list) MUST_CHECK;
/* ERROR_INVALID for a list that names others than this machine, but not all: Docker cannot keep the rest out. */
struct error *classic_check_container(char *const *list) MUST_CHECK;
/* The port of a classic node in a container that Docker publishes for this machine alone, since nobody in there asks
 * who publishes; 0: none. Errors as classic_check_container(). */
struct error *classic_local_port(const struct node *n, bool container, int *ret_port) MUST_CHECK;
/* nginx accepts connections. */
bool classic_answers(const struct node *n);
/* Write the job's file, test, reload; the old file comes back when nginx refuses, and the job's trouble tells why. It
 * runs once nginx has taken the reload over. Tests and reloads of a node never overlap: classic_busy is set meanwhile.
 */
void classic_start(struct job *j);
/* Remove the job's file, reload; it has stopped once nginx has taken that over. */
void classic_stop(struct job *j);
struct error *classic_remove(struct job *j) MUST_CHECK;

#endif
