/* The docker runtime: what needs no engine is tested here; with arguments this program is the owner of one node's units
 * on a real engine, driven by tests/e2e/docker_runtime_test.py, which kills it and starts it again:
 *
 *   node_docker_test SOCKET IMAGE NODE-ID ROLE FOLDER HOST-PORT MEMORY-BYTES CPUS [MOUNT...]
 *
 * One JSON object a line comes in, e.g. {"do":"start","name":"nginx","main":true,"argv":["nginx"],"fingerprint":"ab"},
 * one goes out for each thing that happened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/json.h"
#include "base/mem.h"
#include "node/runtime/runtime_docker.h"

/* --- the driver --- */

struct driver {
	uv_loop_t loop;
	void *ctx, *runtime;
	struct buf *in;
	char *folder;
	json_t *units; /* name -> pointer as integer */
};

struct asked {
	struct driver *d;
	char *what, *name;
	void *unit;
};

static void say(json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);

	puts(text);
	fflush(stdout);
	free(text);
	json_decref(line);
}

static void on_done(struct error *e, void *arg)
{
	struct asked *a = arg;

	say(json_pack("{s:s,s:s,s:s*,s:s*}", "event", a->what, "name", a->name, "error", e ? e->message : NULL, "code",
		      e ? error_code_name(e->code) : NULL));
	error_free(e);
}

static void on_exited(const struct child_exit *ex, void *arg)
{
	struct asked *a = arg;

	say(json_pack("{s:s,s:s,s:b,s:i,s:i}", "event", "exited", "name", a->name, "known", ex->known, "exit", ex->code,
		      "signal", ex->signal));
}

static void on_ran(const struct child_result *r, void *arg)
{
	struct asked *a = arg;

	say(json_pack("{s:s,s:s,s:i,s:s,s:s,s:s*}", "event", "ran", "name", a->name, "exit", r->code, "out", r->out,
		      "err", r->err, "error", r->error ? r->error->message : NULL));
}

static void on_listed(struct error *e, const struct runtime_child *list, size_t count, void *arg)
{
	struct asked *a = arg;
	json_t *children = json_object();

	for (size_t i = 0; i < count; i++) {
		char *pid = mem_printf(a, "%d", (int)list[i].pid);

		json_object_set_new(children, pid, json_string(list[i].title));
	}
	say(json_pack("{s:s,s:s,s:o,s:s*,s:s*}", "event", "listed", "name", a->name, "children", children, "error",
		      e ? e->message : NULL, "code", e ? error_code_name(e->code) : NULL));
	error_free(e);
}

static const char **words(const void *ctx, const json_t *list)
{
	const char **out = mem_array(ctx, const char *, json_array_size(list) + 1);

	for (size_t i = 0; i < json_array_size(list); i++)
		out[i] = json_string_value(json_array_get(list, i));
	return out;
}

static void start(struct driver *d, struct asked *a, const json_t *line)
{
	const struct runtime_unit_spec spec = {
		.name = a->name,
		.argv = words(a, json_object_get(line, "argv")),
		.fingerprint = json_string_value(json_object_get(line, "fingerprint")),
		.main = json_is_true(json_object_get(line, "main")),
		.log_path = mem_printf(a, "%s/log/%s.log", d->folder, a->name),
		.log_limit = 4096,
		.progress_path = json_is_true(json_object_get(line, "progress"))
					 ? mem_printf(a, "%s/progress/%s.progress", d->folder, a->name)
					 : NULL,
	};

	a->what = mem_strdup(a, "started");
	runtime_docker.start(d->runtime, a, &spec, on_done, on_exited, a, &a->unit);
	json_object_set_new(d->units, a->name, json_integer((json_int_t)(intptr_t)a->unit));
}

static void obey(struct driver *d, const json_t *line)
{
	const char *what = json_string_value(json_object_get(line, "do"));
	const char *name = json_string_value(json_object_get(line, "name"));
	struct asked *a = mem_new(d->ctx, struct asked);
	int signum = (int)json_integer_value(json_object_get(line, "signal"));

	a->d = d;
	a->what = mem_strdup(a, what);
	a->name = mem_strdup(a, name ? name : "");
	void *unit = (void *)(intptr_t)json_integer_value(json_object_get(d->units, a->name));
	if (!strcmp(what, "start"))
		start(d, a, line);
	else if (!strcmp(what, "signal"))
		runtime_docker.signal(d->runtime, unit, signum);
	else if (!strcmp(what, "list"))
		runtime_docker.list(d->runtime, unit, on_listed, a);
	else if (!strcmp(what, "stop"))
		runtime_docker.stop(d->runtime, unit, signum, json_integer_value(json_object_get(line, "grace")));
	else if (!strcmp(what, "sweep"))
		runtime_docker.sweep(d->runtime, words(a, json_object_get(line, "keep")), on_done, a);
	else if (!strcmp(what, "purge"))
		runtime_docker.purge(d->runtime, on_done, a);
	else if (!strcmp(what, "run"))
		runtime_docker.run(d->runtime, words(a, json_object_get(line, "argv")),
				   json_integer_value(json_object_get(line, "deadline")), on_ran, a);
	else
		uv_stop(&d->loop);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	static char space[4096];

	(void)handle;
	(void)suggested;
	*ret = uv_buf_init(space, sizeof(space));
}

