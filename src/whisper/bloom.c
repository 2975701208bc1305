#include "whisper/bloom.h"

#include <string.h>

#define BITS 3

/* Index of bit `j` of a topic's three, 0..511: its fourth byte holds the ninth bits. */
static unsigned bit_index(const uint8_t topic[TOPIC_BYTES], unsigned j)
{
	return topic[j] + (topic[3] & (1u << j) ? 256u : 0u);
}

void bloom_of_topic(const uint8_t topic[TOPIC_BYTES], uint8_t ret_bloom[BLOOM_BYTES])
{
	memset(ret_bloom, 0, BLOOM_BYTES);
	for (unsigned j = 0; j < BITS; j++) {
		unsigned i = bit_index(topic, j);

		ret_bloom[i / 8] = (uint8_t)(1u << (i % 8)); /* assigned, as go-ethereum does */
	}
}

void bloom_add(uint8_t bloom[BLOOM_BYTES], const uint8_t topic[TOPIC_BYTES])
{
	for (unsigned j = 0; j < BITS; j++) {
		unsigned i = bit_index(topic, j);

		bloom[i / 8] |= (uint8_t)(1u << (i % 8));
	}
}

void bloom_fill(uint8_t bloom[BLOOM_BYTES])
{
	memset(bloom, 0xff, BLOOM_BYTES);
}

bool bloom_is_full(const uint8_t bloom[BLOOM_BYTES])
{
	for (unsigned i = 0; i < BLOOM_BYTES; i++) {
		if (bloom[i] != 0xff)
			return false;
	}
	return true;
}

bool bloom_contains(const uint8_t filter[BLOOM_BYTES], const uint8_t sample[BLOOM_BYTES])
{
	for (unsigned i = 0; i < BLOOM_BYTES; i++) {
		if ((filter[i] | sample[i]) != filter[i])
			return false;
	}
	return true;
}
