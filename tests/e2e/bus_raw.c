/* Plain text in and out of any queue, for the end-to-end tests of the bus.
 *
 *   bus_raw URL send QUEUE TEXT               the queue must exist
 *   bus_raw URL declare QUEUE
 *   bus_raw URL receive QUEUE COUNT TIMEOUT_MS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "bus/amqp_raw.h"

static struct error *print(const char *text, size_t len, void *arg)
{
	(void)arg;
	printf("%.*s\n", (int)len, text);
	return NULL;
}

int main(int argc, char **argv)
{
	struct bus_options options = {.url = argv[1]};
	struct amqp_raw *raw = NULL;
	struct error *e;
	int code = 0;

	mem_init();
	if (argc < 4)
		return 2;
	e = amqp_raw_open(NULL, &options, 0, &raw);
	if (!e && !strcmp(argv[2], "declare"))
		e = amqp_raw_declare(raw, argv[3]);
	else if (!e && !strcmp(argv[2], "send") && argc == 5)
		e = amqp_raw_send(raw, argv[3], argv[4], strlen(argv[4]));
	else if (!e && !strcmp(argv[2], "receive") && argc == 6)
		e = amqp_raw_receive(raw, argv[3], strtoul(argv[4], NULL, 10), atoll(argv[5]), print, NULL);
	mem_free(raw);
	if (e) {
		printf("%s %s\n", error_code_name(e->code), e->message);
		code = error_exit_code(e);
	}
	error_free(e);
	return code;
}
