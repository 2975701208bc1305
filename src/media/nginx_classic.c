/* Classic mode: the seed's files byte for byte, and the same texts moved under a node's folder. */
#include <string.h>

#include "base/mem.h"
#include "media/nginx.h"

/* Publishers, players and the programs that play and publish, together. */
#define CLASSIC_CONNECTIONS "256"

/* Tabs, blanks at line ends and all: nodes in the field compare these files. */
static const char conf_text[] = "daemon off;\n"
				"worker_processes 1;\n"
				"\n"
				"events {\n"
				"    worker_connections 1024;\n"
				"}\n"
				"\n"
				"rtmp {\n"
				"    server {\n"
				"        listen 1935;\n"
				"        chunk_size 4000;\n"
				"        include /opt/nginx/app-enabled/*;\n"
				"    }\n"
				"}\n"
				"\n"
				"http {\n"
				"        sendfile on;\n"
				"        tcp_nopush on;\n"
				"        tcp_nodelay on;\n"
				"        keepalive_timeout 65;\n"
				"        types_hash_max_size 2048;\n"
				"            \n"
				"        include /opt/nginx/mime.types;\n"
				"        default_type application/octet-stream;\n"
				"            \n"
				"        access_log  logs/access.log;\n"
				"        error_log logs/error.log;\n"
				"\n"
				"        ##\n"
				"        # Gzip Settings\n"
				"        ##\n"
				"\n"
				"        gzip off;\n"
				"        gzip_disable \"msie6\";\n"
				"        include /opt/nginx/sites-enabled/*;        \n"
				"}\n"
				"\n";

char *media_nginx_classic_conf(const void *ctx)
{
	return mem_strdup(ctx, conf_text);
}

char *media_nginx_classic_mime(const void *ctx)
{
	return mem_strdup(ctx, "types {\n"
			       "    text/html html htm;\n"
			       "    text/css css;\n"
			       "    application/javascript js;\n"
			       "    application/json json;\n"
			       "    application/vnd.apple.mpegurl m3u8;\n"
			       "    video/mp2t ts;\n"
			       "    video/mp4 mp4;\n"
			       "}\n");
}

char *media_nginx_classic_site(const void *ctx, int http_port)
{
	return mem_printf(ctx,
			  "server {\n"
			  "    listen %d;\n"
			  "    root /opt/data;\n"
			  "    location / {\n"
			  "        add_header Cache-Control no-cache;\n"
			  "        add_header Access-Control-Allow-Origin *;\n"
			  "    }\n"
			  "}\n",
			  http_port);
}

static char *appended(char *text, const char *more)
{
	return talloc_asprintf_append_buffer(text, "%s", more);
}

static char *input_url(const void *ctx, const struct api_task *t)
{
	return mem_printf(ctx, "rtmp://localhost:%d/%s/%s", t->listen_port, t->application, t->source_stream);
}

/* A target that names no application is reached by the job's own (1.00). */
static char *output_url(const void *ctx, const struct api_task *t, const struct api_target *target)
{
	bool v6 = strchr(target->ip, ':') != NULL;

	return mem_printf(ctx, "rtmp://%s%s%s:%d/%s/%s", v6 ? "[" : "", target->ip, v6 ? "]" : "", target->port,
			  target->application ? target->application : t->application, target->stream);
}

static struct error *distributor(const void *ctx, const struct api_task *t, char **ret_body)
{
	char *body;

	if (!t->output_count)
		return error_new(ERROR_INVALID, "job %s: a distributor needs an output", t->job);
	body = mem_printf(ctx, "\texec ffmpeg -i %s", input_url(ctx, t));
	for (size_t i = 0; i < t->output_count; i++)
		body = appended(body, mem_printf(ctx, "\n\t\t-c:a copy -c:v copy -f flv %s",
						 output_url(ctx, t, &t->outputs[i])));
	*ret_body = appended(body, ";\n");
	return NULL;
}

