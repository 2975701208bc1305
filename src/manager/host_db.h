/* The tables of dsnd's database: the host's own, and each service's by its migrations. Threads: as the database. */
#ifndef DSN_MANAGER_HOST_DB_H
#define DSN_MANAGER_HOST_DB_H

#include "manager/service.h"

/* Brings the tables of a service to its newest version, wholly or not at all. ERROR_REFUSED: a newer dsnd made them. */
struct error *host_db_migrate(struct db *db, const struct service_ops *ops, bool continues) MUST_CHECK;

#endif
