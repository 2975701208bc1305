/* Is an event, as an endpoint tells it, that of what was sent? Each of its values that follows from that must be what
 * it follows; the others (a job's number, a price below the limit) are the contract's to say. ERROR_INVALID names the
 * one that differs. Private to contracts/. Pure; threads: any. */
#ifndef DSN_CONTRACTS_ESCROW_CHECK_H
#define DSN_CONTRACTS_ESCROW_CHECK_H

#include "contracts/jobs_abi.h"

/* `account` is that which has sent. */
struct error *escrow_check_created(const uint8_t account[ETH_ADDRESS_BYTES], const struct jobs_create_call *sent,
				   const struct jobs_job_created_event *event) MUST_CHECK;
struct error *escrow_check_assigned(const uint8_t account[ETH_ADDRESS_BYTES], const struct jobs_assign_call *sent,
				    const struct jobs_node_assigned_event *event) MUST_CHECK;
struct error *escrow_check_closing(const uint8_t account[ETH_ADDRESS_BYTES], uint64_t job,
				   const struct jobs_job_closing_event *event) MUST_CHECK;
struct error *escrow_check_finished(uint64_t job, const struct jobs_job_finished_event *event) MUST_CHECK;

#endif
