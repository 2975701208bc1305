#include "client/link.h"

#include "base/hex.h"
#include "base/mem.h"
#include "client/identity.h"
#include "crypto/secret.h"

struct bus_options client_link_options(const struct client_options *client)
{
	return (struct bus_options){
		.url = client->bus,
		.network = client->network,
		.password_file = client->password_file,
		.ca_file = client->ca_file,
		.cert_file = client->cert_file,
		.key_file = client->key_file,
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

struct error *client_link_open(const void *ctx, uv_loop_t *loop, const struct client_options *client,
			       const struct bus_handlers *handlers, struct client_link *ret_link)
{
	struct bus_options options = client_link_options(client);
	struct client_link link = {0};
	const char *id;

	if (!client->send_plain)
		TRY(client_identity_keyring(ctx, client, &options.keyring, &id));
	link.self = ephemeral_address(ctx, options.keyring);
	TRY(bus_open(ctx, loop, &options, handlers, &link.bus));
	TRY(bus_serve(link.bus, link.self, false));
	*ret_link = link;
	return NULL;
}

struct error *client_link_away(const struct client_options *client, int64_t within_ms, const struct error *why)
{
	if (why && (why->code == ERROR_REFUSED || why->code == ERROR_INVALID))
		return error_new(why->code, "%s: %s", client->bus, why->message);
	if (!why)
		return error_new(
			ERROR_UNAVAILABLE,
			"the broker at %s cannot be reached (--bus, $DSN_BUS): it has not let us in within %lld ms",
			client->bus, (long long)within_ms);
	return error_new(ERROR_UNAVAILABLE, "the broker at %s cannot be reached (--bus, $DSN_BUS): %s", client->bus,
			 why->message);
}
