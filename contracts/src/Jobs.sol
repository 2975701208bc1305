// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.36;

import {Accounts} from "./Accounts.sol";
import {Blacklist} from "./Blacklist.sol";
import {JobDisputes} from "./jobs/JobDisputes.sol";
import {JobEscrow} from "./jobs/JobEscrow.sol";
import {JobStore} from "./jobs/JobStore.sol";
import {Nodes} from "./Nodes.sol";
import {Roles} from "./Roles.sol";

/// @title Jobs: escrow, assignment, delivery, judgement, payment
/// @notice The life of a job. R, V, D and S are the windows `reportWindow`, `verifyWindow`, `disputeWindow` and
/// `resolveWindow`; `end` is the deadline, or when the job was closed before.
///
/// | state     | what happens | who                              | when                                 | becomes   |
/// |-----------|--------------|----------------------------------|--------------------------------------|-----------|
/// | -         | create       | registered customer, not barred  | deadline ahead, budget comes along   | Open      |
/// | Open      | cancel       | customer                         | any time                             | Cancelled |
/// | Open      | assign       | manager                          | before the deadline                  | Active    |
/// | Open      | finish       | anybody                          | from the deadline on                 | Expired   |
/// | Active    | assign       | manager                          | before the deadline                  | Active    |
/// | Active    | unassign     | manager, payee                   | any time                             | Active    |
/// | Active    | close        | customer, manager                | before the deadline                  | Closing   |
/// | Active    | close        | anybody                          | from the deadline on                 | Closing   |
/// | Active    | finish       | anybody                          | from end + R on, all batches settled | Expired   |
/// | Closing   | finish       | anybody                          | from end + R on, all batches settled | Closed; Expired when closed after the deadline |
/// | Open, Active | topUp     | customer                         | before the deadline                  | the same  |
///
/// Cancelled, Closed and Expired are final: the rest of the escrow has gone back to the customer.
///
/// The life of a batch of segments:
///
/// | state     | what happens | who                              | when                                 | becomes   |
/// |-----------|--------------|----------------------------------|--------------------------------------|-----------|
/// | -         | report       | node, payee                      | job Active or Closing, before end + R; unassigned nodes: before that + R | Reported |
/// | Reported  | confirm, reject | verifier, no party            | before reported + V                  | Judged    |
/// | Reported  | dispute      | payee, node                      | from reported + V, before + V + D    | Disputed  |
/// | Reported  | settle       | anybody (payee: from + V on)     | from reported + V + D on: none paid  | Settled   |
/// | Judged    | dispute      | who loses by it                  | before judged + D                    | Disputed  |
/// | Judged    | settle       | anybody; who alone could dispute: at once | from judged + D on          | Settled   |
/// | Disputed  | resolve      | another verifier or the owner, no party | before disputed + S           | Resolved  |
/// | Disputed  | settle       | anybody                          | from disputed + S on: the judgement stands | Settled |
/// | Resolved  | settle       | anybody                          | at once                              | Settled   |
///
/// For each batch what is possible at a time excludes the rest: windows end where the next step begins, so the order in
/// which transactions come to a block decides nothing that time has not. So whatever the parties do or leave undone,
/// anybody can bring a job to a final state R + V + D + S after its end.
///
/// Money: the escrow of all jobs (free + held) is this contract's balance in Accounts. A report moves count * price from
/// free to held, a settlement pays accepted * price of it and returns the rest to free; there is no division and nothing
/// to round. This contract calls only the contracts it was deployed with and never sends ether to anybody.
contract Jobs is JobEscrow, JobDisputes {
	/// @notice The windows are in seconds, 1 to 30 days each.
	constructor(
		Roles roles_,
		Accounts accounts_,
		Nodes nodes_,
		Blacklist blacklist_,
		uint40 reportWindow_,
		uint40 verifyWindow_,
		uint40 disputeWindow_,
		uint40 resolveWindow_
	) JobStore(roles_, accounts_, nodes_, blacklist_, reportWindow_, verifyWindow_, disputeWindow_, resolveWindow_) {}
}
