// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.36;

import {Accounts} from "../Accounts.sol";
import {Blacklist} from "../Blacklist.sol";
import {AddressSet} from "../lib/AddressSet.sol";
import {RoleGuard} from "../lib/RoleGuard.sol";
import {Nodes, Work} from "../Nodes.sol";
import {Roles} from "../Roles.sol";

/// @title What is known about jobs, and how it is read
/// @dev Base of the other files of Jobs, which write it.
abstract contract JobStore is RoleGuard {
	/// @notice States of a job; the last three are final. The table in Jobs tells how it passes from one to another.
	enum State {
		None,
		Open,
		Active,
		Closing,
		Cancelled,
		Closed,
		Expired
	}

	/// @notice States of a batch; Settled is final.
	enum BatchState {
		None,
		Reported,
		Judged,
		Disputed,
		Resolved,
		Settled
	}

	struct Job {
		address customer;
		State state;
		uint40 deadline;
		uint40 endsAt; // when work ends: the deadline, or when the job was closed before
		uint112 free; // escrow that no report has claimed
		uint112 held; // escrow of reported batches that are not settled
		uint32 open; // number of these batches
		uint112 budget; // all that was ever put in escrow
		bytes32 document;
		uint80[3] limits; // highest price for each kind of work
	}

	struct Assignment {
		address payee; // who owned the node when it was assigned; zero: never assigned
		uint80 price;
		Work work;
		uint32 batches; // reported so far; ordinal of the next one
		uint16 open; // number of those that are not settled
		uint40 until; // when it was unassigned; zero: not
	}

	struct Batch {
		bytes32 root;
		uint16 count;
		uint16 accepted;
		BatchState state;
		uint40 since; // when it came into this state
		address verifier; // who judged it
	}

	/// @notice The job's state does not allow this.
	error WrongState(uint256 jobId, State state);
	/// @notice The batch's state does not allow this.
	error WrongBatchState(uint256 jobId, address node, uint32 ordinal, BatchState state);
	/// @notice Not before this time (seconds since 1970).
	error TooEarly(uint256 from);
	/// @notice This ended at this time (seconds since 1970).
	error TooLate(uint256 since);
	/// @notice A window is 1 second to 30 days long.
	error BadWindow(uint40 window);

	/// @notice Where the money is.
	Accounts public immutable accounts;
	/// @notice Where the nodes and their terms are.
	Nodes public immutable nodes;
	/// @notice Who is not assigned.
	Blacklist public immutable blacklist;
	/// @notice Seconds to report after the end of work.
	uint40 public immutable reportWindow;
	/// @notice Seconds to judge a report.
	uint40 public immutable verifyWindow;
	/// @notice Seconds to dispute a judgement.
	uint40 public immutable disputeWindow;
	/// @notice Seconds to resolve a dispute.
	uint40 public immutable resolveWindow;

	/// @notice Number of jobs; their ids are 1 to this.
	uint256 public jobCount;
	/// @notice Jobs that a node is assigned to now.
	mapping(address => uint32) public loadOf;

	mapping(uint256 => Job) internal jobs;
	mapping(uint256 => AddressSet.Set) internal running; // nodes of a job that work, or did when it was closed
	mapping(uint256 => mapping(address => Assignment)) internal assignments;
	mapping(uint256 => mapping(address => mapping(uint32 => Batch))) internal batches;

	/// @param roles_ who manages and verifies
	/// @param accounts_ where the money is
	/// @param nodes_ where the nodes and their terms are
	/// @param blacklist_ who is not assigned
	/// @param report_ seconds after the end of a node's work in which it may still report what it delivered
	/// @param verify_ seconds after a report in which a verifier may judge it; silence is a rejection
	/// @param dispute_ seconds after a judgement in which it may be disputed
	/// @param resolve_ seconds after that in which the dispute may be resolved; silence lets the judgement stand
	constructor(
		Roles roles_,
		Accounts accounts_,
		Nodes nodes_,
		Blacklist blacklist_,
		uint40 report_,
		uint40 verify_,
		uint40 dispute_,
		uint40 resolve_
	) RoleGuard(roles_) {
		accounts = accounts_;
		nodes = nodes_;
		blacklist = blacklist_;
		reportWindow = _checked(report_);
		verifyWindow = _checked(verify_);
		disputeWindow = _checked(dispute_);
		resolveWindow = _checked(resolve_);
	}

	/// @notice The state and money of a job, in wei; all zero when there is none.
	/// @return customer whose it is
	/// @return state as it was last written; an Active job works until `endsAt`
	/// @return document hash of its document
	/// @return deadline when its work ends at the latest
	/// @return endsAt when its work ends: the deadline, or earlier when it was closed
	/// @return budget all that was put in escrow
	/// @return free escrow that no report has claimed
	/// @return held escrow of batches that are not settled
	/// @return open number of these batches
	function getJob(uint256 jobId)
		external
		view
		returns (
			address customer,
			State state,
			bytes32 document,
			uint40 deadline,
			uint40 endsAt,
			uint112 budget,
			uint112 free,
			uint112 held,
			uint32 open
		)
	{
		Job storage j = jobs[jobId];
		return (j.customer, j.state, j.document, j.deadline, j.endsAt, j.budget, j.free, j.held, j.open);
	}

	/// @notice The highest price that a job's customer pays for a segment of this kind of work, in wei.
	function limitOf(uint256 jobId, Work work) external view returns (uint80) {
		return jobs[jobId].limits[uint256(work)];
	}

	/// @notice What a node was assigned to a job for; all zero when it never was.
	/// @return payee who is paid
	/// @return price wei for each segment
	/// @return work the kind of work
	/// @return batchCount batches reported; also the ordinal of the next one
	/// @return until when it was unassigned; zero: it was not
	function getAssignment(uint256 jobId, address node)
		external
		view
		returns (address payee, uint80 price, Work work, uint32 batchCount, uint40 until)
	{
		Assignment storage a = assignments[jobId][node];
		return (a.payee, a.price, a.work, a.batches, a.until);
	}

	/// @notice What became of a batch; all zero when it was not reported.
	/// @return root Merkle root of its segments
	/// @return count number of its segments
	/// @return accepted how many of them are paid, as it stands
	/// @return state as it was last written
	/// @return since when it came into this state
	/// @return verifier who judged it; zero: nobody yet
	function getBatch(uint256 jobId, address node, uint32 ordinal)
		external
		view
		returns (bytes32 root, uint16 count, uint16 accepted, BatchState state, uint40 since, address verifier)
	{
		Batch storage b = batches[jobId][node][ordinal];
		return (b.root, b.count, b.accepted, b.state, b.since, b.verifier);
	}

	/// @notice The nodes that work for a job, or did when it was closed; at most Jobs.MAX_NODES.
	function nodesOf(uint256 jobId) external view returns (address[] memory) {
		return running[jobId].items;
	}

	/// @dev Fits until the year 36812.
	function _now() internal view returns (uint40) {
		return uint40(block.timestamp);
	}

	/// @dev A window that may be.
	function _checked(uint40 window) private pure returns (uint40) {
		if (window == 0 || window > 30 days) revert BadWindow(window);
		return window;
	}
}
