/* Managed mode's nginx.conf: static, so that starting or stopping one job never touches another. */
#include <string.h>

#include "base/mem.h"
#include "media/ffmpeg.h"
#include "media/nginx.h"

static char *listen(const void *ctx, const char *ip, int port)
{
	if (!ip)
		ip = "0.0.0.0";
	if (strcmp(ip, "::") == 0)
		return mem_printf(ctx, "listen [::]:%d ipv6only=off;", port);
	return strchr(ip, ':') ? mem_printf(ctx, "listen [%s]:%d;", ip, port)
			       : mem_printf(ctx, "listen %s:%d;", ip, port);
}

/* One worker: /stat and /control reach a random one otherwise. `user root` keeps the worker the user nginx was started
 * as when that is root (in a container); anybody else's nginx passes over it. Temporary paths: none may lie outside. */
static char *head(const void *ctx, const struct media_nginx_node *n)
{
	return mem_printf(ctx,
			  "# Written by the agent; changes are overwritten.\n"
			  "%s%s%sdaemon off;\n"
			  "master_process on;\n"
			  "worker_processes 1;\n"
			  "user root;\n"
			  "pid \"%s/run/nginx.pid\";\n"
			  "error_log stderr warn;\n"
			  "\n"
			  "events {\n"
			  "\tworker_connections 1024;\n"
			  "}\n"
			  "\n",
			  n->module_path ? "load_module \"" : "", n->module_path ? n->module_path : "",
			  n->module_path ? "\";\n" : "", n->path);
}

/* publish_notify: players that were started first wait for their stream, and end in 10 ms when it ends.
 * wait_key, wait_video: they begin at a key frame, not with the sound before it, which ffmpeg would take for all there
 * is. Not at ingest: its relay sees everything that comes, also from a source without any key frame that nginx knows,
 * and says what it is. drop_idle_publisher: a frozen publisher blocks its name for 5 s only. */
static char *application(const void *ctx, const char *name, bool only_local_publishers, int control_port)
{
	const char *wait = strcmp(name, MEDIA_INGEST) == 0 ? "off" : "on";

	return mem_printf(ctx,
			  "\t\tapplication %s {\n"
			  "\t\t\tlive on;\n"
			  "\t\t\tpublish_notify on;\n"
			  "\t\t\twait_key %s;\n"
			  "\t\t\twait_video %s;\n"
			  "\t\t\tsync 0;\n"
			  "\t\t\tdrop_idle_publisher 5s;\n"
			  "\t\t\tnotify_method post;\n"
			  "\t\t\ton_publish http://127.0.0.1:%d/nginx/publish;\n"
			  "\t\t\ton_publish_done http://127.0.0.1:%d/nginx/publish_done;\n"
			  "%s\t\t\tallow play 127.0.0.1;\n"
			  "\t\t\tdeny play all;\n"
			  "\t\t}\n",
			  name, wait, wait, control_port, control_port,
			  only_local_publishers ? "\t\t\tallow publish 127.0.0.1;\n\t\t\tdeny publish all;\n" : "");
}

/* max_message is no judgement of sources (media/probe.h is); it only keeps big key frames from being disconnected. */
static char *rtmp(const void *ctx, const struct media_nginx_node *n)
{
	bool distributor = n->role == API_DISTRIBUTOR, transcoder = n->role == API_TRANSCODER;

	return mem_printf(ctx,
			  "rtmp_auto_push off;\n"
			  "\n"
			  "rtmp {\n"
			  "\taccess_log off;\n"
			  "\tserver {\n"
			  "\t\t%s\n"
			  "\t\tchunk_size 4096;\n"
			  "\t\tmax_message 16M;\n"
			  "\t\ttimeout 20s;\n"
			  "\t\tping 30s;\n"
			  "\t\tping_timeout 10s;\n"
			  "\t\tout_queue 1024;\n"
			  "\t\tout_cork 1;\n"
			  "%s%s%s\t}\n"
			  "}\n"
			  "\n",
			  listen(ctx, n->listen_ip, n->rtmp_port),
			  distributor ? application(ctx, MEDIA_INGEST, false, n->control_port) : "",
			  distributor || transcoder ? application(ctx, MEDIA_CLEAN, true, n->control_port) : "",
			  application(ctx, MEDIA_LIVE, distributor, n->control_port));
}

/* A range beyond a file's end (416) passes nginx's header filters twice, the first time as a 200: what these have added
 * then must not be added again, two values of one CORS header are an error to browsers. Nor may such an answer be kept.
 */
static char *hls_headers(const void *ctx)
{
	return mem_strdup(
		ctx, "\n"
		     "\tmap $status $cors_origin { volatile; default \"*\"; 416 \"\"; }\n"
		     "\tmap $status $cors_methods { volatile; default \"GET, HEAD, OPTIONS\"; 416 \"\"; }\n"
		     "\tmap $status $cors_headers { volatile; default \"Range\"; 416 \"\"; }\n"
		     "\tmap $status $cors_exposed { volatile; default \"Content-Length, Content-Range\"; 416 \"\"; }\n"
		     "\tmap $status $no_sniff { volatile; default \"nosniff\"; 416 \"\"; }\n"
		     "\tmap $status $kept_a_day {\n"
		     "\t\tvolatile;\n"
		     "\t\tdefault \"no-store\";\n"
		     "\t\t~^(200|204|206|304)$ \"public, max-age=86400\";\n"
		     "\t}\n"
		     "\tmap $status $asked_again {\n"
		     "\t\tvolatile;\n"
		     "\t\tdefault \"no-store\";\n"
		     "\t\t~^(200|204|206|304)$ \"no-cache\";\n"
		     "\t}\n");
}

