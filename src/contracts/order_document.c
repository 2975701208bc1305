#include "contracts/order_document.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/keccak.h"

void order_document(const char *job, const char *manager, uint8_t ret_document[ABI_WORD])
{
	char *text = mem_printf(NULL, "dsn order %s at %s", job, manager);

	for (char *p = text + strlen(text) - strlen(manager); *p; p++)
		*p = (char)tolower((unsigned char)*p);
	keccak256(text, strlen(text), ret_document);
	mem_free(text);
}
