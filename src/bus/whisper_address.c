#include "bus/whisper_address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "devp2p/enode.h"

#define SCHEME "shh://"
#define HOST_MAX 253 /* of a DNS name (RFC 1035) */

/* Percent-decoding in place; false for a broken sequence or a NUL. */
static bool decode_percent(char *s)
{
	char *out = s;

	for (; *s; s++) {
		int high, low;

		if (*s != '%') {
			*out++ = *s;
			continue;
		}
		high = hex_digit(s[1]);
		low = high < 0 ? -1 : hex_digit(s[2]);
		if (low < 0 || high + low == 0)
			return false;
		*out++ = (char)(high * 16 + low);
		s += 2;
	}
	*out = 0;
	return true;
}

static struct error *parse_port(const char *text, int min, const char *what, int *ret_port)
{
	size_t n = strlen(text);
	int port = 0;

	for (size_t i = 0; i < n && n <= 5; i++) {
		if (!isdigit((unsigned char)text[i]))
			n = 0;
		else
			port = port * 10 + (text[i] - '0');
	}
	if (n < 1 || n > 5 || port < min || port > 65535)
		return error_new(ERROR_INVALID, "Whisper URL: the port of %s is no number from %d to 65535", what, min);
	*ret_port = port;
	return NULL;
}

static struct error *check_host(const char *text, const char *what)
{
	size_t n = strlen(text);

	if (n < 1 || n > HOST_MAX)
		return error_new(ERROR_INVALID, "Whisper URL: %s: a host of 1 to %d characters is wanted", what,
				 HOST_MAX);
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)text[i]) && !strchr(".-_:", text[i]))
			return error_new(ERROR_INVALID, "Whisper URL: %s: it has a character that no host name has",
					 what);
	}
	return NULL;
}

/* Splits host:port, [v6]:port in place; *ret_port is NULL when there is none. */
static struct error *split(char *text, const char *what, char **ret_host, char **ret_port)
{
	char *colon;

	*ret_port = NULL;
	if (*text == '[') {
		char *end = strchr(text, ']');

		if (!end || (end[1] && end[1] != ':'))
			return error_new(ERROR_INVALID, "Whisper URL: %s: \"[\" without a matching \"]\"", what);
		*ret_port = end[1] ? end + 2 : NULL;
		*end = 0;
		*ret_host = text + 1;
		return check_host(text + 1, what);
	}
	colon = strchr(text, ':');
	if (colon) {
		*colon = 0;
		*ret_port = colon + 1;
	}
	*ret_host = text;
	return check_host(text, what);
}

/* --- a node of our own --- */

static size_t count(char *const *list)
{
	size_t n = 0;

	while (list[n])
		n++;
	return n;
}

static struct error *add_enode(struct whisper_address *a, char ***list, const char *what, const char *text)
{
	struct enode enode;
	struct error *e = enode_parse(text, &enode);
	size_t n = count(*list);

	if (e)
		return error_wrap(e, "Whisper URL: %s", what);
	if (!*enode.host || !enode.tcp)
		return error_new(ERROR_INVALID, "Whisper URL: %s: the enode has no address to dial", what);
	if (count(a->peers) + count(a->bootnodes) >= WHISPER_ENODES_MAX)
		return error_new(ERROR_INVALID, "Whisper URL: more than %d peers and bootnodes", WHISPER_ENODES_MAX);
	*list = mem_resize(a, *list, char *, n + 2);
	(*list)[n] = mem_strdup(a, text);
	(*list)[n + 1] = NULL;
	return NULL;
}

static struct error *set_peer(struct whisper_address *a, char *value)
{
	return add_enode(a, &a->peers, "peer", value);
}

static struct error *set_bootnode(struct whisper_address *a, char *value)
{
	return add_enode(a, &a->bootnodes, "bootnode", value);
}

static struct error *set_listen(struct whisper_address *a, char *value)
{
	uint8_t ip[sizeof(struct in6_addr)];
	char *host = NULL, *port = NULL;

	if (a->listen_host)
		return error_new(ERROR_INVALID, "Whisper URL: listen is given twice");
	TRY(split(value, "listen", &host, &port));
	if (inet_pton(AF_INET, host, ip) != 1 && inet_pton(AF_INET6, host, ip) != 1)
		return error_new(ERROR_INVALID,
				 "Whisper URL: listen wants an IP address of this machine, 0.0.0.0 for all");
	if (!port)
		return error_new(ERROR_INVALID, "Whisper URL: listen wants ADDRESS:PORT");
	TRY(parse_port(port, 0, "listen", &a->listen_port));
	a->listen_host = mem_strdup(a, host);
	return NULL;
}

