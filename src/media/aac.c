#include "media/aac.h"

#include <stdbool.h>

/* Tables 1.17, 1.18 and 1.19. */
enum { TYPE_NULL = 0, TYPE_ESCAPE = 31, RATE_EXPLICIT = 15, RATES = 13, CHANNELS_RESERVED_FROM = 8 };

struct bits {
	const uint8_t *data;
	size_t left, at;
	bool over; /* more was read than there is */
};

static unsigned take(struct bits *b, unsigned count)
{
	unsigned value = 0;

	if (b->over || count > b->left) {
		b->over = true;
		return 0;
	}
	b->left -= count;
	for (; count; count--, b->at++)
		value = value << 1 | (b->data[b->at / 8] >> (7 - b->at % 8) & 1u);
	return value;
}

const char *aac_config_fault(const uint8_t *config, size_t len)
{
	struct bits b = {.data = config, .left = (len < 16 ? len : 16) * 8};
	unsigned type = take(&b, 5), rate, hz, channels;

	if (type == TYPE_ESCAPE)
		type = 32 + take(&b, 6);
	rate = take(&b, 4);
	hz = rate == RATE_EXPLICIT ? take(&b, 24) : 1;
	channels = take(&b, 4);
	if (b.over)
		return "AAC settings that are cut off";
	if (type == TYPE_NULL)
		return "AAC settings without a kind of sound";
	if ((rate >= RATES && rate != RATE_EXPLICIT) || hz == 0)
		return "AAC settings with a sampling rate that there is not";
	/* 11, 12 and 14 came with the fourth edition. */
	if (channels >= CHANNELS_RESERVED_FROM && channels != 11 && channels != 12 && channels != 14)
		return "AAC settings with channels that there are not";
	return NULL;
}
