/* What vcli whisper reads of others: a ping list, which is written and read back the same; and the message of a node's
 * subscription, as a text and as a ping. */
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/json.h"
#include "base/mem.h"
#include "vcli/whisper/whisper_list.h"
#include "vcli/whisper/whisper_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_list(const char *text, size_t size)
{
	struct whisper_list *l = NULL, *again = NULL;
	struct error *e = whisper_list_parse(NULL, "list", text, size, &l);
	char *written;

	if (e) {
		error_free(e);
		return;
	}
	written = whisper_list_text(l, l);
	e = whisper_list_parse(l, "list", written, strlen(written), &again);
	if (e || again->count != l->count || memcmp(again->items, l->items, l->count * sizeof(*l->items)) != 0)
		abort();
	mem_free(l);
}

static void read_message(const char *text, size_t size)
{
	json_t *message = NULL;
	struct whisper_note note;
	char *bytes = NULL;
	size_t len = 0;
	struct error *e = json_parse(text, size, size, &message);

	if (!e)
		e = whisper_payload(NULL, message, &bytes, &len);
	error_free(e);
	if (message)
		error_free(whisper_note_read(message, &note));
	mem_free(bytes);
	json_decref(message);
}

/* The payload as such, so that the fuzzer need not write hexadecimal. */
static void read_payload(const char *text, size_t size)
{
	char *digits = hex_encode(NULL, (const uint8_t *)text, size), *hex = mem_printf(digits, "0x%s", digits);
	char *signer = mem_printf(digits, "0x04%0*d", 128, 0);
	json_t *message = json_pack("{ss, ss}", "payload", hex, "sig", signer);
	struct whisper_note note;
	struct error *e = whisper_note_read(message, &note);

	if (!e && strlen(note.id) != WHISPER_ID_DIGITS)
		abort();
	error_free(e);
	json_decref(message);
	mem_free(digits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	mem_init();
	read_list((const char *)data, size);
	read_message((const char *)data, size);
	read_payload((const char *)data, size);
	return 0;
}
