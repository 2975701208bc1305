/* nginx-rtmp's /stat document: which streams are being published. Read with expat, bounded. */
#ifndef DSN_MEDIA_STAT_H
#define DSN_MEDIA_STAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct media_stream {
	char *application, *name;
	bool publishing;
	int64_t bytes_in, bandwidth_in_bps;
	int clients;
};

struct error *media_stat_parse(const void *ctx, const char *xml, size_t len, struct media_stream **ret_streams,
			       size_t *ret_count) MUST_CHECK;

#endif
