#include "manager/sessions/signing.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/hex.h"
#include "base/mem.h"
#include "chain/signin.h"
#include "chain/typed.h"

#define STATEMENT "Log in to this video network. It starts nothing and pays nothing."
#define AHEAD_MS INT64_C(300000) /* that another clock may be before ours */

char *signing_message(const void *ctx, const struct signing_terms *s, const uint8_t address[ETH_ADDRESS_BYTES])
{
	char *uri = mem_printf(ctx, "%s/", s->origin.text),
	     *nonce = challenges_make(ctx, s->challenges, address, s->mono_ms), *text;
	struct signin m = {.domain = http_origin_authority(&s->origin),
			   .statement = STATEMENT,
			   .uri = uri,
			   .chain_id = s->chain_id,
			   .nonce = nonce,
			   .issued_ms = s->wall_ms,
			   .expires_ms = s->wall_ms + CHALLENGES_LIFE_MS};

	memcpy(m.address, address, sizeof(m.address));
	text = signin_write(ctx, &m);
	mem_free(uri);
	mem_free(nonce);
	return text;
}

static struct error *check_place(const struct signing_terms *s, const struct signin *m)
{
	const char *domain = http_origin_authority(&s->origin);

	if (strcmp(m->domain, domain) != 0)
		return error_new(
			ERROR_REFUSED,
			"it is for the domain %.100s, this is %s: somebody else may have asked for the signature",
			m->domain, domain);
	if (m->scheme && strcmp(m->scheme, s->origin.tls ? "https" : "http") != 0)
		return error_new(ERROR_REFUSED, "its scheme is %.20s, this is %s", m->scheme, s->origin.text);
	if (!http_origin_has(&s->origin, m->uri))
		return error_new(ERROR_REFUSED, "its URI is not of %s", s->origin.text);
	if (m->chain_id != s->chain_id)
		return error_new(ERROR_REFUSED, "it is for chain %" PRId64 ", this network's is %" PRId64, m->chain_id,
				 s->chain_id);
	return NULL;
}

static struct error *check_time(const struct signing_terms *s, const struct signin *m)
{
	if (m->issued_ms > s->wall_ms + AHEAD_MS)
		return error_new(ERROR_REFUSED, "it was issued in the future: look at both clocks");
	if (m->expires_ms && m->expires_ms <= s->wall_ms)
		return error_new(ERROR_REFUSED, "its expiration time is over");
	if (m->not_before_ms > s->wall_ms)
		return error_new(ERROR_REFUSED, "it does not hold yet");
	return NULL;
}

static struct error *check_message(const void *ctx, const struct signing_terms *s, const char *message,
				   struct signin *ret)
{
	TRY(signin_read(ctx, message, strlen(message), ret));
	TRY(check_place(s, ret));
	TRY(check_time(s, ret));
	return challenges_check(s->challenges, ret->nonce, ret->address, s->mono_ms);
}

static struct error *check_signature(const char *message, const char *text, const uint8_t address[ETH_ADDRESS_BYTES])
{
	uint8_t signature[SECP_SIGNATURE_BYTES], digest[32], signer[ETH_ADDRESS_BYTES];
	const char *digits = strncasecmp(text, "0x", 2) == 0 ? text + 2 : text;

	if (!hex_is(digits, 2 * sizeof(signature)))
		return error_new(ERROR_INVALID, "is not 0x and %zu hexadecimal digits", 2 * sizeof(signature));
	TRY(hex_decode(digits, signature, sizeof(signature)));
	typed_message_digest(message, strlen(message), digest);
	TRY(typed_digest_signer(digest, signature, signer));
	if (memcmp(signer, address, sizeof(signer)) != 0)
		return error_new(ERROR_REFUSED, "is not that of the address in the message");
	return NULL;
}

struct error *signing_check(const void *ctx, const struct signing_terms *s, const char *message, const char *signature,
			    struct signing_proof *ret)
{
	struct signin m = {.nonce = NULL};
	struct error *e = check_message(ctx, s, message, &m);

	if (e)
		return error_wrap(e, "params.message");
	e = check_signature(message, signature, m.address);
	if (e)
		return error_wrap(e, "params.signature");
	memcpy(ret->address, m.address, sizeof(ret->address));
	ret->nonce = m.nonce;
	return NULL;
}
