/* The plain text inside the encryption, for payload.c, its tests and its fuzz target. Threads: any. */
#ifndef DSN_WHISPER_PAYLOAD_PLAIN_H
#define DSN_WHISPER_PAYLOAD_PLAIN_H

#include "whisper/payload.h"

/* Flags, size, payload, padding, signature; belongs to ctx. Keys to seal with are not looked at. */
struct error *payload_plain_write(const void *ctx, const struct payload_to *to, const uint8_t *payload, size_t n,
				  uint8_t **ret_plain, size_t *ret_bytes) MUST_CHECK;
/* ret_payload points into `plain`, which becomes its `bytes`. Only ERROR_INVALID. */
struct error *payload_plain_read(uint8_t *plain, size_t n, struct payload *ret_payload) MUST_CHECK;

#endif
