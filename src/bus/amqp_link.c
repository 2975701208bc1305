#include "bus/amqp_link.h"

#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/mem.h"

#define CONNECT_TIMEOUT_S 5
#define LOGIN_TIMEOUT_S 10
/* A broker that recovers its queues can take its time; one that is gone is noticed by the heartbeat. */
#define RPC_TIMEOUT_S 30

/* Replies of the broker (AMQP 0-9-1, 1.2) that mean something to our callers; any other is ERROR_FAILED. */
static const struct reply_row {
	int reply_code;
	enum error_code code;
} reply_rows[] = {
	{311, ERROR_LIMIT},       /* content too large */
	{312, ERROR_NOT_FOUND},   /* no route */
	{320, ERROR_UNAVAILABLE}, /* connection forced: the operator or a shutdown */
	{403, ERROR_REFUSED},     /* access refused */
	{404, ERROR_NOT_FOUND},   /* no such queue or exchange */
	{405, ERROR_EXISTS},      /* resource locked: exclusive to another connection */
	{406, ERROR_INVALID},     /* precondition failed */
	{506, ERROR_LIMIT},       /* resource error */
	{530, ERROR_REFUSED},     /* not allowed: vhost, connection limit */
	{541, ERROR_UNAVAILABLE}, /* internal error */
};

struct error *amqp_reply_error(int reply_code, amqp_bytes_t text, const char *what)
{
	enum error_code code = ERROR_FAILED;

	for (size_t i = 0; i < sizeof(reply_rows) / sizeof(reply_rows[0]); i++) {
		if (reply_rows[i].reply_code == reply_code)
			code = reply_rows[i].code;
	}
	return error_new(code, "%s: %d %.*s", what, reply_code, (int)text.len, (const char *)text.bytes);
}

struct error *amqp_blocked_error(const amqp_connection_blocked_t *blocked)
{
	return error_new(ERROR_UNAVAILABLE,
			 "the broker takes no messages for now (%.*s): its memory or disk is short, see docs/broker.md",
			 (int)blocked->reason.len, (const char *)blocked->reason.bytes);
}

struct error *amqp_status_error(int status, const char *what)
{
	return error_new(ERROR_UNAVAILABLE, "%s: %s", what, amqp_error_string2(status));
}

static struct error *server_exception(amqp_connection_state_t link, amqp_channel_t channel, const amqp_method_t *method,
				      const char *what)
{
	if (method->id == AMQP_CHANNEL_CLOSE_METHOD) {
		const amqp_channel_close_t *m = method->decoded;
		amqp_channel_close_ok_t ok = {0};
		struct error *e = amqp_reply_error(m->reply_code, m->reply_text, what);
		int status = amqp_send_method(link, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &ok);

		if (status == AMQP_STATUS_OK)
			return e;
		error_free(e);
		return amqp_status_error(status, what);
	}
	if (method->id == AMQP_CONNECTION_CLOSE_METHOD) {
		const amqp_connection_close_t *m = method->decoded;
		amqp_connection_close_ok_t ok = {0};
		struct error *e = amqp_reply_error(m->reply_code, m->reply_text, what);

		(void)amqp_send_method(link, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &ok);
		e->code = ERROR_UNAVAILABLE;
		return e;
	}
	return error_new(ERROR_UNAVAILABLE, "%s: the broker answered with an unexpected method", what);
}

static struct error *reply_check(amqp_connection_state_t link, amqp_channel_t channel, amqp_rpc_reply_t reply,
				 const char *what)
{
	switch (reply.reply_type) {
	case AMQP_RESPONSE_NORMAL:
		return NULL;
	case AMQP_RESPONSE_SERVER_EXCEPTION:
		return server_exception(link, channel, &reply.reply, what);
	case AMQP_RESPONSE_LIBRARY_EXCEPTION:
		return amqp_status_error(reply.library_error, what);
	case AMQP_RESPONSE_NONE:
		break;
	}
	return error_new(ERROR_UNAVAILABLE, "%s: the connection ended", what);
}

