/* What both modes share: how nginx is started, and the folders it needs. */
#include "media/nginx.h"

#include <string.h>

#include "base/beneath.h"
#include "base/mem.h"
#include "media/args.h"

char **media_nginx_argv(const void *ctx, const char *nginx, const char *path, const char *conf, const char *module_path,
			bool test)
{
	struct args *a = args_new(ctx);

	args_add(a, nginx, "-e", "stderr", "-p", path, "-c", conf);
	if (module_path) {
		args_add(a, "-g");
		args_printf(a, "load_module %s;", module_path);
	}
	if (test)
		args_add(a, "-t");
	return args_done(a, ctx);
}

struct error *media_nginx_folders(const char *folder, struct beneath_owner owner)
{
	static const struct {
		const char *name;
		mode_t mode;
		bool nginx; /* it writes there */
	} folders[] = {
		{"conf", 0755, false},
		{"run", 0700, true},
		{"run/tmp", 0700, true},
		{"log", 0755, false},
		{"data/hls", 0755, false},
		{"nginx/app-enabled", 0755, false},
		{"nginx/sites-enabled", 0755, false},
		{"derived/app-enabled", 0755, false},
		{"derived/sites-enabled", 0755, false},
	};
	struct error *e = NULL;

	for (size_t i = 0; !e && i < sizeof(folders) / sizeof(folders[0]); i++)
		e = beneath_mkdirs(folder, folders[i].name, folders[i].mode, folders[i].nginx ? owner : BENEATH_KEEP);
	return e ? e : beneath_remove(folder, "run/control.sock");
}