static void on_line(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct driver *d = stream->data;
	char *end;

	if (n < 0) {
		uv_stop(&d->loop);
		return;
	}
	error_free(buf_append(d->in, buf->base, (size_t)n));
	while (d->in->len && (end = memchr(d->in->data, '\n', d->in->len))) {
		json_t *line = json_loadb(d->in->data, (size_t)(end - d->in->data), 0, NULL);

		buf_consume(d->in, (size_t)(end - d->in->data) + 1);
		obey(d, line);
		json_decref(line);
	}
}

static int drive(int argc, char **argv)
{
	struct driver d = {.ctx = mem_strdup(NULL, ""), .units = json_object()};
	uv_pipe_t in;
	const struct runtime_options options = {.docker_socket = argv[1]};
	const struct runtime_port port = {.container_port = 1935, .host_port = atoi(argv[6])};
	const struct runtime_node node = {
		.node_id = argv[3],
		.role = argv[4],
		.folder = argv[5],
		.ports = &port,
		.port_count = 1,
		.publish_address = "127.0.0.1",
		.image = argv[2],
		.mounts = (const char *const *)(argc > 9 ? argv + 9 : NULL),
		.memory_bytes = atoll(argv[7]),
		.cpus = atof(argv[8]),
	};

	d.folder = argv[5];
	d.in = buf_new(d.ctx, 65536);
	uv_loop_init(&d.loop);
	uv_pipe_init(&d.loop, &in, 0);
	in.data = &d;
	uv_pipe_open(&in, 0);
	uv_read_start((uv_stream_t *)&in, on_alloc, on_line);
	struct error *e = runtime_docker.open(d.ctx, &d.loop, &options, &node, &d.runtime);
	if (e) {
		fprintf(stderr, "%s\n", e->message);
		return 1;
	}
	say(json_pack("{s:s,s:s}", "event", "open", "path", runtime_docker.path(d.runtime)));
	uv_run(&d.loop, UV_RUN_DEFAULT);
	mem_free(d.ctx);
	json_decref(d.units);
	uv_close((uv_handle_t *)&in, NULL);
	loop_drain(&d.loop);
	return uv_loop_close(&d.loop) ? 1 : 0;
}

/* --- without an engine --- */

static const char *const mounts[] = {"/srv/conf:/opt/nginx/app-enabled", NULL};
static const struct runtime_port ports[] = {{1935, 21935}, {80, 0}};
static const struct runtime_options options = {
	.set_user = true, .uid = 1234, .gid = 2345, .tasks = 512, .docker_socket = "/none"};
static const struct runtime_node node = {
	.node_id = "1d94baec6903bd722953d1111d3b03ea3fa99378",
	.role = "distributor",
	.folder = "/var/lib/dsn/nodes/x",
	.ports = ports,
	.port_count = 2,
	.image = "dsn-nginx-rtmp:1",
	.mounts = mounts,
	.memory_bytes = 1 << 28,
	.cpus = 0.5,
};

static json_t *spec_of(struct docker_unit *u)
{
	json_t *spec = NULL;
	struct error *e = docker_container_spec(u, &spec);

	if (e)
		fail_msg("%s", e->message);
	return spec;
}

static void assert_json(const json_t *value, const char *want)
{
	json_t *w = json_loads(want, JSON_DECODE_ANY, NULL);
	char *text = json_dumps(value, JSON_ENCODE_ANY);

	assert_non_null(w);
	if (!json_equal(value, w))
		fail_msg("want %s, have %s", want, text);
	free(text);
	json_decref(w);
}

