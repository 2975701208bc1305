#include "rpc/admission.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "http/websocket.h"

struct admission {
	struct admission_rules rules;
	char *token; /* NULL: none is asked for */
	char *own_origin;
};

static int wipe(struct admission *a)
{
	if (a->token)
		secret_wipe(a->token, strlen(a->token));
	return 0;
}

static bool is_loopback(const char *address)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, address, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

struct error *admission_open(const void *ctx, const struct admission_rules *rules, struct admission **ret_admission)
{
	struct admission *a = mem_new(ctx, struct admission);
	const char *token = getenv("DSN_RPC_TOKEN");
	char name[256] = "localhost";
	struct error *e = NULL;

	a->rules = *rules;
	talloc_set_destructor(a, wipe);
	if (rules->token_file)
		e = file_read_secret(a, rules->token_file, &a->token);
	else if (token && *token)
		a->token = mem_strdup(a, token);
	if (!e && !a->token && !is_loopback(rules->address))
		e = error_new(
			ERROR_REFUSED,
			"--rpc-address: %s is not loopback, whoever reaches it could read keys: name a 0600 file with --token-file or set $DSN_RPC_TOKEN, and clients send \"Authorization: Bearer ...\"",
			rules->address);
	if (e) {
		mem_free(a);
		return e;
	}
	if (gethostname(name, sizeof(name) - 1) < 0)
		strcpy(name, "localhost");
	a->own_origin = mem_printf(a, "http://%s", name);
	*ret_admission = a;
	return NULL;
}

static bool in_list(char **list, const char *word)
{
	for (char **p = list; p && *p; p++)
		if (!strcmp(*p, "*") || !strcasecmp(*p, word))
			return true;
	return false;
}

static bool has_token(const struct admission *a, const struct http_request *r)
{
	static const char scheme[] = "Bearer ";
	const char *shown = http_request_header(r, "Authorization");
	size_t n;

	if (!a->token)
		return true;
	if (!shown || strncasecmp(shown, scheme, strlen(scheme)) != 0)
		return false;
	shown += strlen(scheme);
	n = strlen(a->token);
	return strlen(shown) == n && secret_equal(shown, a->token, n);
}

/* IP addresses and listed names: a page of some other name that resolves to us is kept out. */
static bool host_allowed(const struct admission *a, const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;
	char name[256];
	size_t n;

	if (!host || !*host)
		return true;
	if (*host == '[') {
		host++;
		n = strcspn(host, "]");
	} else {
		n = strcspn(host, ":");
		if (n && strchr(host + n, ':') != strrchr(host, ':'))
			n = strlen(host); /* an IPv6 address without brackets */
	}
	if (n >= sizeof(name))
		return false;
	memcpy(name, host, n);
	name[n] = '\0';
	if (inet_pton(AF_INET, name, &v4) == 1 || inet_pton(AF_INET6, name, &v6) == 1)
		return true;
	return a->rules.hosts ? in_list(a->rules.hosts, name) : !strcasecmp(name, "localhost");
}

/* Browsers always send an origin; who sends none is none. */
static bool origin_allowed(const struct admission *a, const char *origin)
{
	if (!origin)
		return true;
	if (a->rules.origins)
		return in_list(a->rules.origins, origin);
	return !strcasecmp(origin, "http://localhost") || !strcasecmp(origin, a->own_origin);
}

static bool is_json(const char *type)
{
	static const char *const accepted[] = {"application/json", "application/json-rpc", "application/jsonrequest"};
	size_t n = type ? strcspn(type, "; \t") : 0;

	for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++)
		if (n == strlen(accepted[i]) && !strncasecmp(type, accepted[i], n))
			return true;
	return false;
}

static int judge_rpc(struct http_request *r, const char **ret_text)
{
	const char *method = http_request_method(r), *length = http_request_header(r, "Content-Length");

	if (!strcmp(method, "PUT") || !strcmp(method, "DELETE")) {
		*ret_text = "method not allowed\n";
		return 405;
	}
	if (!strcmp(method, "OPTIONS"))
		return 0;
	/* Health checks of load balancers. */
	if (!strcmp(method, "GET") && (!length || !strcmp(length, "0")) && !http_request_header(r, "Transfer-Encoding"))
		return 0;
	if (!is_json(http_request_header(r, "Content-Type"))) {
		*ret_text = "invalid content type, only application/json is supported\n";
		return 415;
	}
	return 0;
}

int admission_judge(const struct admission *a, struct http_request *r, const char **ret_text)
{
	const char *path = http_request_path(r), *method = http_request_method(r);
	bool metrics = !strcmp(path, "/metrics");

	/* A browser asks with OPTIONS before it sends the token. */
	if (strcmp(method, "OPTIONS") != 0 && !has_token(a, r)) {
		http_answer_header(r, "WWW-Authenticate", "Bearer");
		*ret_text = "a token is needed: Authorization: Bearer ...\n";
		return 401;
	}
	if (!metrics && strcmp(path, "/") != 0) {
		*ret_text = "not found\n";
		return 404;
	}
	if (!metrics && websocket_wanted(r)) {
		if (origin_allowed(a, http_request_header(r, "Origin")))
			return 0;
		*ret_text = "origin not allowed\n";
		return 403;
	}
	if (!host_allowed(a, http_request_header(r, "Host"))) {
		*ret_text = "invalid host specified\n";
		return 403;
	}
	if (!metrics)
		return judge_rpc(r, ret_text);
	if (!strcmp(method, "GET"))
		return 0;
	*ret_text = "method not allowed\n";
	return 405;
}

void admission_cors(const struct admission *a, struct http_request *r)
{
	const char *origin = http_request_header(r, "Origin"),
		   *headers = http_request_header(r, "Access-Control-Request-Headers");

	if (!a->rules.cors)
		return;
	http_answer_header(r, "Vary", "Origin");
	if (!origin || !in_list(a->rules.cors, origin))
		return;
	http_answer_header(r, "Access-Control-Allow-Origin", in_list(a->rules.cors, "") ? "*" : origin);
	if (strcmp(http_request_method(r), "OPTIONS") != 0)
		return;
	http_answer_header(r, "Access-Control-Allow-Methods", "POST, GET");
	if (headers)
		http_answer_header(r, "Access-Control-Allow-Headers", headers);
	http_answer_header(r, "Access-Control-Max-Age", "600");
}
