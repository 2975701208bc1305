/* Decoding a message from the network: no crash, no leak, and what is accepted survives encoding and decoding again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bus/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool same)
{
	if (!same)
		abort();
}

static void round_trip(const struct message *m)
{
	char *text = message_encode(NULL, m);
	struct message *back = NULL;
	struct error *e = message_decode(NULL, text, strlen(text), m->plain, "salt", &back);

	if (e) {
		/* Compact text can only be longer where the input was near the limit (escapes). */
		check(e->code == ERROR_LIMIT);
		error_free(e);
		mem_free(text);
		return;
	}
	check(back->kind == m->kind && back->plain == m->plain);
	check(!strcmp(back->from, m->from) && !strcmp(back->to, m->to));
	check(m->plain || (!strcmp(back->id, m->id) && back->time_ms == m->time_ms && back->ttl_ms == m->ttl_ms));
	check(!back->re == !m->re && (!m->re || !strcmp(back->re, m->re)));
	check(back->term == m->term);
	check(json_equal(back->body, m->body));
	mem_free(back);
	mem_free(text);
}

static void read_result(const struct message *m)
{
	struct error *failure = NULL;
	json_t *data = NULL;
	struct error *e = message_read_result(m, &failure, &data);

	/* What decoding let pass as a result must be readable as one. */
	check((m->kind == MESSAGE_RESULT) == !e);
	error_free(e);
	error_free(failure);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int plain = 0; plain < 2; plain++) {
		struct message *m = NULL;
		struct error *e = message_decode(NULL, (const char *)data, size, plain, "salt", &m);

		if (!e) {
			round_trip(m);
			read_result(m);
		}
		error_free(e);
		mem_free(m);
	}
	return 0;
}
