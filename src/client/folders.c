#include "client/folders.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"

/* XDG: a variable that is unset, empty or not absolute does not count. */
static char *base(const void *ctx, const char *variable, const char *below_home)
{
	const char *value = getenv(variable), *home = getenv("HOME");

	if (value && *value == '/')
		return mem_strdup(ctx, value);
	return home && *home == '/' ? file_join(ctx, home, below_home) : NULL;
}

struct error *client_state_folder(const void *ctx, const struct client_state_options *state, char **ret_folder)
{
	char *folder = NULL;

	if (state->folder) {
		*ret_folder = mem_strdup(ctx, state->folder);
		return NULL;
	}
	folder = base(ctx, "XDG_STATE_HOME", ".local/state");
	if (!folder)
		return error_new(
			ERROR_NOT_FOUND,
			"neither $HOME nor $XDG_STATE_HOME names an absolute path: say with --state-dir where to keep jobs");
	*ret_folder = file_join(ctx, folder, "dsn");
	return NULL;
}

struct error *client_state_make(const void *ctx, const struct client_state_options *state, const char *name,
				char **ret_folder)
{
	char *own = NULL, *folder = NULL;

	TRY(client_state_folder(ctx, state, &own));
	folder = name ? file_join(ctx, own, name) : own;
	TRY(file_mkdirs(folder, 0700));
	*ret_folder = folder;
	return NULL;
}

char *client_config_folder(const void *ctx)
{
	char *folder = base(ctx, "XDG_CONFIG_HOME", ".config");

	return folder ? file_join(ctx, folder, "dsn") : NULL;
}
