/* Bloom filters over topics: 512 bits, three of them for each topic (EIP-627). Threads: any.
 *
 * go-ethereum assigns the bytes instead of OR-ing them, so that for about 4 % of topics a bit is lost. What we
 * advertise uses OR, what we compute for an envelope follows go-ethereum; since its bits are a part of the true ones,
 * nothing is withheld or refused wrongly. */
#ifndef DSN_WHISPER_BLOOM_H
#define DSN_WHISPER_BLOOM_H

#include <stdbool.h>
#include <stdint.h>

#include "whisper/envelope.h"

/* go-ethereum's bits of a topic. */
void bloom_of_topic(const uint8_t topic[TOPIC_BYTES], uint8_t ret_bloom[BLOOM_BYTES]);
/* Add a topic's bits, all of them. */
void bloom_add(uint8_t bloom[BLOOM_BYTES], const uint8_t topic[TOPIC_BYTES]);
void bloom_fill(uint8_t bloom[BLOOM_BYTES]); /* matches everything */
bool bloom_is_full(const uint8_t bloom[BLOOM_BYTES]);
bool bloom_contains(const uint8_t filter[BLOOM_BYTES], const uint8_t sample[BLOOM_BYTES]);

#endif
