/* UTF-8 (RFC 3629). Threads: any. */
#ifndef DSN_BASE_UTF8_H
#define DSN_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of the well-formed sequence that `bytes` begins with, 1..4; 0 when there is none (no overlong forms, no
 * surrogates, nothing above U+10FFFF). */
size_t utf8_length(const char *bytes, size_t n);
bool utf8_valid(const char *bytes, size_t n);
/* Writes a code point, returns its length; ret_bytes has room for 4. */
size_t utf8_encode(uint32_t point, char *ret_bytes);

#endif
