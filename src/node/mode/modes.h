/* The modes that there are. */
#ifndef DSN_NODE_MODE_MODES_H
#define DSN_NODE_MODE_MODES_H

#include "node/mode.h"

/* NULL: there is no such mode. */
const struct mode_ops *mode_find(const char *name);

#endif
