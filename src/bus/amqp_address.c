#include "bus/amqp_address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

#define PASSWORD_VARIABLE "DSN_BROKER_PASSWORD"
#define SYSTEM_CA_FILE "/etc/ssl/certs/ca-certificates.crt"

static const struct scheme {
	const char *prefix;
	bool tls;
	int port;
} schemes[] = {
	{"amqp://", false, 5672},
	{"amqps://", true, 5671},
};

bool amqp_is_loopback(const char *host)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return !strcmp(host, "localhost") || !strcmp(host, "::1");
}

/* Percent-decoding in place; false for a broken sequence or a NUL. */
static bool decode_percent(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (*s != '%') {
			*out++ = *s;
			continue;
		}
		if (!isxdigit((unsigned char)s[1]) || !isxdigit((unsigned char)s[2]))
			return false;
		*out = (char)strtol((char[]){s[1], s[2], 0}, NULL, 16);
		if (!*out++)
			return false;
		s += 2;
	}
	*out = 0;
	return true;
}

static struct error *parse_port(const char *text, int *ret_port)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (!isdigit((unsigned char)*text) || *end || n < 1 || n > 65535)
		return error_new(ERROR_INVALID, "broker URL: the port is no number from 1 to 65535");
	*ret_port = (int)n;
	return NULL;
}

/* host, host:port, [v6], [v6]:port */
static struct error *parse_authority(struct amqp_address *a, char *text)
{
	char *port = NULL;

	if (*text == '[') {
		char *end = strchr(text, ']');

		if (!end || (end[1] && end[1] != ':'))
			return error_new(ERROR_INVALID, "broker URL: \"[\" without a matching \"]\"");
		port = end[1] ? end + 2 : NULL;
		*end = 0;
		text++;
	} else {
		char *colon = strchr(text, ':');

		if (colon) {
			*colon = 0;
			port = colon + 1;
		}
	}
	if (!*text)
		return error_new(ERROR_INVALID, "broker URL: no host");
	for (const char *p = text; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr(".-_:", *p))
			return error_new(ERROR_INVALID, "broker URL: the host has a character that no host name has");
	}
	a->host = mem_strdup(a, text);
	return port ? parse_port(port, &a->port) : NULL;
}

static struct error *parse_user(struct amqp_address *a, char *text)
{
	if (strchr(text, ':'))
		return error_new(
			ERROR_INVALID,
			"broker URL: a password does not belong into a URL; put it into a file of mode 0600 and name that, or into $" PASSWORD_VARIABLE);
	if (!*text || !decode_percent(text))
		return error_new(ERROR_INVALID, "broker URL: the user is malformed");
	a->user = mem_strdup(a, text);
	return NULL;
}

static struct error *parse_url(struct amqp_address *a, const char *url)
{
	const struct scheme *scheme = NULL;
	char *rest, *slash, *at;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (!strncmp(url, schemes[i].prefix, strlen(schemes[i].prefix)))
			scheme = &schemes[i];
	}
	if (!scheme)
		return error_new(ERROR_INVALID, "broker URL: wants amqp://... or amqps://...");
	a->tls = scheme->tls;
	a->port = scheme->port;
	rest = mem_strdup(a, url + strlen(scheme->prefix));

	if (strpbrk(rest, "?#"))
		return error_new(ERROR_INVALID, "broker URL: takes no query and no fragment");
	at = strrchr(rest, '@');
	if (at) {
		/* Before the vhost is looked at: a password may hold a slash, and must not become one. */
		*at = 0;
		TRY(parse_user(a, rest));
		rest = at + 1;
	}
	slash = strchr(rest, '/');
	a->vhost = mem_strdup(a, slash && slash[1] ? slash + 1 : "/");
	if (slash)
		*slash = 0;
	if (strcmp(a->vhost, "/") && strchr(a->vhost, '/'))
		return error_new(ERROR_INVALID, "broker URL: a slash inside the vhost is written %%2F");
	if (!decode_percent(a->vhost))
		return error_new(ERROR_INVALID, "broker URL: the vhost is malformed");
	return parse_authority(a, rest);
}

struct error *amqp_address_check(const char *url)
{
	struct amqp_address *a = mem_new(NULL, struct amqp_address);
	struct error *e = parse_url(a, url);

	mem_free(a);
	return e;
}

static struct error *find_password(struct amqp_address *a, const char *password_file)
{
	const char *from_environment = getenv(PASSWORD_VARIABLE);

	if (password_file)
		return file_read_secret(a, password_file, &a->password);
	if (from_environment && *from_environment) {
		a->password = mem_strdup(a, from_environment);
		return NULL;
	}
	if (strcmp(a->user, "guest") || !amqp_is_loopback(a->host))
		return error_new(
			ERROR_INVALID,
			"no password for broker user \"%s\" on %s: name a file of mode 0600 that holds it (--password-file), or set $" PASSWORD_VARIABLE,
			a->user, a->host);
	a->password = mem_strdup(a, "guest");
	return NULL;
}

static struct error *find_user(struct amqp_address *a)
{
	if (a->user)
		return NULL;
	if (!amqp_is_loopback(a->host))
		return error_new(
			ERROR_INVALID,
			"broker URL: no user; the broker's default account works on the loopback interface only, write amqp%s://USER@%s/...",
			a->tls ? "s" : "", a->host);
	a->user = mem_strdup(a, "guest");
	return NULL;
}

static struct error *take_tls(struct amqp_address *a, const struct bus_options *o)
{
	const char *system_ca = getenv("SSL_CERT_FILE");

	if (!a->tls) {
		if (o->ca_file || o->cert_file || o->key_file)
			return error_new(ERROR_INVALID, "broker URL: TLS files are given, but the URL is no amqps://");
		return NULL;
	}
	if (!o->cert_file != !o->key_file)
		return error_new(ERROR_INVALID, "a client certificate wants its key, and a key its certificate");
	a->ca_file = mem_strdup(a, o->ca_file ? o->ca_file : system_ca ? system_ca : SYSTEM_CA_FILE);
	if (!file_exists(a->ca_file))
		return error_new(ERROR_NOT_FOUND, "%s: no such file of trusted certificates", a->ca_file);
	if (o->cert_file) {
		a->cert_file = mem_strdup(a, o->cert_file);
		a->key_file = mem_strdup(a, o->key_file);
	}
	return NULL;
}

struct error *amqp_address_new(const void *ctx, const struct bus_options *options, struct amqp_address **ret_address)
{
	struct amqp_address *a = mem_new(ctx, struct amqp_address);
	struct error *e = parse_url(a, options->url);

	if (!e)
		e = find_user(a);
	if (!e)
		e = find_password(a, options->password_file);
	if (!e)
		e = take_tls(a, options);
	if (e) {
		mem_free(a);
		return e;
	}
	*ret_address = a;
	return NULL;
}
