#include "base/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Fields after the name, as proc(5) counts them less 3. */
enum { FIELD_STATE = 0, FIELD_SESSION = 3, FIELD_START = 19, FIELDS };

struct error *process_stat_read(pid_t pid, struct process_stat *ret_stat)
{
	char path[64], text[1024];
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return error_new(ERROR_NOT_FOUND, "process %d: is gone", (int)pid);
	text[n] = '\0';
	/* The second field is the name in brackets and may hold anything, brackets too: count from the last one. */
	const char *field[FIELDS] = {0};
	size_t count = 0;
	for (const char *at = strrchr(text, ')'); at && count < FIELDS; at = strchr(at + 1, ' '))
		if (*at == ' ')
			field[count++] = at + 1;
	if (count < FIELDS)
		return error_new(ERROR_NOT_FOUND, "process %d: %s is unreadable", (int)pid, path);
	ret_stat->ended = *field[FIELD_STATE] == 'Z' || *field[FIELD_STATE] == 'X';
	ret_stat->session = (pid_t)strtol(field[FIELD_SESSION], NULL, 10);
	ret_stat->start_time = strtoull(field[FIELD_START], NULL, 10);
	return NULL;
}
