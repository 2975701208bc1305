/* Folders of the user's own: state and configuration (XDG base directories). */
#ifndef DSN_CLIENT_FOLDERS_H
#define DSN_CLIENT_FOLDERS_H

#include "base/error.h"
#include "client/options.h"

/* --state-dir, or dsn below $XDG_STATE_HOME, or ~/.local/state/dsn. ERROR_NOT_FOUND when there is no home. */
struct error *client_state_folder(const void *ctx, const struct client_state_options *state,
				  char **ret_folder) MUST_CHECK;
/* The folder `name` in it (NULL: itself), made (mode 0700) when missing. */
struct error *client_state_make(const void *ctx, const struct client_state_options *state, const char *name,
				char **ret_folder) MUST_CHECK;
/* dsn below $XDG_CONFIG_HOME or ~/.config; NULL without a home. */
char *client_config_folder(const void *ctx);

#endif
