#include "bus/broker_admin.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/amqp_address.h"
#include "bus/amqp_limits.h"
#include "bus/amqp_names.h"
#include "bus/broker_password.h"
#include "bus/keyring.h"
#include "http/client.h"

#define ADMIN_VARIABLE "DSN_BROKER_ADMIN_PASSWORD"
#define DEFAULT_URL "http://127.0.0.1:15672"
#define DEFAULT_PORT 15672
#define NAME_LENGTH 32
/* A mailbox that nobody has served for so long is deleted. */
#define MAILBOX_EXPIRES_MS INT64_C(2592000000)
/* No message outlives this, whatever its sender says. */
#define MESSAGE_TTL_MS INT64_C(604800000)

struct admin {
	const struct broker_admin_plan *plan;
	broker_admin_fn *fn;
	void *arg;
	int64_t deadline_ms; /* monotonic; 0: none */
	char *host;
	int port;
	char *user, *authorization;
	char *vhost;   /* percent-encoded */
	char *network; /* as in names */
	char *pattern; /* as in regular expressions */
	char *exchange, *status, *dead;
};

static void say(struct admin *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct admin *a, const char *fmt, ...)
{
	va_list ap;
	char *line;

	va_start(ap, fmt);
	line = mem_vprintf(a, fmt, ap);
	va_end(ap);
	if (a->fn)
		a->fn(line, a->arg);
	mem_free(line);
}

static char *encode_percent(const void *ctx, const char *s)
{
	char *out = mem_zalloc_(ctx, strlen(s) * 3 + 1, "encoded"), *p = out;

	for (; *s; s++) {
		if (isalnum((unsigned char)*s) || strchr("-._~", *s))
			*p++ = *s;
		else
			p += sprintf(p, "%%%02X", (unsigned char)*s);
	}
	return out;
}

/* --- the API --- */

/* Takes body. */
static struct error *call(struct admin *a, const char *method, const char *path, json_t *body)
{
	char *text = body ? json_text(a, body) : NULL;
	const int64_t left_ms = a->deadline_ms - clock_mono_ms();
	const struct http_exchange x = {
		.deadline_ms = !a->deadline_ms ? 0
			       : left_ms > 1   ? left_ms
					       : 1,
		.host = a->host,
		.port = a->port,
		.method = method,
		.path = path,
		.content_type = text ? "application/json" : NULL,
		.body = text,
		.body_len = text ? strlen(text) : 0,
		.authorization = a->authorization,
	};
	struct http_answer *answer = http_fetch_sync(a, &x);
	struct error *e = NULL;

	json_decref(body);
	if (answer->error)
		e = error_wrap(error_copy(answer->error),
			       "RabbitMQ's management API on %s port %d (is the management plugin on?)", a->host,
			       a->port);
	else if (answer->status == 401)
		e = error_new(ERROR_REFUSED,
			      "RabbitMQ's management API: user or password is wrong, or the user is no administrator");
	else if (answer->status >= 300)
		e = error_new(answer->status == 404 ? ERROR_NOT_FOUND : ERROR_FAILED,
			      "RabbitMQ's management API: %s %s: %d %s", method, path, answer->status,
			      log_q(answer->body));
	mem_free(answer);
	mem_free(text);
	return e;
}