static struct error *set_announce(struct whisper_address *a, char *value)
{
	if (a->announce)
		return error_new(ERROR_INVALID, "Whisper URL: announce is given twice");
	TRY(check_host(value, "announce"));
	a->announce = mem_strdup(a, value);
	return NULL;
}

static struct error *set_rule(struct whisper_address *a, char *value)
{
	if (!strcmp(value, "eip627"))
		a->rule = POW_EIP627;
	else if (!strcmp(value, "legacy"))
		a->rule = POW_LEGACY;
	else
		return error_new(ERROR_INVALID, "Whisper URL: rule is neither eip627 nor legacy");
	return NULL;
}

static const struct key {
	const char *name;
	struct error *(*set)(struct whisper_address *a, char *value);
} keys[] = {
	{"peer", set_peer},         {"bootnode", set_bootnode}, {"listen", set_listen},
	{"announce", set_announce}, {"rule", set_rule},
};

static struct error *parse_pair(struct whisper_address *a, char *pair)
{
	char *value = strchr(pair, '=');

	for (size_t i = 0; value && i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strlen(keys[i].name) != (size_t)(value - pair) ||
		    strncmp(keys[i].name, pair, (size_t)(value - pair)) != 0)
			continue;
		if (!decode_percent(value + 1))
			return error_new(ERROR_INVALID, "Whisper URL: %s: a broken percent sequence", keys[i].name);
		return keys[i].set(a, value + 1);
	}
	return error_new(
		ERROR_INVALID,
		"Whisper URL: after \"?\" come peer=, bootnode=, listen=, announce= and rule=, with \"&\" between them");
}

static struct error *parse_embedded(struct whisper_address *a, char *rest)
{
	a->embedded = true;
	if (*rest && *rest != '?')
		return error_new(ERROR_INVALID, "Whisper URL: no path is wanted after shh:///");
	for (char *pairs = *rest ? rest + 1 : rest, *pair; (pair = strsep(&pairs, "&"));) {
		if (*pair)
			TRY(parse_pair(a, pair));
	}
	if (!*a->peers && !*a->bootnodes && !a->listen_host)
		return error_new(
			ERROR_INVALID,
			"Whisper URL: name a peer=, a bootnode= or listen=; without any of them nobody can be reached");
	if (a->announce && !a->listen_host)
		return error_new(ERROR_INVALID, "Whisper URL: announce wants listen");
	return NULL;
}

/* --- an shhd --- */

static struct error *parse_shhd(struct whisper_address *a, char *rest)
{
	char *slash, *host = NULL, *port = NULL;

	if (strchr(rest, '@'))
		return error_new(
			ERROR_INVALID,
			"Whisper URL: no user and no token belong into a URL; put shhd's token into a file of mode 0600 and name that, or into $DSN_RPC_TOKEN");
	if (strpbrk(rest, "?#"))
		return error_new(
			ERROR_INVALID,
			"Whisper URL: an shhd's takes no query; that of a node of our own begins with shh:///?");
	slash = strchr(rest, '/');
	if (slash && slash[1])
		return error_new(ERROR_INVALID, "Whisper URL: an shhd's takes no path");
	if (slash)
		*slash = 0;
	TRY(split(rest, "shhd", &host, &port));
	a->host = mem_strdup(a, host);
	a->port = WHISPER_RPC_PORT;
	return port ? parse_port(port, 1, "shhd", &a->port) : NULL;
}

static struct error *parse(struct whisper_address *a, const char *url)
{
	char *rest;

	if (strlen(url) > WHISPER_URL_MAX)
		return error_new(ERROR_LIMIT, "Whisper URL: over %d bytes", WHISPER_URL_MAX);
	if (strncmp(url, SCHEME, strlen(SCHEME)) != 0)
		return error_new(ERROR_INVALID, "Whisper URL: wants shh:///?peer=... or shh://HOST:PORT");
	rest = mem_strdup(a, url + strlen(SCHEME));
	return *rest == '/' ? parse_embedded(a, rest + 1) : parse_shhd(a, rest);
}

struct error *whisper_address_new(const void *ctx, const char *url, struct whisper_address **ret_address)
{
	struct whisper_address *a = mem_new(ctx, struct whisper_address);
	struct error *e;

	a->peers = mem_array(a, char *, 1);
	a->bootnodes = mem_array(a, char *, 1);
	a->rule = POW_EIP627;
	e = parse(a, url);
	if (e) {
		mem_free(a);
		return e;
	}
	*ret_address = a;
	return NULL;
}

struct error *whisper_address_check(const char *url)
{
	struct whisper_address *a;

	TRY(whisper_address_new(NULL, url, &a));
	mem_free(a);
	return NULL;
}
