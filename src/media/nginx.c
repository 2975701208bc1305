/* What both modes share: how nginx is started, and the folders it needs. */
#include "media/nginx.h"

#include <string.h>

#include "base/file.h"
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

struct error *media_nginx_folders(const char *folder)
{
	static const struct {
		const char *name;
		mode_t mode;
	} folders[] = {
		{"conf", 0755},
		{"run", 0700},
		{"run/tmp", 0700},
		{"log", 0755},
		{"data/hls", 0755},
		{"nginx/app-enabled", 0755},
		{"nginx/sites-enabled", 0755},
		{"derived/app-enabled", 0755},
		{"derived/sites-enabled", 0755},
	};
	void *scope = mem_new(NULL, char);
	struct error *e = NULL;

	for (size_t i = 0; !e && i < sizeof(folders) / sizeof(folders[0]); i++)
		e = file_mkdirs(file_join(scope, folder, folders[i].name), folders[i].mode);
	if (!e)
		e = file_remove(file_join(scope, folder, "run/control.sock"));
	mem_free(scope);
	return e;
}
