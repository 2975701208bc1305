/* Where Whisper is: a node of our own in this process, or an shhd that runs already; the URL, checked before anything
 * is opened.
 *
 *   shh:///?peer=ENODE&bootnode=ENODE&listen=ADDR:PORT&announce=HOST&rule=eip627|legacy     a node of our own
 *   shh://HOST[:PORT]                                                                        shhd's JSON-RPC (8545)
 *
 * peer (kept connected) and bootnode (where discovery begins) can be repeated, WHISPER_ENODES_MAX together; one of
 * peer, bootnode and listen is wanted, else nobody could be reached. Without listen no port is opened for peers; port 0
 * picks a free one. announce is the host in our enode, rule that of the proof of work of what we post. Values may be
 * percent-encoded: an "&" in one must be. Bounds: WHISPER_URL_MAX bytes. A user or token in the URL is refused: URLs
 * end up in process lists. Threads: read-only once made.
 */
#ifndef DSN_BUS_WHISPER_ADDRESS_H
#define DSN_BUS_WHISPER_ADDRESS_H

#include <stdbool.h>

#include "base/error.h"
#include "whisper/envelope.h"

#define WHISPER_URL_MAX 16384
#define WHISPER_ENODES_MAX 64
#define WHISPER_RPC_PORT 8545

struct whisper_address {
	bool embedded; /* else host and port */
	char **peers;  /* NULL-terminated, never NULL */
	char **bootnodes;
	char *listen_host; /* IP address; NULL: does not listen */
	int listen_port;
	char *announce; /* or NULL */
	enum pow_rule rule;
	char *host; /* name or address, IPv6 without brackets */
	int port;
};

/* ERROR_INVALID names the part of the URL, ERROR_LIMIT: it is too long. The result belongs to ctx. */
struct error *whisper_address_new(const void *ctx, const char *url, struct whisper_address **ret_address) MUST_CHECK;
struct error *whisper_address_check(const char *url) MUST_CHECK;

#endif
