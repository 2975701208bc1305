#include "media/progress_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct error *media_progress_open(const char *url, int *ret_fd)
{
	int fd = -1;

	if (!url) {
		*ret_fd = -1;
		return NULL;
	}
	if (strncmp(url, "pipe:", 5) == 0 && url[5] && strspn(url + 5, "0123456789") == strlen(url + 5) &&
	    strlen(url) < 10) {
		fd = (int)strtol(url + 5, NULL, 10);
		if (fcntl(fd, F_GETFD) < 0)
			return error_sys(errno, "--progress: descriptor %d", fd);
	} else if (strncmp(url, "file:", 5) == 0 && url[5]) {
		fd = open(url + 5, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (fd < 0)
			return error_sys(errno, "--progress: %s", url + 5);
	} else {
		return error_new(ERROR_INVALID, "--progress: expected pipe:<descriptor> or file:<path>");
	}
	*ret_fd = fd;
	return NULL;
}

void media_progress_write(int fd, const char *block, size_t len)
{
	while (fd >= 0 && len > 0) {
		ssize_t n = write(fd, block, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		block += n;
		len -= (size_t)n;
	}
}