/* One rendition stands as in the seed; several (an extension) are outputs of the same ffmpeg: one decode. */
static struct error *transcoder(const void *ctx, const struct api_task *t, char **ret_body)
{
	char *body;

	if (!t->rendition_count)
		return error_new(ERROR_INVALID, "job %s: a transcoder needs an output", t->job);
	body = mem_printf(ctx, "\texec ffmpeg -i %s", input_url(ctx, t));
	for (size_t i = 0; i < t->rendition_count; i++) {
		const struct api_rendition *r = &t->renditions[i];

		body = appended(body, mem_printf(ctx, "\n\t\t-vcodec %s -b:v %lld -vf scale=%dx%d -f flv %s", r->codec,
						 (long long)r->bitrate_bps, r->size.width, r->size.height,
						 output_url(ctx, t, &r->target)));
	}
	*ret_body = appended(body, ";\n");
	return NULL;
}

static struct error *storage(const void *ctx, const struct api_task *t, char **ret_body)
{
	const struct api_hls *hls = &t->hls;
	char *body = mem_printf(ctx,
				"\thls on;\n"
				"\thls_fragment %ds;\n"
				"\thls_playlist_length %d;\n",
				hls->fragment_s, hls->playlist_length_s);

	if (!hls->variant_count)
		return error_new(ERROR_INVALID, "job %s: a storage needs a variant", t->job);
	if (hls->naming)
		body = appended(body, mem_printf(ctx, "\thls_fragment_naming %s;\n", hls->naming));
	if (hls->naming_granularity_ms) { /* nginx reads a bare number as seconds */
		bool whole = hls->naming_granularity_ms % 1000 == 0;

		body = appended(body, mem_printf(ctx, "\thls_fragment_naming_granularity %d%s;\n",
						 hls->naming_granularity_ms / (whole ? 1000 : 1), whole ? "" : "ms"));
	}
	if (hls->slicing)
		body = appended(body, mem_printf(ctx, "\thls_fragment_slicing %s;\n", hls->slicing));
	body = appended(body, mem_printf(ctx, "\thls_path /opt/data/%s;\n", t->application));
	for (size_t i = 0; i < hls->variant_count; i++) {
		const struct api_hls_variant *v = &hls->variants[i];

		if (v->params && v->params[0])
			body = appended(body, mem_printf(ctx, "\thls_variant %s %s;\n", v->variant, v->params));
		else
			body = appended(body, mem_printf(ctx, "\thls_variant %s BANDWIDTH=%lld,RESOLUTION=%dx%d;\n",
							 v->variant, (long long)v->bandwidth_bps, v->size.width,
							 v->size.height));
	}
	*ret_body = body;
	return NULL;
}

struct error *media_nginx_classic_app(const void *ctx, const struct api_task *t, char **ret_text)
{
	static struct error *(*const roles[API_ROLE_COUNT])(const void *, const struct api_task *, char **) = {
		[API_DISTRIBUTOR] = distributor,
		[API_TRANSCODER] = transcoder,
		[API_STORAGE] = storage,
	};
	void *scope = mem_new(NULL, char);
	char *body = NULL;
	struct error *e = roles[t->role](scope, t, &body);

	if (!e)
		*ret_text = mem_printf(ctx, "application %s {\n\tlive %s;\n%s}\n", t->application,
				       t->live ? "on" : "off", body);
	mem_free(scope);
	return e;
}

/* Copy `text` with every `from` replaced by `to`. */
static char *replaced(const void *ctx, const char *text, const char *from, const char *to)
{
	char *out = mem_strdup(ctx, "");
	const char *hit;

	while ((hit = strstr(text, from))) {
		out = talloc_strndup_append_buffer(out, text, (size_t)(hit - text));
		out = talloc_strdup_append_buffer(out, to);
		text = hit + strlen(from);
	}
	return talloc_strdup_append_buffer(out, text);
}