struct error *amqp_link_check(amqp_connection_state_t link, amqp_channel_t channel, const char *what)
{
	return reply_check(link, channel, amqp_get_rpc_reply(link), what);
}

struct error *amqp_link_open_channel(amqp_connection_state_t link, amqp_channel_t channel)
{
	amqp_channel_open(link, channel);
	return amqp_link_check(link, channel, "open a channel");
}

struct error *amqp_link_send_method(amqp_connection_state_t link, amqp_channel_t channel, amqp_method_number_t id,
				    void *method)
{
	int status = amqp_send_method(link, channel, id, method);

	return status == AMQP_STATUS_OK ? NULL : amqp_status_error(status, "broker connection");
}

struct error *amqp_link_send_open(amqp_connection_state_t link, amqp_channel_t channel)
{
	amqp_channel_open_t open = {.out_of_band = amqp_empty_bytes};

	return amqp_link_send_method(link, channel, AMQP_CHANNEL_OPEN_METHOD, &open);
}

/* Only here is OpenSSL touched: a process without amqps never pays for it. */
static struct error *tls_socket(amqp_connection_state_t link, const struct amqp_address *a, amqp_socket_t **ret_socket)
{
	amqp_socket_t *s = amqp_ssl_socket_new(link);

	if (!s)
		return error_new(ERROR_FAILED, "TLS is not available");
	amqp_ssl_socket_set_verify_peer(s, 1);
	amqp_ssl_socket_set_verify_hostname(s, 1);
	if (amqp_ssl_socket_set_ssl_versions(s, AMQP_TLSv1_2, AMQP_TLSvLATEST) != AMQP_STATUS_OK)
		return error_new(ERROR_FAILED, "TLS 1.2 or later is not available");
	if (amqp_ssl_socket_set_cacert(s, a->ca_file) != AMQP_STATUS_OK)
		return error_new(ERROR_INVALID, "%s: holds no certificates in PEM form", a->ca_file);
	if (a->cert_file && amqp_ssl_socket_set_key(s, a->cert_file, a->key_file) != AMQP_STATUS_OK)
		return error_new(ERROR_INVALID, "%s, %s: no certificate with its key in PEM form", a->cert_file,
				 a->key_file);
	*ret_socket = s;
	return NULL;
}

static struct timeval wait_of(const struct amqp_address *a, int seconds)
{
	if (!a->limit_ms || a->limit_ms >= (int64_t)seconds * 1000)
		return (struct timeval){.tv_sec = seconds};
	return (struct timeval){.tv_sec = a->limit_ms / 1000, .tv_usec = a->limit_ms % 1000 * 1000};
}

static struct error *connect_socket(amqp_connection_state_t link, const struct amqp_address *a)
{
	struct timeval timeout = wait_of(a, CONNECT_TIMEOUT_S);
	amqp_socket_t *s = NULL;
	int status;

	if (a->tls)
		TRY(tls_socket(link, a, &s));
	else
		s = amqp_tcp_socket_new(link);
	if (!s)
		return error_new(ERROR_FAILED, "no socket for the broker connection");
	status = amqp_socket_open_noblock(s, a->host, a->port, &timeout);
	if (status == AMQP_STATUS_OK)
		return NULL;
	return error_new(ERROR_UNAVAILABLE, "broker %s port %d: %s; does one listen there?", a->host, a->port,
			 amqp_error_string2(status));
}

static amqp_table_entry_t text_entry(const char *key, const char *value)
{
	return (amqp_table_entry_t){amqp_cstring_bytes(key),
				    {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes(value)}};
}

static amqp_table_entry_t ability(const char *key)
{
	return (amqp_table_entry_t){amqp_cstring_bytes(key), {.kind = AMQP_FIELD_KIND_BOOLEAN, .value.boolean = 1}};
}

