/* Folders of the user's own: state and configuration (XDG base directories). */
#ifndef DSN_VCLI_PATHS_H
#define DSN_VCLI_PATHS_H

#include "vcli/vcli.h"

/* --state-dir, or dsn below $XDG_STATE_HOME, or ~/.local/state/dsn. ERROR_NOT_FOUND when there is no home. */
struct error *paths_state(const void *ctx, const struct vcli_settings *set, char **ret_folder) MUST_CHECK;
/* The folder `name` in it (NULL: itself), made (mode 0700) when missing. */
struct error *paths_make(const void *ctx, const struct vcli_settings *set, const char *name,
			 char **ret_folder) MUST_CHECK;
/* dsn/vcli.conf below $XDG_CONFIG_HOME or ~/.config; NULL without a home. */
char *paths_config(const void *ctx);

#endif
