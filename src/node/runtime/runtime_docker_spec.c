#include <string.h>

#include "base/mem.h"
#include "node/runtime/runtime_docker.h"

#define EXECLINE "/usr/lib/execline/bin/"
/* nginx-rtmp closes every descriptor up to the limit before it runs a program: an unbounded one costs
 * minutes. Small enough for an engine that may not raise its own limit. */
#define FILES 8192
#define CONFIGURATION "/opt/nginx/"

char *docker_container_name(const void *ctx, const struct docker *d, const char *unit, bool main)
{
	if (main)
		return mem_printf(ctx, "%s-%s", d->node.role, d->node.node_id);
	return mem_printf(ctx, "%s-%s-%s", d->node.role, d->node.node_id, unit);
}

struct error *docker_inside(const void *ctx, const struct docker *d, const char *path, char **ret_inside)
{
	size_t n = strlen(d->node.folder);

	if (strncmp(path, d->node.folder, n) != 0 || path[n] != '/')
		return error_new(ERROR_INVALID, "%s: is not below the node's folder %s", path, d->node.folder);
	*ret_inside = mem_printf(ctx, DOCKER_FOLDER "%s", path + n);
	return NULL;
}

static void add(json_t *list, const char *text)
{
	json_array_append_new(list, json_string(text));
}

/* The log and progress files are opened inside the container by small programs that become the next one: so they stay
 * open for appending whether or not an agent runs, exactly as with the process runtime. */
static struct error *command(const struct docker_unit *u, const void *tmp, json_t *ret_list)
{
	char *log = NULL, *progress = NULL;

	TRY(docker_inside(tmp, u->d, u->log_path, &log));
	if (u->progress_path)
		TRY(docker_inside(tmp, u->d, u->progress_path, &progress));
	add(ret_list, EXECLINE "redirfd");
	add(ret_list, "-a");
	add(ret_list, "1");
	add(ret_list, log);
	add(ret_list, EXECLINE "fdmove");
	add(ret_list, "-c");
	add(ret_list, "2");
	add(ret_list, "1");
	if (progress) {
		add(ret_list, EXECLINE "redirfd");
		add(ret_list, "-a");
		add(ret_list, "3");
		add(ret_list, progress);
	}
	for (size_t i = 0; u->argv[i]; i++)
		add(ret_list, u->argv[i]);
	return NULL;
}

static json_t *port_bindings(const struct docker *d, json_t *ret_exposed)
{
	const char *address = d->node.publish_address ? d->node.publish_address : "0.0.0.0";
	json_t *bindings = json_object();

	for (size_t i = 0; i < d->node.port_count; i++) {
		const struct runtime_port *p = &d->node.ports[i];

		if (!p->host_port)
			continue;
		char *inner = mem_printf(NULL, "%d/tcp", p->container_port);
		char *outer = mem_printf(inner, "%d", p->host_port);
		json_object_set_new(ret_exposed, inner, json_object());
		json_object_set_new(bindings, inner,
				    json_pack("[{s:s,s:s}]", "HostIp",
					      p->container_port == d->node.local_port ? "127.0.0.1" : address,
					      "HostPort", outer));
		mem_free(inner);
	}
	return bindings;
}

/* A mount, unlike a bind, fails when the folder is not there, in place of making one that is root's. */
static json_t *mount(const struct docker *d, const char *below, bool read_only)
{
	char *source = mem_printf(NULL, "%s%s", d->node.folder, below);
	char *target = mem_printf(source, DOCKER_FOLDER "%s", below);
	json_t *o = json_pack("{s:s,s:s,s:s,s:b}", "Type", "bind", "Source", source, "Target", target, "ReadOnly",
			      (int)read_only);

	mem_free(source);
	return o;
}

/* The node's folder, in which only what units write can be written: so nothing that the agent believes can, even where
 * it is no root and its containers run as the same user. */
static json_t *mounts(const struct docker *d)
{
	static const char *const written[] = {"/run", "/log", "/progress", "/data"};
	json_t *list = json_pack("[o]", mount(d, "", true));

	for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++)
		json_array_append_new(list, mount(d, written[i], false));
	return list;
}

/* Configuration is read only, media is not. */
static json_t *binds(const struct docker *d)
{
	json_t *list = json_array();

	for (size_t i = 0; d->node.mounts && d->node.mounts[i]; i++) {
		const char *bind = d->node.mounts[i], *end = strrchr(bind, ':');
		bool read_only = end && strncmp(end, ":" CONFIGURATION, sizeof(CONFIGURATION)) == 0;
		char *text = mem_printf(NULL, "%s%s", bind, read_only ? ":ro" : "");

		add(list, text);
		mem_free(text);
	}
	return list;
}

