/* Managed mode: nginx has one configuration for good, made from the node's ports, and asks the agent about each
 * publisher (node/mode/callbacks.h); every other program of a job is a unit that the agent supervises
 * (node/mode/managed_job.h).
 */
#ifndef DSN_NODE_MODE_MANAGED_H
#define DSN_NODE_MODE_MANAGED_H

#include "node/mode.h"

extern const struct mode_ops mode_managed;

#endif
