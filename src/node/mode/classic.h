/* Classic mode, the seed's way: an application file per job (node/mode/classic_files.h), exec ffmpeg in nginx, `nginx
 * -t`, reload (node/mode/classic_job.h, node/mode/classic_reload.h). Who may publish is not asked of the agent but said
 * to nginx (node/mode/classic_allow.h).
 */
#ifndef DSN_NODE_MODE_CLASSIC_H
#define DSN_NODE_MODE_CLASSIC_H

#include "node/mode.h"

extern const struct mode_ops mode_classic;

#endif
