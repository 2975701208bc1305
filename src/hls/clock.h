/* RTMP's time stamps are 32-bit milliseconds that start over after 49.7 days; these are not. */
#ifndef DSN_HLS_CLOCK_H
#define DSN_HLS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct hls_stamp {
	bool set;
	int64_t last_ms;
};

/* The time nearest to the last one that has the same low 32 bits. */
int64_t hls_stamp_unwrap(struct hls_stamp *s, int64_t raw_ms);

#endif
