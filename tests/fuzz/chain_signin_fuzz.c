/* A sign-in message that a stranger wrote: what is read is written and read again as the same. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "chain/signin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *ctx = mem_strdup(NULL, "");
	struct signin s, again;
	struct error *e = signin_read(ctx, (const char *)data, size, &s);
	char *text;

	if (!e && s.issued_ms > 0) {
		text = signin_write(ctx, &s);
		if (strlen(text) <= SIGNIN_BYTES) {
			e = signin_read(ctx, text, strlen(text), &again);
			if (e || strcmp(again.nonce, s.nonce) != 0 || again.issued_ms != s.issued_ms ||
			    again.expires_ms != s.expires_ms ||
			    memcmp(again.address, s.address, sizeof(s.address)) != 0)
				abort();
		}
	}
	error_free(e);
	mem_free(ctx);
	return 0;
}
