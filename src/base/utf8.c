#include "base/utf8.h"

size_t utf8_length(const char *bytes, size_t n)
{
	const uint8_t *p = (const uint8_t *)bytes;
	uint8_t low = 0x80, high = 0xbf; /* of the second byte */
	size_t len;

	if (!n)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (n < len || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool utf8_valid(const char *bytes, size_t n)
{
	while (n) {
		size_t len = utf8_length(bytes, n);

		if (!len)
			return false;
		bytes += len;
		n -= len;
	}
	return true;
}

size_t utf8_encode(uint32_t point, char *ret_bytes)
{
	uint8_t *p = (uint8_t *)ret_bytes;

	if (point < 0x80) {
		p[0] = (uint8_t)point;
		return 1;
	}
	if (point < 0x800) {
		p[0] = (uint8_t)(0xc0 | point >> 6);
		p[1] = (uint8_t)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		p[0] = (uint8_t)(0xe0 | point >> 12);
		p[1] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
		p[2] = (uint8_t)(0x80 | (point & 0x3f));
		return 3;
	}
	p[0] = (uint8_t)(0xf0 | point >> 18);
	p[1] = (uint8_t)(0x80 | (point >> 12 & 0x3f));
	p[2] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
	p[3] = (uint8_t)(0x80 | (point & 0x3f));
	return 4;
}