/* What keeps a taken-over program from more than its job. The image's files cannot be changed; what Debian's programs
 * and classic configurations write beside their folder is memory. */
static void confine(const struct docker *d, json_t *config, bool main)
{
	int64_t memory_bytes = d->node.memory_bytes ? d->node.memory_bytes : d->options.memory_bytes;
	json_t *tmpfs = json_pack("{s:s}", "/tmp", "size=16m,mode=1777");
	uid_t uid;
	gid_t gid;

	if (main) {
		/* Classic files have nginx log there, each request for a segment too: for weeks. */
		json_object_set_new(tmpfs, "/opt/nginx/logs", json_string("size=4m,mode=1777"));
		json_object_set_new(tmpfs, "/var/log/nginx", json_string("size=4m,mode=1777"));
		json_object_set_new(tmpfs, "/run", json_string("size=1m,mode=1777"));
		json_object_set_new(tmpfs, "/var/lib/nginx", json_string("size=16m,mode=1777"));
	}
	json_object_set_new(config, "Tmpfs", tmpfs);
	json_object_set_new(config, "ReadonlyRootfs", json_true());
	json_object_set_new(config, "SecurityOpt", json_pack("[s]", "no-new-privileges"));
	docker_user(d, &uid, &gid);
	if (uid)
		json_object_set_new(config, "CapDrop", json_pack("[s]", "ALL"));
	if (d->options.tasks)
		json_object_set_new(config, "PidsLimit", json_integer(d->options.tasks));
	if (memory_bytes)
		json_object_set_new(config, "Memory", json_integer(memory_bytes));
	if (d->node.cpus > 0)
		json_object_set_new(config, "NanoCpus", json_integer((json_int_t)(d->node.cpus * 1e9)));
}

static json_t *host_config(const struct docker_unit *u, json_t *ret_exposed)
{
	const struct docker *d = u->d;
	json_t *config = json_object();

	json_object_set_new(config, "Binds", binds(d));
	json_object_set_new(config, "Mounts", mounts(d));
	/* Before the log file is open a program can only complain here. */
	json_object_set_new(
		config, "LogConfig",
		json_pack("{s:s,s:{s:s,s:s}}", "Type", "json-file", "Config", "max-size", "64k", "max-file", "1"));
	json_object_set_new(config, "Ulimits",
			    json_pack("[{s:s,s:i,s:i}]", "Name", "nofile", "Soft", FILES, "Hard", FILES));
	confine(d, config, u->main);
	if (u->main) {
		/* nginx comes back by itself, also after a restart of the machine before the agent is up. */
		json_object_set_new(config, "RestartPolicy", json_pack("{s:s}", "Name", "unless-stopped"));
		json_object_set_new(config, "PortBindings", port_bindings(d, ret_exposed));
	} else {
		char *mode = mem_printf(NULL, "container:%s", d->main_name);

		json_object_set_new(config, "NetworkMode", json_string(mode));
		mem_free(mode);
	}
	return config;
}

struct error *docker_container_spec(const struct docker_unit *u, json_t **ret_spec)
{
	const struct docker *d = u->d;
	char *tmp = mem_strdup(NULL, "");
	json_t *cmd = json_array(), *exposed = json_object(), *host;
	struct error *e = command(u, tmp, cmd);
	uid_t uid;
	gid_t gid;

	if (e) {
		json_decref(cmd);
		json_decref(exposed);
		mem_free(tmp);
		return e;
	}
	docker_user(d, &uid, &gid);
	host = host_config(u, exposed);
	json_t *labels = json_pack("{s:s,s:s,s:s}", DOCKER_LABEL_NODE, d->node.node_id, DOCKER_LABEL_UNIT, u->name,
				   DOCKER_LABEL_FINGERPRINT, u->fingerprint);
	if (u->network)
		json_object_set_new(labels, DOCKER_LABEL_NETWORK, json_string(u->network));
	*ret_spec =
		json_pack("{s:s,s:o,s:[],s:s,s:s,s:[s,s,s],s:o,s:o,s:o}", "Image", d->node.image, "Cmd", cmd,
			  "Entrypoint", "User", mem_printf(tmp, "%lu:%lu", (unsigned long)uid, (unsigned long)gid),
			  "WorkingDir", DOCKER_FOLDER, "Env", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			  "HOME=/tmp", "LANG=C.UTF-8", "Labels", labels, "ExposedPorts", exposed, "HostConfig", host);
	mem_free(tmp);
	return NULL;
}
