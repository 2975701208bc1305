/* nginx-rtmp configuration texts: managed (static, made once per node) and classic (the seed's files, byte for byte).
 *
 * Managed layout below the node's folder `path` (all folders must exist before nginx starts: media_nginx_folders()):
 *   conf/nginx.conf       the text of media_nginx_managed()
 *   run/nginx.pid, run/control.sock, run/tmp/   made by nginx; a control.sock left by a killed nginx must be removed
 *                         before nginx is started again (nginx refuses to bind over it)
 *   data/hls/             served at http://host:http_port/hls/ (storage)
 * Logs go to stderr, that is to the unit's log, which the runtime bounds.
 *
 * Callbacks reach the agent's unix socket as HTTP/1.0 POST, application/x-www-form-urlencoded, at
 *   /nginx/<node id>/<event>?...    event: "publish" (2xx allows, else the publisher is refused), "publish_done"
 * with app= (ingest, live), name= (stream), addr=, clientid=, call=; what stood after '?' in the publisher's URL is
 * appended raw, so take the FIRST app and name and the LAST part's key=. Without node_id the path is /nginx/<event>.
 * The same events of two nodes differ by node id only, so one socket can serve all nodes of an agent.
 * `drop`: GET /control/drop/publisher?app=live&name=<stream> (or /subscriber) and GET /stat on run/control.sock.
 */
#ifndef DSN_MEDIA_NGINX_H
#define DSN_MEDIA_NGINX_H

#include "api/task.h"
#include "base/beneath.h"
#include "base/buf.h"

struct media_nginx_node {
	enum api_role role;
	const char *path;         /* the node's folder as nginx sees it (runtime path) */
	const char *module_path;  /* ngx_rtmp_module.so as nginx sees it; NULL: built into nginx */
	int rtmp_port;            /* listens on listen_ip */
	int http_port;            /* storage: HLS on listen_ip; 0: none */
	int control_port;         /* 127.0.0.1: callbacks to the agent, proxied to its unix socket */
	const char *agent_socket; /* unix socket of the agent as nginx sees it */
	const char *node_id;      /* in the path of callbacks; NULL: left out */
	const char *listen_ip;    /* NULL: 0.0.0.0; "::" for both families */
	/* Classic: who may publish, addresses and networks ("192.0.2.0/24"), NULL-terminated; NULL: everybody. */
	const char *const *publishers;
};

/* {nginx, -e stderr, -p path, -c conf}: starts nginx in the foreground on a configuration file. With `module_path`
 * (the untouched classic nginx.conf, which names no module) the module is loaded by -g. `test` adds -t. */
char **media_nginx_argv(const void *ctx, const char *nginx, const char *path, const char *conf, const char *module_path,
			bool test);
/* Make the folders a configuration of either mode needs below `folder` (host path; only we may write it) and remove
 * stale sockets. Those that nginx writes into are given to `owner`, as whom it runs. Only while it does not run. */
struct error *media_nginx_folders(const char *folder, struct beneath_owner owner) MUST_CHECK;

/* Managed: applications `ingest`, `live` (publishers authorised by the agent, played from 127.0.0.1 only), unix socket
 * <path>/run/control.sock for /stat and /control, HLS below <path>/data/hls with CORS and MIME types. ctx owns the
 * text. */
char *media_nginx_managed(const void *ctx, const struct media_nginx_node *n);

/* Classic: the empty nginx.conf of the seed's container image; the application file of a task (file name: job id). */
char *media_nginx_classic_conf(const void *ctx);
struct error *media_nginx_classic_app(const void *ctx, const struct api_task *t, char **ret_text) MUST_CHECK;
/* Beside them in the container image: mime.types, and sites-enabled/hls that serves /opt/data on http_port (the
 * container's 80). */
char *media_nginx_classic_mime(const void *ctx);
char *media_nginx_classic_site(const void *ctx, int http_port);
/* Process runtime: any of the four texts above with /opt/nginx moved to <path>/derived and /opt/data to <path>/data,
 * the listen port and the local input URL set to rtmp_port, and (in nginx.conf) module, pid, logs and temporary paths
 * below `path`. nginx is started with <path>/derived/nginx.conf, the untouched files stay beside it in <path>/nginx/:
 *   nginx/nginx.conf, nginx/app-enabled/<job>, nginx/sites-enabled/hls, nginx/mime.types        as in the container
 *   derived/nginx.conf, derived/app-enabled/<job>, derived/sites-enabled/hls, derived/mime.types  the same, derived */
char *media_nginx_classic_derived(const void *ctx, const struct media_nginx_node *n, const char *text);

#endif
