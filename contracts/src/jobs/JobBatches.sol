// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.36;

import {NotYours, ZeroHash} from "../lib/Errors.sol";
import {Role} from "../Roles.sol";
import {JobNodes} from "./JobNodes.sol";

/// @title What was delivered, judged and paid
/// @notice A node reports many segments at once: their number and the Merkle root over them. A verifier says how many of
/// them it accepts. When nobody can dispute that any longer, anybody settles the batch, and the node's owner is paid.
abstract contract JobBatches is JobNodes {
	/// @notice Most segments in a batch.
	uint256 public constant MAX_SEGMENTS = 4096;

	/// @notice Most batches of a node for a job that are not settled. So no node leaves others more to settle than that, even
	/// where gas costs nothing.
	uint16 public constant MAX_OPEN = 128;

	/// @notice The next batch of this node has another ordinal: this one was reported before, or one is missing.
	error OutOfOrder(uint32 expected);
	/// @notice The node has MAX_OPEN batches for this job that are not settled.
	error TooManyOpen(uint256 jobId, address node);
	/// @notice A number of segments that cannot be.
	/// @param most the largest that can
	error BadCount(uint256 count, uint256 most);
	/// @notice The job's escrow has not enough left; the customer may top it up.
	error BudgetExceeded(uint256 free, uint256 wanted);
	/// @notice Nobody judges what it is paid for, pays for or made.
	error Partisan(address caller);

	/// @notice `node` says that it has delivered `count` segments, the leaves below `root`.
	event BatchReported(
		uint256 indexed jobId, address indexed node, uint32 ordinal, uint16 count, bytes32 root, address by
	);
	/// @notice `verifier` accepts `accepted` of the batch's segments; `evidence` is the hash of why not all.
	event BatchJudged(
		uint256 indexed jobId,
		address indexed node,
		uint32 ordinal,
		uint16 accepted,
		bytes32 evidence,
		address indexed verifier
	);
	/// @notice The batch is settled: `amount` wei for `accepted` segments are credited to `payee`.
	event BatchSettled(
		uint256 indexed jobId,
		address indexed node,
		uint32 ordinal,
		uint16 accepted,
		address indexed payee,
		uint256 amount
	);

	/// @notice A node, or who is paid for it, reports delivered segments. Their price is held back from the escrow.
	/// @param ordinal number of this node's batches for this job so far: the same report sent twice is refused
	/// @param count number of segments
	/// @param root of the tree over `segmentLeaf` of each segment, as in RFC 9162 with Keccak-256
	function report(uint256 jobId, address node, uint32 ordinal, uint16 count, bytes32 root) external {
		Job storage j = jobs[jobId];
		Assignment storage a = assignments[jobId][node];
		if (j.state != State.Active && j.state != State.Closing) revert WrongState(jobId, j.state);
		if (a.payee == address(0)) revert NotAssigned(jobId, node);
		if (msg.sender != node && msg.sender != a.payee) revert NotYours(msg.sender);
		uint40 end = a.until != 0 ? a.until : j.endsAt;
		if (_now() >= end + reportWindow) revert TooLate(end + reportWindow);
		if (ordinal != a.batches) revert OutOfOrder(a.batches);
		if (count == 0 || count > MAX_SEGMENTS) revert BadCount(count, MAX_SEGMENTS);
		if (root == 0) revert ZeroHash();
		if (a.open == MAX_OPEN) revert TooManyOpen(jobId, node);
		uint256 claim = uint256(a.price) * count;
		if (claim > j.free) revert BudgetExceeded(j.free, claim);
		j.free -= uint112(claim);
		j.held += uint112(claim);
		j.open += 1;
		a.batches = ordinal + 1;
		a.open += 1;
		Batch storage b = batches[jobId][node][ordinal];
		b.root = root;
		b.count = count;
		b.state = BatchState.Reported;
		b.since = _now();
		emit BatchReported(jobId, node, ordinal, count, root, msg.sender);
	}

	/// @notice A verifier accepts segments of a batch.
	/// @param accepted how many, at least one; the price of the others returns to the escrow
	/// @param evidence hash of what is wrong with the others; zero when there are none
	function confirm(uint256 jobId, address node, uint32 ordinal, uint16 accepted, bytes32 evidence)
		external
		only(Role.Verifier)
	{
		uint16 count = batches[jobId][node][ordinal].count;
		if (accepted == 0 || accepted > count) revert BadCount(accepted, count);
		_judge(jobId, node, ordinal, accepted, evidence);
	}

	/// @notice A verifier rejects a whole batch.
	/// @param evidence hash of what is wrong with it
	function reject(uint256 jobId, address node, uint32 ordinal, bytes32 evidence) external only(Role.Verifier) {
		_judge(jobId, node, ordinal, 0, evidence);
	}

	/// @notice Anybody settles a batch whose judgement nobody can dispute any longer: the accepted segments are paid, the
	/// price of the others returns to the job's escrow. Earlier it can be settled by the only one who could dispute it:
	/// the customer when all segments are accepted, who is paid for it when none is.
	function settle(uint256 jobId, address node, uint32 ordinal) external {
		Batch storage b = batches[jobId][node][ordinal];
		Assignment storage a = assignments[jobId][node];
		Job storage j = jobs[jobId];
		uint256 from = settleableFrom(jobId, node, ordinal);
		if (_now() < from && !_waives(b, a.payee, j.customer)) revert TooEarly(from);
		uint256 amount = uint256(a.price) * b.accepted;
		uint256 claim = uint256(a.price) * b.count;
		j.held -= uint112(claim);
		j.free += uint112(claim - amount);
		j.open -= 1;
		a.open -= 1;
		b.state = BatchState.Settled;
		b.since = _now();
		emit BatchSettled(jobId, node, ordinal, b.accepted, a.payee, amount);
		if (amount != 0) accounts.transfer(a.payee, amount);
	}

	/// @notice When anybody may settle a batch, in seconds since 1970, if nothing happens to it before.
	function settleableFrom(uint256 jobId, address node, uint32 ordinal) public view returns (uint256) {
		Batch storage b = batches[jobId][node][ordinal];
		if (b.state == BatchState.Reported) return uint256(b.since) + verifyWindow + disputeWindow;
		if (b.state == BatchState.Judged) return uint256(b.since) + disputeWindow;
		if (b.state == BatchState.Disputed) return uint256(b.since) + resolveWindow;
		if (b.state == BatchState.Resolved) return b.since;
		revert WrongBatchState(jobId, node, ordinal, b.state);
	}

	/// @dev From when the judgement, or the silence that stands for one, counts.
	function _judgedAt(Batch storage b) internal view returns (uint256) {
		return b.state == BatchState.Reported ? uint256(b.since) + verifyWindow : b.since;
	}

	/// @dev Whoever judges is no party to it.
	function _checkImpartial(uint256 jobId, address node) internal view {
		if (msg.sender == jobs[jobId].customer || msg.sender == node || msg.sender == assignments[jobId][node].payee) {
			revert Partisan(msg.sender);
		}
	}

	/// @dev Write a judgement.
	function _judge(uint256 jobId, address node, uint32 ordinal, uint16 accepted, bytes32 evidence) private {
		Batch storage b = batches[jobId][node][ordinal];
		if (b.state != BatchState.Reported) revert WrongBatchState(jobId, node, ordinal, b.state);
		_checkImpartial(jobId, node);
		if (_now() >= _judgedAt(b)) revert TooLate(_judgedAt(b));
		if (accepted != b.count && evidence == 0) revert ZeroHash();
		b.accepted = accepted;
		b.state = BatchState.Judged;
		b.since = _now();
		b.verifier = msg.sender;
		emit BatchJudged(jobId, node, ordinal, accepted, evidence, msg.sender);
	}

	/// @dev Whether the caller alone could dispute and so may do without.
	function _waives(Batch storage b, address payee, address customer) private view returns (bool) {
		if (b.state != BatchState.Judged && b.state != BatchState.Reported) return false;
		if (_now() < _judgedAt(b)) return false;
		return (b.accepted == b.count && msg.sender == customer) || (b.accepted == 0 && msg.sender == payee);
	}
}
