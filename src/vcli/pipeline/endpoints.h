/* Where a pipeline document says that its nodes are, beside where the nodes themselves say that they are.
 *
 * A public document that names no port ("port", "http_port", and "failover_port" where there is a "failover_node_id")
 * gets the node's; one that names another than the node's cannot work and is refused. The streams of a private document
 * must go to ports that its nodes have. Threads: loop thread.
 */
#ifndef DSN_VCLI_PIPELINE_ENDPOINTS_H
#define DSN_VCLI_PIPELINE_ENDPOINTS_H

#include "vcli/vcli.h"

/* Asks the nodes and fills in the document. A node that does not answer is taken at the document's word, or as it was
 * known here last; ERROR_... of its answer when there is neither. ERROR_INVALID: ports differ; each is named with its
 * place, the document's and the node's. With --force that is a note only, and the document's word counts. A t45 list
 * is not looked at. */
struct error *endpoints_settle(struct vcli *v, json_t *document) MUST_CHECK;
/* Fills in what is known here, and asks nobody. */
struct error *endpoints_from_known(struct vcli *v, json_t *document) MUST_CHECK;

#endif
