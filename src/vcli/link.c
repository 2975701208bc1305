#include "vcli/link.h"

#include "base/hex.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "vcli/identity.h"

#define PATIENCE_MS 10000

struct bus_options link_options(const struct vcli_settings *set)
{
	return (struct bus_options){
		.url = set->bus,
		.network = set->network,
		.password_file = set->password_file,
		.ca_file = set->ca_file,
		.cert_file = set->cert_file,
		.key_file = set->key_file,
	};
}

static char *ephemeral_address(const void *ctx, struct keyring *k)
{
	struct secp_key key;
	char *id;

	if (!k)
		return hex_random(ctx, ID_DIGITS / 2);
	secp_key_new(&key);
	id = mem_strdup(ctx, keyring_add(k, &key));
	secret_wipe(&key, sizeof(key));
	return id;
}

struct error *link_open(const void *ctx, struct vcli *v, const struct vcli_settings *set,
			const struct bus_handlers *handlers, struct link *ret_link)
{
	struct bus_options options = link_options(set);
	struct link link = {0};
	const char *id;

	if (!set->send_plain)
		TRY(identity_keyring(ctx, set, &options.keyring, &id));
	link.self = ephemeral_address(ctx, options.keyring);
	TRY(bus_open(ctx, &v->loop, &options, handlers, &link.bus));
	TRY(bus_serve(link.bus, link.self, false));
	*ret_link = link;
	return NULL;
}

int64_t link_patience_ms(const struct vcli *v)
{
	if (v->set.timeout_ms > 0)
		return v->set.timeout_ms;
	return v->timeout_ms > 0 && v->timeout_ms < PATIENCE_MS ? v->timeout_ms : PATIENCE_MS;
}

struct error *link_away(const struct vcli *v, const struct error *why)
{
	if (why && (why->code == ERROR_REFUSED || why->code == ERROR_INVALID))
		return error_new(why->code, "%s: %s", v->set.bus, why->message);
	if (!why) {
		int64_t patience_ms = link_patience_ms(v);
		bool less = v->timeout_ms > 0 && v->timeout_ms < patience_ms; /* of a command of several steps */

		return error_new(
			ERROR_UNAVAILABLE,
			"the broker at %s cannot be reached (--bus, $DSN_BUS): it has not let us in within %lld ms",
			v->set.bus, (long long)(less ? v->timeout_ms : patience_ms));
	}
	return error_new(ERROR_UNAVAILABLE, "the broker at %s cannot be reached (--bus, $DSN_BUS): %s", v->set.bus,
			 why->message);
}