static void test_containers(void **state)
{
	uv_loop_t loop;
	void *self = NULL;
	const char *argv[] = {"nginx", "-t", NULL};

	(void)state;
	uv_loop_init(&loop);
	assert_null(runtime_docker.open(NULL, &loop, &options, &node, &self));
	struct docker_unit u = {.d = self,
				.name = "nginx",
				.argv = argv,
				.fingerprint = "abcd",
				.main = true,
				.log_path = "/var/lib/dsn/nodes/x/log/nginx.log"};
	json_t *spec = spec_of(&u), *host = json_object_get(spec, "HostConfig");
	assert_json(json_object_get(spec, "Cmd"), "[\"/usr/lib/execline/bin/redirfd\",\"-a\",\"1\","
						  "\"/opt/dsn/log/nginx.log\",\"/usr/lib/execline/bin/fdmove\",\"-c\","
						  "\"2\",\"1\",\"nginx\",\"-t\"]");
	assert_json(json_object_get(spec, "User"), "\"1234:2345\"");
	assert_json(json_object_get(spec, "Labels"), "{\"dsn.node\":\"1d94baec6903bd722953d1111d3b03ea3fa99378\","
						     "\"dsn.unit\":\"nginx\",\"dsn.fingerprint\":\"abcd\"}");
	assert_json(json_object_get(host, "PortBindings"),
		    "{\"1935/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"21935\"}]}");
	assert_json(json_object_get(host, "Binds"), "[\"/srv/conf:/opt/nginx/app-enabled:ro\"]");
	assert_json(
		json_object_get(host, "Mounts"),
		"[{\"Type\":\"bind\",\"Source\":\"/var/lib/dsn/nodes/x\",\"Target\":\"/opt/dsn\",\"ReadOnly\":true},"
		"{\"Type\":\"bind\",\"Source\":\"/var/lib/dsn/nodes/x/run\",\"Target\":\"/opt/dsn/"
		"run\",\"ReadOnly\":false},"
		"{\"Type\":\"bind\",\"Source\":\"/var/lib/dsn/nodes/x/log\",\"Target\":\"/opt/dsn/"
		"log\",\"ReadOnly\":false},"
		"{\"Type\":\"bind\",\"Source\":\"/var/lib/dsn/nodes/x/progress\",\"Target\":\"/opt/dsn/progress\","
		"\"ReadOnly\":false},"
		"{\"Type\":\"bind\",\"Source\":\"/var/lib/dsn/nodes/x/data\",\"Target\":\"/opt/dsn/"
		"data\",\"ReadOnly\":false}]");
	assert_json(json_object_get(host, "ReadonlyRootfs"), "true");
	assert_json(json_object_get(host, "PidsLimit"), "512");
	assert_json(json_object_get(host, "SecurityOpt"), "[\"no-new-privileges\"]");
	assert_json(json_object_get(host, "CapDrop"), "[\"ALL\"]");
	assert_json(json_object_get(host, "Memory"), "268435456");
	assert_json(json_object_get(host, "NanoCpus"), "500000000");
	assert_json(json_object_get(host, "RestartPolicy"), "{\"Name\":\"unless-stopped\"}");
	assert_json(json_object_get(host, "Tmpfs"),
		    "{\"/tmp\":\"size=16m,mode=1777\",\"/run\":\"size=1m,mode=1777\","
		    "\"/var/lib/nginx\":\"size=16m,mode=1777\",\"/var/log/nginx\":\"size=4m,mode=1777\",\"/opt/nginx/"
		    "logs\":\"size=4m,mode=1777\"}");
	assert_null(json_object_get(host, "NetworkMode"));
	json_decref(spec);

	u.name = "job-encode";
	u.main = false;
	u.network = "id@start";
	u.progress_path = "/var/lib/dsn/nodes/x/progress/job-encode.progress";
	spec = spec_of(&u);
	host = json_object_get(spec, "HostConfig");
	assert_json(json_object_get(host, "NetworkMode"),
		    "\"container:distributor-1d94baec6903bd722953d1111d3b03ea3fa99378\"");
	assert_null(json_object_get(host, "PortBindings"));
	assert_json(json_array_get(json_object_get(spec, "Cmd"), 11), "\"/opt/dsn/progress/job-encode.progress\"");
	json_decref(spec);

	u.log_path = "/var/log/elsewhere.log";
	spec = NULL;
	struct error *e = docker_container_spec(&u, &spec);
	assert_non_null(e);
	assert_null(spec);
	error_free(e);
	mem_free(self);
	loop_drain(&loop);
	uv_loop_close(&loop);
}

static void test_missing_settings_are_refused(void **state)
{
	uv_loop_t loop;
	void *self = NULL;
	struct runtime_options o = options;
	struct runtime_node n = node;

	(void)state;
	uv_loop_init(&loop);
	n.image = NULL;
	struct error *e = runtime_docker.open(NULL, &loop, &o, &n, &self);
	assert_non_null(e);
	error_free(e);
	o.docker_socket = NULL;
	e = runtime_docker.open(NULL, &loop, &o, &node, &self);
	assert_non_null(e);
	error_free(e);
	assert_null(self);
	uv_loop_close(&loop);
}

