/* What a filter or subscription asks for, and messages as JSON, in go-ethereum's terms (v1.9.20
 * whisper/whisperv6/api.go). Threads: loop thread. */
#ifndef DSN_SHHD_CRITERIA_H
#define DSN_SHHD_CRITERIA_H

#include "rpc/jsonrpc.h"
#include "shhd/shhd.h"

extern const struct jsonrpc_object criteria_object; /* whisperv6.Criteria */

/* Reads members of criteria_object. `subscribing`: with the stricter checks of shh_subscribe. What the options point to
 * lives as long as the call and the keys. */
struct error *criteria_read(struct shhd *d, const struct jsonrpc_value *members, bool subscribing,
			    uint8_t ret_from[SECP_PUBLIC_BYTES], struct filter_options *ret_options) MUST_CHECK;

/* A symmetric key by id: "non-existent key ID", or "invalid symmetric key" when it is all zero. */
struct error *criteria_sym_key(const struct shhd *d, const char *id, const uint8_t **ret_key) MUST_CHECK;
/* 65 bytes, 04 first, a point of the curve. */
bool criteria_public_key(const struct jsonrpc_value *v, uint8_t ret_public[SECP_PUBLIC_BYTES]);

void criteria_message_write(struct json_writer *w, const struct whisper_message *m);

#endif
