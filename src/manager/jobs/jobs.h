/* The service that makes streams of orders: an order is read, placed on nodes, started over the bus, and ended. What is
 * wanted of a job is on disk before a node is told, and nodes are told again after a restart until it is so. */
#ifndef DSN_MANAGER_JOBS_JOBS_H
#define DSN_MANAGER_JOBS_JOBS_H

#include "manager/service.h"

extern const struct service_ops jobs_service;

#endif
