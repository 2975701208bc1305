/* Which network is spoken with, and as whom. A program fills it from its flags; texts are borrowed from there and stay
 * while anything made with it lives. */
#ifndef DSN_CLIENT_OPTIONS_H
#define DSN_CLIENT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/passphrase.h"

/* Where this user keeps things. */
struct client_state_options {
	char *folder; /* NULL: ${XDG_STATE_HOME:-~/.local/state}/dsn */
};

struct client_options {
	char *bus, *network;                                  /* as bus_options (bus/bus.h) has them, and: */
	char *password_file, *ca_file, *cert_file, *key_file; /* NULL: none */
	char *identity; /* a key's file; NULL: identity.key in the state's folder */
	struct passphrase_source passphrase;
	bool send_plain; /* without keys: nothing is signed or sealed */
	struct client_state_options state;
};

#endif
