/* The agent's database: nodes, jobs, unfinished commands, and the record of decisions.
 *
 * A command, its dedupe record and the state it asks for are one transaction. Errors: store/db.h's, ERROR_LIMIT when
 * the disk is full. Threads: loop thread.
 */
#ifndef DSN_NODE_STORE_H
#define DSN_NODE_STORE_H

#include "bus/message.h"
#include "node/rows.h"
#include "store/db.h"

/* Open <state>/agent.db with the tables of store, outbox, dedupe and keyring. ERROR_REFUSED: a file of another kind, or
 * of a newer version. */
struct error *store_open(const void *ctx, const char *path, struct db **ret_db) MUST_CHECK;

struct error *store_put_node(struct db *db, const struct node_row *row) MUST_CHECK;
struct error *store_remove_node(struct db *db, const char *id) MUST_CHECK;
/* Lists end with NULL; ctx owns list and rows. */
struct error *store_nodes(const void *ctx, struct db *db, struct node_row ***ret_rows) MUST_CHECK;

struct error *store_put_job(struct db *db, const struct job_row *row) MUST_CHECK;
struct error *store_job_wanted(struct db *db, const char *node_id, const char *job, bool running) MUST_CHECK;
struct error *store_job_source(struct db *db, const char *node_id, const char *job, int64_t epoch_ms, int64_t offset_ms,
			       const char *carried, const struct job_mending *mending) MUST_CHECK;
struct error *store_remove_job(struct db *db, const char *node_id, const char *job) MUST_CHECK;
struct error *store_jobs(const void *ctx, struct db *db, const char *node_id, struct job_row ***ret_rows) MUST_CHECK;
struct job_row *job_row_new(const void *ctx, const char *node_id, const char *job, json_t *task);

/* Which units of a node use their failover targets, so that a restarted agent finds them as it left them. */
struct error *store_put_failover(struct db *db, const char *node_id, const char *unit, bool on) MUST_CHECK;
bool store_failover(struct db *db, const char *node_id, const char *unit);

/* The highest term that a manager's commands to a node (or to the agent) have borne. Takes this one where it is higher;
 * *ret_highest is the highest now. By recipient, as each has a mailbox of its own: what an earlier leader has left in
 * one of them for a node that was away is not late because another node has heard of the next leader before. */
struct error *store_manager_term(struct db *db, const char *manager, const char *to, int64_t term,
				 int64_t *ret_highest) MUST_CHECK;

/* Commands accepted without result: taken up again after a restart, with their signers (earlier versions stored none).
 */
struct error *store_put_command(struct db *db, const struct message *m) MUST_CHECK;
struct error *store_remove_command(struct db *db, const char *id) MUST_CHECK;
struct error *store_commands(const void *ctx, struct db *db, struct message ***ret_commands) MUST_CHECK;

/* Decisions: what was done at a node and why. The newest DECISIONS_KEPT of a node are kept. */
#define DECISIONS_KEPT "50"
struct error *store_put_decision(struct db *db, const char *node_id, const char *what, const char *why) MUST_CHECK;
/* [{"time":..,"what":..,"why":..}], oldest first; empty when they cannot be read. New reference. */
json_t *store_decisions_json(struct db *db, const char *node_id);

#endif
