/* Runs broker_admin_setup() for the end-to-end tests of the bus.
 *
 *   bus_setup MANAGEMENT_URL NETWORK FOLDER [agent:ID[,ID...] | client:NAME | vhost:NAME | plain]...
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "bus/broker_admin.h"

#define MOST 16

static void print(const char *line, void *arg)
{
	(void)arg;
	puts(line);
}

int main(int argc, char **argv)
{
	const char *agents[MOST + 1] = {0}, *clients[MOST + 1] = {0};
	struct broker_admin_plan plan = {.agents = agents, .clients = clients};
	size_t agent_count = 0, client_count = 0;
	struct error *e;
	int code = 0;

	mem_init();
	if (argc < 4)
		return 2;
	plan.url = argv[1];
	plan.network = argv[2];
	plan.folder = argv[3];
	for (int i = 4; i < argc; i++) {
		if (!strncmp(argv[i], "agent:", 6) && agent_count < MOST)
			agents[agent_count++] = argv[i] + 6;
		else if (!strncmp(argv[i], "client:", 7) && client_count < MOST)
			clients[client_count++] = argv[i] + 7;
		else if (!strncmp(argv[i], "vhost:", 6))
			plan.vhost = argv[i] + 6;
		else
			plan.plain = true;
	}
	e = broker_admin_setup(&plan, print, NULL);
	if (e) {
		printf("%s %s\n", error_code_name(e->code), e->message);
		code = error_exit_code(e);
	}
	error_free(e);
	return code;
}
