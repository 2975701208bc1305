#include "node/mode/classic_allow.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_publisher(const char *text)
{
	char address[INET_ADDRSTRLEN] = "";
	size_t len = strcspn(text, "/"), digits = strspn(text + len + (text[len] == '/'), "0123456789");
	struct in_addr found;

	if (strcmp(text, "all") == 0)
		return true;
	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	if (inet_pton(AF_INET, address, &found) != 1)
		return false;
	return !text[len] ||
	       (digits > 0 && digits < 3 && !text[len + 1 + digits] && strtol(text + len + 1, NULL, 10) <= 32);
}

struct error *classic_allow_check(char *const *list)
{
	for (; list && *list; list++) {
		if (!is_publisher(*list))
			return error_new(
				ERROR_INVALID,
				"--classic-allow: \"%.80s\" is no IPv4 address, network such as 192.0.2.0/24, nor all",
				*list);
	}
	return NULL;
}

bool classic_allow_all(char *const *list)
{
	for (; list && *list; list++) {
		if (strcmp(*list, "all") == 0)
			return true;
	}
	return false;
}

static bool allows_others(char *const *list)
{
	for (; list && *list; list++) {
		if (strncmp(*list, "127.", 4) != 0)
			return true;
	}
	return false;
}

struct error *classic_allow_check_container(char *const *list)
{
	if (classic_allow_all(list) || !allows_others(list))
		return NULL;
	return error_new(
		ERROR_INVALID,
		"--classic-allow: a classic node in Docker takes publishers of this machine alone, or with \"--classic-allow all\" whoever reaches its port (a firewall's matter then); addresses are asked for where the node's runtime is process");
}
