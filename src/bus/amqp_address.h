/* Where and as whom to reach a broker: a URL and what belongs to it, checked before anything is opened.
 *
 * amqp[s]://[user@]host[:port][/vhost]; the vhost is percent-encoded, none means "/". A URL with a password is refused:
 * URLs end up in process lists, logs and histories. Threads: read-only once made.
 */
#ifndef DSN_BUS_AMQP_ADDRESS_H
#define DSN_BUS_AMQP_ADDRESS_H

#include <stdbool.h>

#include "bus/bus.h"

struct amqp_address {
	bool tls;
	char *host;
	int port;
	char *vhost;
	char *user;
	char *password; /* never logged */
	char *ca_file;  /* set when tls */
	char *cert_file;
	char *key_file;
	int64_t limit_ms; /* longest wait for a step of the connection; 0: as long as brokers may take */
};

/* ERROR_INVALID names the part of the URL; a missing password names the ways to give one. The result belongs to ctx. */
struct error *amqp_address_new(const void *ctx, const struct bus_options *options,
			       struct amqp_address **ret_address) MUST_CHECK;

/* The URL alone, as far as it can be checked without its user's password. */
struct error *amqp_address_check(const char *url) MUST_CHECK;

/* "localhost" or a literal address of the loopback interface. */
bool amqp_is_loopback(const char *host);

#endif