/* Pages of other sites may read what is answered, refusals too (CORS). */
#define HLS_HEADERS                                                             \
	"\t\t\tadd_header X-Content-Type-Options $no_sniff always;\n"           \
	"\t\t\tadd_header Access-Control-Allow-Origin $cors_origin always;\n"   \
	"\t\t\tadd_header Access-Control-Allow-Methods $cors_methods always;\n" \
	"\t\t\tadd_header Access-Control-Allow-Headers $cors_headers always;\n" \
	"\t\t\tadd_header Access-Control-Expose-Headers $cors_exposed always;\n"

/* Preflights are answered. A playlist changes, a segment never does. */
static char *hls_location(const void *ctx, const char *pattern, const char *type, const char *cache)
{
	return mem_printf(ctx,
			  "\t\tlocation ~ \"%s\" {\n"
			  "\t\t\ttypes { }\n"
			  "\t\t\tdefault_type %s;\n"
			  "\t\t\tadd_header Cache-Control %s always;\n" HLS_HEADERS
			  "\t\t\tif ($request_method = OPTIONS) {\n"
			  "\t\t\t\treturn 204;\n"
			  "\t\t\t}\n"
			  "\t\t}\n",
			  pattern, type, cache);
}

/* Playlists and segments by their names, nothing else: no listing, no half-written files (their names begin with a
 * point). */
static char *hls_server(const void *ctx, const struct media_nginx_node *n)
{
	return mem_printf(ctx,
			  "%s\n"
			  "\tserver {\n"
			  "\t\t%s\n"
			  "\t\troot \"%s/data\";\n"
			  "\t\tautoindex off;\n"
			  "\t\tlocation / {\n"
			  "\t\t\tadd_header Cache-Control no-store always;\n" HLS_HEADERS "\t\t\treturn 404;\n"
			  "\t\t}\n"
			  "%s%s\t}\n",
			  hls_headers(ctx), listen(ctx, n->listen_ip, n->http_port), n->path,
			  hls_location(ctx, "^/hls/[0-9A-Za-z_][^/]*(/index)?\\.m3u8$", "application/vnd.apple.mpegurl",
				       "$asked_again"),
			  hls_location(ctx, "^/hls/[0-9A-Za-z_][^/]*/[0-9]+\\.ts$", "video/mp2t", "$kept_a_day"));
}

static char *temporary_paths(const void *ctx, const char *path)
{
	static const char *const names[] = {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"};
	char *text = mem_strdup(ctx, "");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		text = mem_printf(ctx, "%s\t%s_temp_path \"%s/run/tmp/%s\";\n", text, names[i], path, names[i]);
	return text;
}

/* The agent that hangs or is away answers no publisher: refused at once, or after 5 s. */
static char *http(const void *ctx, const struct media_nginx_node *n)
{
	return mem_printf(ctx,
			  "http {\n"
			  "\taccess_log off;\n"
			  "\tserver_tokens off;\n"
			  "\tsendfile on;\n"
			  "\ttcp_nopush on;\n"
			  "\tclient_max_body_size 64k;\n"
			  "%s\n"
			  "\tserver {\n"
			  "\t\tlisten 127.0.0.1:%d;\n"
			  "\t\tlocation /nginx/ {\n"
			  "\t\t\tproxy_pass \"http://unix:%s:/nginx/%s%s\";\n"
			  "\t\t\tproxy_connect_timeout 2s;\n"
			  "\t\t\tproxy_read_timeout 5s;\n"
			  "\t\t}\n"
			  "\t\tlocation / {\n"
			  "\t\t\treturn 404;\n"
			  "\t\t}\n"
			  "\t}\n"
			  "\n"
			  "\tserver {\n"
			  "\t\tlisten \"unix:%s/run/control.sock\";\n"
			  "\t\tlocation = /stat {\n"
			  "\t\t\trtmp_stat all;\n"
			  "\t\t}\n"
			  "\t\tlocation /control/ {\n"
			  "\t\t\trtmp_control all;\n"
			  "\t\t}\n"
			  "\t\tlocation / {\n"
			  "\t\t\treturn 404;\n"
			  "\t\t}\n"
			  "\t}\n"
			  "%s}\n",
			  temporary_paths(ctx, n->path), n->control_port, n->agent_socket, n->node_id ? n->node_id : "",
			  n->node_id ? "/" : "", n->path, n->http_port ? hls_server(ctx, n) : "");
}

char *media_nginx_managed(const void *ctx, const struct media_nginx_node *n)
{
	void *scope = mem_new(NULL, char);
	char *text = mem_printf(ctx, "%s%s%s", head(scope, n), rtmp(scope, n), http(scope, n));

	mem_free(scope);
	return text;
}
