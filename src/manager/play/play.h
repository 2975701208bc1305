/* Where a job is watched, whichever storages keep it: GET /watch/JOB/master.m3u8, and /watch/JOB/steering.json where
 * there are several (docs/dsnd.md, "Watching"). Whoever knows a job's id may watch it. */
#ifndef DSN_MANAGER_PLAY_PLAY_H
#define DSN_MANAGER_PLAY_PLAY_H

#include "manager/service.h"

#define PLAY_PATH "/watch/"

extern const struct service_ops play_service;

#endif
