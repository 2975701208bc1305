/* URLs of the bus over Whisper: what is taken can be used, what is not says why. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "bus/whisper_address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *url = mem_strndup(NULL, (const char *)data, size);
	struct whisper_address *a;
	struct error *e = whisper_address_new(NULL, url, &a);

	if (e) {
		error_free(e);
	} else {
		if (a->embedded ? !*a->peers && !*a->bootnodes && !a->listen_host : !a->host || a->port < 1)
			abort();
		mem_free(a);
	}
	mem_free(url);
	return 0;
}
