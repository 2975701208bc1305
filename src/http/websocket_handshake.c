#include "http/websocket_handshake.h"

#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>

#define KEY_BYTES 16
#define SHA1_BYTES 20

struct error *websocket_key(char ret_key[WEBSOCKET_KEY_TEXT + 1])
{
	uint8_t bytes[KEY_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return error_new(ERROR_IO, "no random bytes");
	EVP_EncodeBlock((unsigned char *)ret_key, bytes, sizeof(bytes));
	return NULL;
}

struct error *websocket_accept_key(const char *key, char ret_accept[WEBSOCKET_ACCEPT_TEXT + 1])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 section 1.3 */
	unsigned char digest[SHA1_BYTES], decoded[WEBSOCKET_KEY_TEXT / 4 * 3];
	char text[WEBSOCKET_KEY_TEXT + sizeof(guid)];

	/* 16 bytes leave two '=' at the end, which EVP_DecodeBlock() counts as zero bytes. */
	if (strlen(key) != WEBSOCKET_KEY_TEXT || strcmp(key + WEBSOCKET_KEY_TEXT - 2, "==") != 0 ||
	    EVP_DecodeBlock(decoded, (const unsigned char *)key, WEBSOCKET_KEY_TEXT) != sizeof(decoded))
		return error_new(ERROR_INVALID, "Sec-WebSocket-Key is not 16 bytes in base64");
	memcpy(text, key, WEBSOCKET_KEY_TEXT);
	memcpy(text + WEBSOCKET_KEY_TEXT, guid, sizeof(guid));
	if (!EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL))
		return error_new(ERROR_FAILED, "SHA-1 is not available");
	EVP_EncodeBlock((unsigned char *)ret_accept, digest, sizeof(digest));
	return NULL;
}