static struct error *put(struct admin *a, json_t *body, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static struct error *put(struct admin *a, json_t *body, const char *fmt, ...)
{
	struct error *e;
	va_list ap;
	char *path;

	va_start(ap, fmt);
	path = mem_vprintf(a, fmt, ap);
	va_end(ap);
	e = call(a, "PUT", path, body);
	mem_free(path);
	return e;
}

static struct error *bind_queue(struct admin *a, const char *exchange, const char *queue, const char *key)
{
	char *path = mem_printf(a, "/api/bindings/%s/e/%s/q/%s", a->vhost, exchange, queue);
	struct error *e = call(a, "POST", path, json_pack("{s:s}", "routing_key", key));

	mem_free(path);
	return e;
}

/* --- what a network needs --- */

/* Who makes a vhost has no rights in it before it gives itself some. */
static struct error *make_vhost(struct admin *a)
{
	char *path = mem_printf(a, "/api/vhosts/%s", a->vhost), *user = encode_percent(a, a->user);
	struct error *e = call(a, "GET", path, NULL);

	if (!e || e->code != ERROR_NOT_FOUND)
		return e;
	error_free(e);
	TRY(call(a, "PUT", path, json_object()));
	TRY(put(a, json_pack("{s:s,s:s,s:s}", "configure", ".*", "write", ".*", "read", ".*"), "/api/permissions/%s/%s",
		a->vhost, user));
	say(a, "vhost %s", a->plan->vhost);
	return NULL;
}

static struct error *make_exchange(struct admin *a, const char *name, const char *type)
{
	TRY(put(a, json_pack("{s:s,s:b}", "type", type, "durable", 1), "/api/exchanges/%s/%s", a->vhost, name));
	say(a, "exchange %s (%s)", name, type);
	return NULL;
}

static struct error *make_dead_queue(struct admin *a)
{
	json_t *arguments = json_pack("{s:s,s:i,s:i,s:i}", "x-queue-type", "quorum", "x-message-ttl", AMQP_DEAD_TTL_MS,
				      "x-max-length", AMQP_DEAD_LENGTH, "x-max-length-bytes", AMQP_DEAD_BYTES);

	TRY(put(a, json_pack("{s:b,s:o}", "durable", 1, "arguments", arguments), "/api/queues/%s/%s", a->vhost,
		a->dead));
	TRY(bind_queue(a, a->dead, a->dead, "#"));
	say(a, "queue %s (dead letters)", a->dead);
	return NULL;
}

static struct error *make_mailbox(struct admin *a, const char *id)
{
	char *name = amqp_name_mailbox(a, a->network, id);
	json_t *arguments =
		json_pack("{s:s,s:s,s:i,s:i,s:i,s:s}", "x-queue-type", "quorum", "x-dead-letter-exchange", a->dead,
			  "x-delivery-limit", AMQP_DELIVERY_LIMIT, "x-max-length", AMQP_MAILBOX_LENGTH,
			  "x-max-length-bytes", AMQP_MAILBOX_BYTES, "x-overflow", "reject-publish");

	TRY(put(a, json_pack("{s:b,s:o}", "durable", 1, "arguments", arguments), "/api/queues/%s/%s", a->vhost, name));
	TRY(bind_queue(a, a->exchange, name, id));
	say(a, "queue %s", name);
	mem_free(name);
	return NULL;
}

static struct error *make_plain_queue(struct admin *a, const char *name)
{
	TRY(put(a, json_pack("{s:b}", "durable", 1), "/api/queues/%s/%s", a->vhost, name));
	say(a, "queue %s (plain messages)", name);
	return NULL;
}

/* Takes definition. */
static struct error *put_policy(struct admin *a, const char *name, const char *pattern, json_t *definition)
{
	TRY(put(a,
		json_pack("{s:s,s:o,s:s,s:i}", "pattern", pattern, "definition", definition, "apply-to", "queues",
			  "priority", 1),
		"/api/policies/%s/%s", a->vhost, name));
	say(a, "policy %s", name);
	return NULL;
}

/* For mailboxes that a participant with more rights makes by itself, and for what must hold for all of them, made
 * before there was such a bound too. */
static struct error *make_policies(struct admin *a)
{
	char *pattern = mem_printf(a, "^dsn\\.%s\\.[0-9a-f]{40}$", a->pattern);
	char *dead = mem_printf(a, "^dsn\\.%s\\.dead$", a->pattern);

	TRY(put_policy(a, a->exchange, pattern,
		       json_pack("{s:s,s:i,s:I,s:I,s:i}", "dead-letter-exchange", a->dead, "delivery-limit",
				 AMQP_DELIVERY_LIMIT, "expires", (json_int_t)MAILBOX_EXPIRES_MS, "message-ttl",
				 (json_int_t)MESSAGE_TTL_MS, "max-length-bytes", AMQP_MAILBOX_BYTES)));
	TRY(put_policy(a, a->dead, dead, json_pack("{s:i}", "max-length-bytes", AMQP_DEAD_BYTES)));
	if (a->plan->plain)
		TRY(put_policy(a, mem_printf(a, "%s.plain", a->exchange), "^([0-9a-f]{40}|[0-9a-f]{128})$",
			       json_pack("{s:i,s:i,s:s}", "max-length", AMQP_MAILBOX_LENGTH, "max-length-bytes",
					 AMQP_MAILBOX_BYTES, "overflow", "reject-publish")));
	mem_free(pattern);
	mem_free(dead);
	return NULL;
}

/* --- users --- */

struct rights {
	char *configure, *write, *read;
};

static struct error *make_user(struct admin *a, const char *name, const struct rights *r)
{
	char *user = mem_printf(a, "dsn.%s.%s", a->network, name), *path = file_join(a, a->plan->folder, user);
	char *password, *hash;

	TRY(broker_password_keep(a, path, &password));
	TRY(broker_password_hash(a, password, &hash));
	TRY(put(a,
		json_pack("{s:s,s:s,s:s}", "password_hash", hash, "hashing_algorithm", "rabbit_password_hashing_sha256",
			  "tags", ""),
		"/api/users/%s", user));
	TRY(put(a, json_pack("{s:s,s:s,s:s}", "configure", r->configure, "write", r->write, "read", r->read),
		"/api/permissions/%s/%s", a->vhost, user));
	say(a, "user %s: password in %s", user, path);
	return NULL;
}

/* `word`: an id, or the public key of an enode. Both name queues, in lower case. */
static struct error *read_agent_id(struct admin *a, char *word, char **ret_id)
{
	uint8_t public[SECP_PUBLIC_BYTES];
	char id[KEYRING_ID_SIZE];

	for (char *c = word; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	if (hex_id_valid(word)) {
		*ret_id = mem_strdup(a, word);
		return NULL;
	}
	if (!hex_is(word, KEYRING_ENODE_DIGITS))
		return error_new(ERROR_INVALID, "agent %s: wants ids of %d hexadecimal digits, separated by commas",
				 log_q(word), ID_DIGITS);
	TRY(keyring_read_enode(word, public, id));
	*ret_id = mem_strdup(a, id);
	return NULL;
}

/* configure: the lock that shows that the mailbox is served, nothing else.
 * write: commands and results, status, dead letters. read: the own mailboxes. No binding (that would need read on the
 * exchange): else a node could bind its mailbox to other nodes' ids. */
static struct error *make_agent(struct admin *a, const char *ids)
{
	char *list = mem_strdup(a, ids), *any = mem_strdup(a, ""), *plain = mem_strdup(a, ""), *save, *first = NULL;
	struct rights r;

	for (char *word = strtok_r(list, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		char *id = NULL;

		TRY(read_agent_id(a, word, &id));
		TRY(make_mailbox(a, id));
		any = mem_printf(a, "%s%s%s", any, *any ? "|" : "", id);
		first = first ? first : id;
		if (!a->plan->plain)
			continue;
		TRY(make_plain_queue(a, id));
		plain = mem_printf(a, "%s|%s", plain, id);
		if (strcmp(word, id) != 0) {
			TRY(make_plain_queue(a, word));
			plain = mem_printf(a, "%s|%s", plain, word);
		}
	}
	if (!first)
		return error_new(ERROR_INVALID, "agent: no id");
	r.configure = mem_printf(a, "^dsn\\.%s\\.(%s)\\.lock$", a->pattern, any);
	r.write = mem_printf(a, "^dsn\\.%s(\\.status|\\.dead)?$", a->pattern);
	if (a->plan->plain)
		r.read = mem_printf(a, "^(dsn\\.%s\\.(%s)%s)$", a->pattern, any, plain);
	else
		r.read = mem_printf(a, "^dsn\\.%s\\.(%s)$", a->pattern, any);
	return make_user(a, first, &r);
}

/* A client's mailbox has a new id each time and goes with its connection: it must make, bind and read queues of such
 * names. So it could do that with nodes' mailboxes too; it may order those nodes anyway. */
static struct error *make_client(struct admin *a, const char *name)
{
	size_t len = strlen(name);
	struct rights r;

	for (size_t i = 0; i < len; i++) {
		if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) && name[i] != '-')
			len = 0;
	}
	if (len < 1 || len > NAME_LENGTH)
		return error_new(ERROR_INVALID, "client %s: wants 1 to %d lower-case letters, digits and hyphens",
				 log_q(name), NAME_LENGTH);
	r.configure = mem_printf(a, "^dsn\\.%s\\.(watch\\.[0-9a-f]{32}|[0-9a-f]{40})$", a->pattern);
	r.write = mem_printf(a, "^dsn\\.%s(\\.dead|\\.watch\\.[0-9a-f]{32}|\\.[0-9a-f]{40})?$", a->pattern);
	r.read = mem_printf(a, "^dsn\\.%s(\\.status|\\.watch\\.[0-9a-f]{32}|\\.[0-9a-f]{40})?$", a->pattern);
	return make_user(a, name, &r);
}

/* --- the whole --- */

static struct error *parse_url(struct admin *a, const char *url)
{
	static const char scheme[] = "http://";
	char *colon, *end;

	if (strncmp(url, scheme, strlen(scheme)) || strpbrk(url + strlen(scheme), "/@?#"))
		return error_new(ERROR_INVALID, "management URL: wants http://host[:port]");
	a->host = mem_strdup(a, url + strlen(scheme));
	a->port = DEFAULT_PORT;
	colon = strchr(a->host, ':');
	if (colon) {
		long port = strtol(colon + 1, &end, 10);

		if (!isdigit((unsigned char)colon[1]) || *end || port < 1 || port > 65535)
			return error_new(ERROR_INVALID, "management URL: the port is no number from 1 to 65535");
		a->port = (int)port;
		*colon = 0;
	}
	if (!amqp_is_loopback(a->host))
		return error_new(
			ERROR_INVALID,
			"management URL: passwords would cross the network in the clear; use a tunnel, e.g. ssh -L 15672:127.0.0.1:15672 %s",
			a->host);
	return NULL;
}

static struct error *log_in(struct admin *a)
{
	const char *user = a->plan->user ? a->plan->user : "guest", *from_environment = getenv(ADMIN_VARIABLE);
	char *password = NULL;

	if (a->plan->password_file)
		TRY(file_read_secret(a, a->plan->password_file, &password));
	else if (from_environment && *from_environment)
		password = mem_strdup(a, from_environment);
	else if (!strcmp(user, "guest"))
		password = mem_strdup(a, "guest");
	else
		return error_new(
			ERROR_INVALID,
			"no password for the administrator %s: name a file of mode 0600, or set $" ADMIN_VARIABLE,
			user);
	a->user = mem_strdup(a, user);
	a->authorization = broker_password_basic(a, user, password);
	return NULL;
}

static struct error *prepare(struct admin *a)
{
	const struct broker_admin_plan *p = a->plan;
	const char *vhost = p->vhost ? p->vhost : "/";

	a->deadline_ms = p->timeout_ms ? clock_mono_ms() + p->timeout_ms : 0;
	if ((p->agents || p->clients) && !p->folder)
		return error_new(ERROR_INVALID, "no folder for the users' passwords");
	TRY(parse_url(a, p->url ? p->url : DEFAULT_URL));
	TRY(log_in(a));
	a->vhost = encode_percent(a, vhost);
	a->network = mem_strdup(a, p->network ? p->network : "default");
	TRY(bus_check_network(a->network));
	a->pattern = a->network; /* its letters mean themselves in a regular expression */
	a->exchange = amqp_name_exchange(a, a->network);
	a->status = amqp_name_status(a, a->network);
	a->dead = amqp_name_dead(a, a->network);
	return p->folder ? file_mkdirs(p->folder, 0700) : NULL;
}

static struct error *setup(struct admin *a)
{
	TRY(prepare(a));
	TRY(make_vhost(a));
	TRY(make_exchange(a, a->exchange, "direct"));
	TRY(make_exchange(a, a->status, "topic"));
	TRY(make_exchange(a, a->dead, "fanout"));
	TRY(make_dead_queue(a));
	TRY(make_policies(a));
	for (const char *const *id = a->plan->agents; id && *id; id++)
		TRY(make_agent(a, *id));
	for (const char *const *name = a->plan->clients; name && *name; name++)
		TRY(make_client(a, *name));
	say(a,
	    "rabbitmq.conf should say max_message_size = %d: what is larger is no message, and this API cannot set it",
	    AMQP_MESSAGE_BYTES);
	return NULL;
}

struct error *broker_admin_setup(const struct broker_admin_plan *plan, broker_admin_fn *fn, void *arg)
{
	struct admin *a = mem_new(NULL, struct admin);
	struct error *e;

	a->plan = plan;
	a->fn = fn;
	a->arg = arg;
	e = setup(a);
	mem_free(a);
	return e;
}
