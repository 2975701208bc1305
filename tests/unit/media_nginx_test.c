/* nginx's texts: classic byte for byte, its derived form, and what managed mode must say. */
#include "media/nginx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"

#define JOB "0400000000000000000009"

static char *data(const void *ctx, const char *name)
{
	char *path = mem_printf(ctx, "%s/tests/data/classic/%s", TEST_SOURCE_DIR, name), *text = NULL;
	struct error *e = file_read(ctx, path, 65536, &text, NULL);

	if (e)
		fail_msg("%s", e->message);
	return text;
}

static void expect_app(const struct api_task *t, const char *name)
{
	void *scope = mem_new(NULL, char);
	char *text = NULL;
	struct error *e = media_nginx_classic_app(scope, t, &text);

	if (e)
		fail_msg("%s", e->message);
	assert_string_equal(text, data(scope, name));
	mem_free(scope);
}

static void classic_conf(void **state)
{
	void *scope = mem_new(NULL, char);

	(void)state;
	assert_string_equal(media_nginx_classic_conf(scope), data(scope, "nginx.conf"));
	mem_free(scope);
}

static struct api_task distributor(struct api_target *outputs, size_t count)
{
	return (struct api_task){.role = API_DISTRIBUTOR,
				 .job = JOB,
				 .source_stream = JOB,
				 .application = JOB,
				 .listen_port = 1935,
				 .live = true,
				 .outputs = outputs,
				 .output_count = count};
}

static void classic_distributor(void **state)
{
	struct api_target outputs[] = {
		{.ip = "192.0.2.20", .port = 1935, .stream = JOB "_2k"},
		{.ip = "192.0.2.31", .port = 1935, .stream = JOB},
		{.ip = "2001:db8::32", .port = 2935, .stream = JOB},
	};
	struct api_task t = distributor(outputs, 3);
	struct api_target t45[] = {
		{.ip = "192.0.2.20", .port = 1935, .application = "keep", .stream = "cam7_original"},
		{.ip = "192.0.2.31", .port = 1937, .application = "feed", .stream = "cam7"},
	};

	(void)state;
	expect_app(&t, "distributor.conf");
	t = distributor(t45, 2);
	t.application = "feed";
	t.source_stream = "cam7";
	t.listen_port = 1936;
	expect_app(&t, "t45-distributor.conf");
}

static void classic_transcoder(void **state)
{
	struct api_rendition r = {.target = {.ip = "192.0.2.20", .port = 1935, .stream = JOB "_900p"},
				  .codec = "libx264",
				  .bitrate_bps = 4500000,
				  .size = {1600, 900}};
	struct api_task t = distributor(NULL, 0);

	(void)state;
	t.role = API_TRANSCODER;
	t.renditions = &r;
	t.rendition_count = 1;
	expect_app(&t, "transcoder.conf");
}

static void classic_storage(void **state)
{
	struct api_hls_variant variants[] = {
		{.variant = "_2k", .params = "BANDWIDTH=20000000,RESOLUTION=2560x1440"},
		{.variant = "_900p", .bandwidth_bps = 4500000, .size = {1600, 900}},
	};
	struct api_task t = distributor(NULL, 0);

	(void)state;
	t.role = API_STORAGE;
	t.hls = (struct api_hls){.fragment_s = 4,
				 .playlist_length_s = 40,
				 .naming = "timestamp",
				 .naming_granularity_ms = 3000,
				 .slicing = "aligned",
				 .variants = variants,
				 .variant_count = 2};
	expect_app(&t, "storage.conf");
}