static void test_versions(void **state)
{
	static const struct {
		const char *newest, *oldest, *agreed;
	} rows[] = {{"1.41", "1.12", "v1.41"}, {"1.47", "1.24", "v1.41"}, {"1.51", "1.44", "v1.44"},
		    {"1.30", "1.12", "v1.30"}, {"1.23", "1.12", NULL},    {"2.0", "1.12", NULL},
		    {"1.x", "1.12", NULL},     {NULL, NULL, NULL},        {"1.41", NULL, "v1.41"},
		    {"1.41", "nonsense", NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *agreed = docker_agree_version(NULL, rows[i].newest, rows[i].oldest);

		if (rows[i].agreed)
			assert_string_equal(agreed, rows[i].agreed);
		else
			assert_null(agreed);
		mem_free(agreed);
	}
}

static void test_demux(void **state)
{
	static const char good[] = "\1\0\0\0\0\0\0\3out\2\0\0\0\0\0\0\5error\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\1!";
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {{"\1\0\0\0\0\0\0", 7},
		   {"\3\0\0\0\0\0\0\0", 8},
		   {"\1\1\0\0\0\0\0\0", 8},
		   {"\1\0\0\0\0\0\0\2x", 9},
		   {"\1\0\0\0\377\377\377\377x", 9}};
	struct buf *out = buf_new(NULL, 10), *err = buf_new(NULL, 4);

	(void)state;
	assert_null(docker_demux(good, sizeof(good) - 1, out, err));
	assert_string_equal(out->data, "out!");
	assert_string_equal(err->data, "rror"); /* the last that fit */
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct error *e = docker_demux(bad[i].text, bad[i].len, out, err);

		assert_non_null(e);
		error_free(e);
	}
	struct error *e = docker_demux("\1\0\0\0\0\0\0\x0b"
				       "12345678901",
				       19, out, err);
	assert_non_null(e);
	assert_int_equal(e->code, ERROR_LIMIT);
	error_free(e);
	mem_free(out);
	mem_free(err);
}

#define TITLES "\"Titles\":[\"PID\",\"PPID\",\"COMMAND\"]"

static struct error *children_of(const char *text, struct runtime_child **ret_list, size_t *ret_count, json_t **ret_top)
{
	*ret_top = json_loads(text, 0, NULL);
	assert_non_null(*ret_top);
	return docker_children(NULL, *ret_top, 100, ret_list, ret_count);
}

static void test_children(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{" TITLES "}",
		"{" TITLES ",\"Processes\":{}}",
		"{\"Titles\":[\"PID\",\"COMMAND\"],\"Processes\":[]}",
		"{\"Titles\":[\"PPID\",\"COMMAND\"],\"Processes\":[]}",
		"{" TITLES ",\"Processes\":[7]}",
		"{" TITLES ",\"Processes\":[[\"101\",\"100\"]]}",
		"{" TITLES ",\"Processes\":[[101,\"100\",\"x\"]]}",
		"{" TITLES ",\"Processes\":[[\"\",\"100\",\"x\"]]}",
		"{" TITLES ",\"Processes\":[[\"101\",\"-1\",\"x\"]]}",
		"{" TITLES ",\"Processes\":[[\"101\",\"100x\",\"x\"]]}",
		"{" TITLES ",\"Processes\":[[\"2147483648\",\"100\",\"x\"]]}",
		"{" TITLES ",\"Processes\":[[\"99999999999999999999\",\"100\",\"x\"]]}",
	};
	struct runtime_child *list = NULL;
	size_t count = 7;
	json_t *top;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct error *e = children_of(bad[i], &list, &count, &top);

		assert_non_null(e);
		assert_int_equal(e->code, ERROR_INVALID);
		assert_null(list);
		assert_int_equal(count, 7);
		error_free(e);
		json_decref(top);
	}
	assert_null(children_of("{" TITLES ",\"Processes\":[[\"100\",\"1\",\"nginx: master process\"],"
				"[\"101\",\"100\",\"nginx: worker process\"],[\"102\",\"101\",\"ffmpeg\"],"
				"[\"103\",\"100\",\"nginx: cache manager process\"]]}",
				&list, &count, &top));
	assert_int_equal(count, 2);
	assert_int_equal(list[0].pid, 101);
	assert_string_equal(list[0].title, "nginx: worker process");
	assert_int_equal(list[1].pid, 103);
	mem_free(list);
	json_decref(top);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_containers), cmocka_unit_test(test_missing_settings_are_refused),
		cmocka_unit_test(test_versions),   cmocka_unit_test(test_demux),
		cmocka_unit_test(test_children),
	};

	mem_init();
	if (argc >= 9)
		return drive(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
