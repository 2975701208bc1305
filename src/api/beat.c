#include "api/beat.h"

#define UNKNOWN API_BEAT_UNKNOWN

const struct api_beat api_beat_unknown = {
	.owner = (char[]){""},
	.version = (char[]){""},
	.region = (char[]){""},
	.blocks_per_s = UNKNOWN,
	.bps = UNKNOWN,
	.realtime_pm = {UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN},
	.policy = {.ceiling_pm = API_BEAT_CEILING_PM, .most_jobs = UNKNOWN, .price = UNKNOWN},
};