static void classic_refusals(void **state)
{
	struct api_task t = distributor(NULL, 0);
	static const struct {
		enum api_role role;
		const char *why;
	} rows[] = {{API_DISTRIBUTOR, "a distributor needs an output"},
		    {API_TRANSCODER, "a transcoder needs an output"},
		    {API_STORAGE, "a storage needs a variant"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = NULL;
		struct error *e;

		t.role = rows[i].role;
		e = media_nginx_classic_app(NULL, &t, &text);
		assert_non_null(e);
		assert_non_null(strstr(e->message, rows[i].why));
		assert_non_null(strstr(e->message, JOB));
		assert_null(text);
		error_free(e);
	}
}

static const struct media_nginx_node node = {.role = API_STORAGE,
					     .path = "/srv/n1",
					     .module_path = "/usr/lib/rtmp.so",
					     .rtmp_port = 2101,
					     .http_port = 2102,
					     .control_port = 2103,
					     .agent_socket = "/srv/agent.sock",
					     .node_id = "00112233445566778899aabbccddeeff00112233"};

static void derived(void **state)
{
	void *scope = mem_new(NULL, char);
	char *text = media_nginx_classic_derived(scope, &node, media_nginx_classic_conf(scope));

	(void)state;
	assert_memory_equal(text, "load_module /usr/lib/rtmp.so;\n", 30);
	assert_non_null(strstr(text, "pid /srv/n1/run/nginx.pid;\n"));
	assert_non_null(strstr(text, "        listen 0.0.0.0:2101;\n"));
	assert_non_null(strstr(text, "include /srv/n1/derived/app-enabled/*;"));
	assert_non_null(strstr(text, "include /srv/n1/derived/mime.types;"));
	assert_non_null(strstr(text, "include /srv/n1/derived/sites-enabled/*;"));
	assert_non_null(strstr(text, "proxy_temp_path /srv/n1/run/tmp/proxy;"));
	assert_non_null(strstr(text, "listen unix:/srv/n1/run/control.sock;"));
	assert_null(strstr(text, "/opt/"));
	assert_null(strstr(text, "logs/"));
	assert_null(strstr(text, "1935"));
	assert_non_null(strstr(text, "rtmp {\n        max_connections 256;\n"));
	assert_null(strstr(text, "publish")); /* nobody is named: everybody */
	struct media_nginx_node guarded = node;
	guarded.publishers = (const char *const[]){"127.0.0.1", "192.0.2.0/24", NULL};
	text = media_nginx_classic_derived(scope, &guarded, media_nginx_classic_conf(scope));
	assert_non_null(strstr(text, "        allow publish 127.0.0.1;\n        allow publish 192.0.2.0/24;\n"
				     "        deny publish all;\n"));
	text = media_nginx_classic_derived(scope, &node, data(scope, "storage.conf"));
	assert_non_null(strstr(text, "hls_path /srv/n1/data/" JOB ";"));
	assert_null(strstr(text, "/opt/"));
	text = media_nginx_classic_derived(scope, &node, data(scope, "distributor.conf"));
	/* This node's own port, and nobody else's. */
	assert_non_null(strstr(text, "exec ffmpeg -i rtmp://127.0.0.1:2101/" JOB "/" JOB "\n"));
	assert_non_null(strstr(text, "rtmp://192.0.2.20:1935/" JOB "/" JOB "_2k\n"));
	text = media_nginx_classic_derived(scope, &node, media_nginx_classic_site(scope, 2102));
	assert_non_null(strstr(text, "listen 2102;"));
	assert_non_null(strstr(text, "root /srv/n1/data;"));
	mem_free(scope);
}

static int count(const char *text, const char *what)
{
	int n = 0;

	while ((text = strstr(text, what))) {
		n++;
		text++;
	}
	return n;
}

static void managed(void **state)
{
	struct media_nginx_node n = node;
	void *scope = mem_new(NULL, char);
	char *text = media_nginx_managed(scope, &n);

	(void)state;
	assert_non_null(strstr(text, "load_module \"/usr/lib/rtmp.so\";"));
	assert_non_null(strstr(text, "worker_processes 1;"));
	assert_non_null(strstr(text, "listen 0.0.0.0:2101;"));
	assert_non_null(strstr(text, "listen 0.0.0.0:2102;"));
	assert_non_null(strstr(text, "listen 127.0.0.1:2103;"));
	assert_non_null(strstr(text, "listen \"unix:/srv/n1/run/control.sock\";"));
	assert_non_null(strstr(text, "proxy_pass \"http://unix:/srv/agent.sock:/nginx/"
				     "00112233445566778899aabbccddeeff00112233/\";"));
	assert_int_equal(count(text, "application "), 1); /* live */
	assert_int_equal(count(text, "deny play all;"), 1);
	assert_int_equal(count(text, "deny publish all;"), 0);
	n.role = API_TRANSCODER;
	text = media_nginx_managed(scope, &n);
	assert_int_equal(count(text, "application "), 2);
	assert_int_equal(count(text, "deny publish all;"), 1); /* clean */
	n.role = API_DISTRIBUTOR;
	n.http_port = 0;
	n.listen_ip = "::";
	n.node_id = NULL;
	n.module_path = NULL;
	text = media_nginx_managed(scope, &n);
	assert_int_equal(count(text, "application "), 3);
	assert_int_equal(count(text, "deny play all;"), 3);
	assert_int_equal(count(text, "deny publish all;"), 2); /* live and clean are the node's own programs' alone */
	assert_int_equal(count(text, "wait_key off;"), 1);     /* the relay sees all that comes to ingest */
	assert_int_equal(count(text, "wait_key on;"), 2);
	assert_int_equal(count(text, "2102"), 0);
	assert_int_equal(count(text, "load_module"), 0);
	assert_non_null(strstr(text, "listen [::]:2101 ipv6only=off;"));
	assert_non_null(strstr(text, "proxy_pass \"http://unix:/srv/agent.sock:/nginx/\";"));
	n.listen_ip = "::1";
	assert_non_null(strstr(media_nginx_managed(scope, &n), "listen [::1]:2101;"));
	mem_free(scope);
}

static void argv(void **state)
{
	char **v = media_nginx_argv(NULL, "nginx", "/srv/n1", "/srv/n1/conf/nginx.conf", NULL, false);

	(void)state;
	assert_string_equal(v[0], "nginx");
	assert_string_equal(v[2], "stderr");
	assert_string_equal(v[6], "/srv/n1/conf/nginx.conf");
	assert_null(v[7]);
	mem_free(v);
	v = media_nginx_argv(NULL, "nginx", "/srv/n1", "/opt/nginx/nginx.conf", "/m.so", true);
	assert_string_equal(v[8], "load_module /m.so;");
	assert_string_equal(v[9], "-t");
	assert_null(v[10]);
	mem_free(v);
}

static void folders(void **state)
{
	char folder[] = "/tmp/dsn-nginx-XXXXXX";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_null(media_nginx_folders(folder, BENEATH_KEEP));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/run/control.sock", folder);
	assert_int_equal(bind(s, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_true(file_exists(address.sun_path));
	assert_null(media_nginx_folders(folder, BENEATH_KEEP)); /* again: only the stale socket goes */
	assert_false(file_exists(address.sun_path));
	close(s);
	assert_null(file_remove_tree(folder));
}

/* The seed's own documents and files, where they are at hand. */
static void seed(void **state)
{
	static const char *const roles[] = {"distributor", "storage", "transcoder"};
	const char *folder = getenv("DSN_SEED");
	void *scope = mem_new(NULL, char);
	json_t *document = NULL, *tasks;
	char *text;

	(void)state;
	if (!folder)
		folder = mem_printf(scope, "%s/../shared/seed", TEST_SOURCE_DIR);
	if (!file_exists(mem_printf(scope, "%s/expected/nginx.conf", folder))) {
		print_message("skipped: no seed documents in %s ($DSN_SEED names another place)\n", folder);
		mem_free(scope);
		skip();
	}
	assert_null(file_read(scope, mem_printf(scope, "%s/expected/nginx.conf", folder), 65536, &text, NULL));
	assert_string_equal(media_nginx_classic_conf(scope), text);
	assert_null(
		json_parse_file(mem_printf(scope, "%s/expected/pipeline-private.json", folder), 1 << 20, &document));
	tasks = json_object_get(json_object_get(document, "pipeline"), "tasks");
	assert_int_equal(json_array_size(tasks), 5);
	for (size_t i = 0; i < 3; i++) { /* the first transcoder's is there */
		struct json_place at = {0};
		struct api_task *t = NULL;
		char *app = NULL;
		struct error *e = api_task_read(scope, json_object_get(json_array_get(tasks, i), "msg"), &at, &t);

		if (e)
			fail_msg("%s", e->message);
		assert_null(media_nginx_classic_app(scope, t, &app));
		assert_null(file_read(scope, mem_printf(scope, "%s/expected/%s-app.conf", folder, roles[i]), 65536,
				      &text, NULL));
		assert_string_equal(app, text);
	}
	json_decref(document);
	mem_free(scope);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classic_conf),
		cmocka_unit_test(classic_distributor),
		cmocka_unit_test(classic_transcoder),
		cmocka_unit_test(classic_storage),
		cmocka_unit_test(classic_refusals),
		cmocka_unit_test(derived),
		cmocka_unit_test(managed),
		cmocka_unit_test(argv),
		cmocka_unit_test(folders),
		cmocka_unit_test(seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
