/* The keys of the WebSocket handshake (RFC 6455 section 4). Private to http/. Threads: any. */
#ifndef DSN_HTTP_WEBSOCKET_HANDSHAKE_H
#define DSN_HTTP_WEBSOCKET_HANDSHAKE_H

#include "base/error.h"

#define WEBSOCKET_KEY_TEXT 24    /* base64 of 16 bytes */
#define WEBSOCKET_ACCEPT_TEXT 28 /* base64 of a SHA-1 */

/* A random key. */
struct error *websocket_key(char ret_key[WEBSOCKET_KEY_TEXT + 1]) MUST_CHECK;
/* What the server answers to a key. ERROR_INVALID: the key is not 16 bytes in base64. */
struct error *websocket_accept_key(const char *key, char ret_accept[WEBSOCKET_ACCEPT_TEXT + 1]) MUST_CHECK;

#endif
