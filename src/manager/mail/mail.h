/* The service "mail": calls that come over the bus, as sealed commands to dsnd's address. Who calls is the message's
 * signer.
 *
 * A command's body is {"rpc": CALL}, its result carries {"rpc": ANSWER}, both as over HTTP (manager/jsonrpc2.h). A call
 * that comes twice is made once (mail_rows.h). The mailbox is served by whoever leads the service.
 */
#ifndef DSN_MANAGER_MAIL_MAIL_H
#define DSN_MANAGER_MAIL_MAIL_H

#include "manager/service.h"

extern const struct service_ops mail_service;

#endif
