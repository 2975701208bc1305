/* Passwords of broker users: made at random, kept in 0600 files, given to the broker as salted hashes only. */
#ifndef DSN_BUS_BROKER_PASSWORD_H
#define DSN_BUS_BROKER_PASSWORD_H

#include "base/error.h"

/* The password in `path`; made there when the file is missing. Belongs to ctx. */
struct error *broker_password_keep(const void *ctx, const char *path, char **ret_password) MUST_CHECK;
/* RabbitMQ's password hash: base64 of a random salt of 4 bytes and the SHA-256 of salt and password. */
struct error *broker_password_hash(const void *ctx, const char *password, char **ret_hash) MUST_CHECK;
/* "Basic ..." header value. */
char *broker_password_basic(const void *ctx, const char *user, const char *password);

#endif