/* "rtmp://localhost:<any port>/" is this node itself. */
static char *local_port(const void *ctx, const char *text, int port)
{
	static const char local[] = "rtmp://localhost:";
	char *out = mem_strdup(ctx, "");
	const char *hit;

	while ((hit = strstr(text, local))) {
		out = talloc_strndup_append_buffer(out, text, (size_t)(hit - text));
		out = talloc_asprintf_append_buffer(out, "rtmp://127.0.0.1:%d", port);
		text = hit + strlen(local);
		text += strspn(text, "0123456789");
	}
	return talloc_strdup_append_buffer(out, text);
}

/* What the container image has built in. nginx's exec closes every descriptor up to the limit before each start:
 * a limit of millions would cost seconds, so it is set. */
static char *process_head(const void *ctx, const struct media_nginx_node *n)
{
	return mem_printf(ctx,
			  "%s%s%suser root;\n"
			  "worker_rlimit_nofile 4096;\n"
			  "pid %s/run/nginx.pid;\n"
			  "error_log stderr warn;\n"
			  "rtmp_auto_push off;\n",
			  n->module_path ? "load_module " : "", n->module_path ? n->module_path : "",
			  n->module_path ? ";\n" : "", n->path);
}

static char *process_http(const void *ctx, const struct media_nginx_node *n)
{
	return mem_printf(ctx,
			  "http {\n"
			  "        client_body_temp_path %s/run/tmp/client_body;\n"
			  "        proxy_temp_path %s/run/tmp/proxy;\n"
			  "        fastcgi_temp_path %s/run/tmp/fastcgi;\n"
			  "        uwsgi_temp_path %s/run/tmp/uwsgi;\n"
			  "        scgi_temp_path %s/run/tmp/scgi;\n"
			  "        server {\n"
			  "                listen unix:%s/run/control.sock;\n"
			  "                location = /stat { rtmp_stat all; }\n"
			  "                location /control/ { rtmp_control all; }\n"
			  "        }\n",
			  n->path, n->path, n->path, n->path, n->path, n->path);
}

/* nginx starts a program for each stream that is published: so who may publish is asked, and how many connections there
 * are is bounded. Applications inherit both. */
static char *process_publishers(const void *ctx, const struct media_nginx_node *n)
{
	char *text = mem_strdup(ctx, "");

	for (const char *const *p = n->publishers; p && *p; p++)
		text = appended(text, mem_printf(ctx, "        allow publish %s;\n", *p));
	return n->publishers ? appended(text, "        deny publish all;\n") : text;
}

char *media_nginx_classic_derived(const void *ctx, const struct media_nginx_node *n, const char *text)
{
	void *scope = mem_new(NULL, char);
	char *derived = local_port(scope, text, n->rtmp_port);
	char *out;

	derived = replaced(scope, derived, "/opt/nginx/", mem_printf(scope, "%s/derived/", n->path));
	derived = replaced(scope, derived, "/opt/data", mem_printf(scope, "%s/data", n->path));
	if (strncmp(text, "daemon off;", 11) == 0) {
		derived = replaced(scope, derived, "        listen 1935;\n",
				   mem_printf(scope,
					      "        listen %s:%d;\n"
					      "        access_log off;\n"
					      "        max_message 16M;\n"
					      "%s",
					      n->listen_ip ? n->listen_ip : "0.0.0.0", n->rtmp_port,
					      process_publishers(scope, n)));
		derived = replaced(scope, derived, "rtmp {\n",
				   "rtmp {\n        max_connections " CLASSIC_CONNECTIONS ";\n");
		derived = replaced(scope, derived, "access_log  logs/access.log;", "access_log off;");
		derived = replaced(scope, derived, "error_log logs/error.log;", "error_log stderr warn;");
		derived = replaced(scope, derived, "http {\n", process_http(scope, n));
		derived = talloc_asprintf_append_buffer(process_head(scope, n), "%s", derived);
	}
	out = mem_strdup(ctx, derived);
	mem_free(scope);
	return out;
}
