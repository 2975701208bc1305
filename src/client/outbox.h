/* Detached commands on disk: for each bus (URL and network) a folder DIR/outbox/NAME/ with bus.json (how to reach it,
 * no secrets), outbox.db, and the marker "pending" while something waits.
 *
 * Several processes may have it open: SQLite orders them, and sending a message twice has no second effect.
 */
#ifndef DSN_CLIENT_OUTBOX_H
#define DSN_CLIENT_OUTBOX_H

#include "bus/message.h"
#include "client/options.h"
#include "store/db.h"

/* outbox.db of each bus. */
extern const struct db_schema client_outbox_database;

struct client_outbox {
	char *name; /* of the folder: hex digits */
	char *folder;
	struct db *db;
};

/* The store of the bus named by the settings, made when missing. Belongs to ctx. */
struct error *client_outbox_open(const void *ctx, const struct client_options *client,
				 struct client_outbox **ret_store) MUST_CHECK;
/* The same, NULL where there is none. */
struct error *client_outbox_find(const void *ctx, const struct client_options *client,
				 struct client_outbox **ret_store) MUST_CHECK;
/* The store with this name; *ret_client becomes a copy of `client` whose bus settings are the store's. */
struct error *client_outbox_named(const void *ctx, const struct client_options *client, const char *name,
				  struct client_options *ret_client, struct client_outbox **ret_store) MUST_CHECK;
/* Names of all stores, NULL-terminated; only those with the marker with `pending`. */
struct error *client_outbox_names(const void *ctx, const struct client_options *client, bool pending,
				  char ***ret_names) MUST_CHECK;

/* Record a command before it goes into the outbox. */
struct error *client_outbox_add(struct client_outbox *s, const struct message *m, const char *what) MUST_CHECK;
/* e == NULL: sent. */
struct error *client_outbox_record_outcome(struct client_outbox *s, const char *message_id,
					   const struct error *e) MUST_CHECK;
/* What became of a message: "waiting", "sent", "failed"; ctx's. *ret_why is NULL unless failed. */
struct error *client_outbox_state(const void *ctx, struct client_outbox *s, const char *message_id, char **ret_state,
				  char **ret_why) MUST_CHECK;
/* Rows of all commands kept, oldest first: message, node, what, state, until, why. New reference. */
struct error *client_outbox_rows(struct client_outbox *s, json_t **ret_rows) MUST_CHECK;
/* Commands that wait and are still valid. */
struct error *client_outbox_waiting(struct client_outbox *s, int64_t *ret_count) MUST_CHECK;
/* Set or clear the marker. */
struct error *client_outbox_mark(struct client_outbox *s, bool pending) MUST_CHECK;

#endif