struct error *amqp_link_login(amqp_connection_state_t link, const struct amqp_address *a, const char *name,
			      int64_t heartbeat_ms)
{
	/* The broker says when it runs out of memory or disk, instead of just not reading, and when a queue that we
	 * consume is gone. */
	amqp_table_entry_t tells[] = {ability("connection.blocked"), ability("consumer_cancel_notify")};
	amqp_table_entry_t entries[] = {
		text_entry("product", "dsn"),
		text_entry("version", DSN_VERSION),
		text_entry("connection_name", name),
		{amqp_cstring_bytes("capabilities"),
		 {.kind = AMQP_FIELD_KIND_TABLE, .value.table = {sizeof(tells) / sizeof(tells[0]), tells}}},
	};
	amqp_table_t properties = {sizeof(entries) / sizeof(entries[0]), entries};
	int heartbeat_s = (int)((heartbeat_ms + 999) / 1000);
	amqp_rpc_reply_t reply =
		amqp_login_with_properties(link, a->vhost, AMQP_CHANNEL_LIMIT, AMQP_FRAME_LIMIT, heartbeat_s,
					   &properties, AMQP_SASL_METHOD_PLAIN, a->user, a->password);
	bool refused = reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION;
	struct error *e = reply_check(link, 0, reply, "broker login");

	if (!e)
		return NULL;
	/* A broker that closes during login says who may not enter; one that just vanishes is away. */
	if (refused)
		e->code = ERROR_REFUSED;
	return error_wrap(e, "%s port %d as \"%s\", vhost \"%s\"", a->host, a->port, a->user, a->vhost);
}

struct error *amqp_link_dial(const struct amqp_address *a, amqp_connection_state_t *ret_link)
{
	struct timeval login_timeout = wait_of(a, LOGIN_TIMEOUT_S), rpc_timeout = wait_of(a, RPC_TIMEOUT_S);
	amqp_connection_state_t link = amqp_new_connection();
	struct error *e;

	if (!link)
		return error_new(ERROR_FAILED, "no memory for a broker connection");
	amqp_set_handshake_timeout(link, &login_timeout);
	amqp_set_rpc_timeout(link, &rpc_timeout);
	e = connect_socket(link, a);
	if (e) {
		amqp_link_close(link, false);
		return e;
	}
	*ret_link = link;
	return NULL;
}

struct error *amqp_link_open(const struct amqp_address *a, const char *name, int64_t heartbeat_ms,
			     amqp_connection_state_t *ret_link)
{
	amqp_connection_state_t link = NULL;
	struct error *e;

	TRY(amqp_link_dial(a, &link));
	e = amqp_link_login(link, a, name, heartbeat_ms);
	if (e) {
		amqp_link_close(link, false);
		return e;
	}
	*ret_link = link;
	return NULL;
}

void amqp_link_close(amqp_connection_state_t link, bool alive)
{
	struct timeval timeout = {.tv_sec = 1};

	if (!link)
		return;
	if (alive) {
		amqp_set_rpc_timeout(link, &timeout);
		(void)amqp_connection_close(link, AMQP_REPLY_SUCCESS);
	}
	(void)amqp_destroy_connection(link);
}

/* A refusal of the kernel is no failure: the packets are smaller, or the caller waits where it can. */
void amqp_link_gather(amqp_connection_state_t link, bool on)
{
	int value = on;

	(void)setsockopt(amqp_get_sockfd(link), IPPROTO_TCP, TCP_CORK, &value, sizeof(value));
}

bool amqp_link_has_room(amqp_connection_state_t link, size_t bytes)
{
	int fd = amqp_get_sockfd(link), under_way = 0, buffer = 0;
	socklen_t n = sizeof(buffer);

	/* The kernel counts its own book-keeping too: a quarter is room for sure. */
	return !ioctl(fd, SIOCOUTQ, &under_way) && !getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, &n) &&
	       (size_t)under_way + bytes <= (size_t)buffer / 4;
}
