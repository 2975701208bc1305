// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.36;

import {NotYours, ZeroHash} from "../lib/Errors.sol";
import {Merkle} from "../lib/Merkle.sol";
import {MissingRole, Role} from "../Roles.sol";
import {JobBatches} from "./JobBatches.sol";

/// @title Disputes about a judgement
/// @notice Whoever loses by a judgement may dispute it once, by showing one segment of the batch: the customer when
/// segments were accepted, the supplier when some were not. The Merkle proof ties the segment to what was reported, so
/// that all speak of the same. The supplier, whose tree it is, can always show one; the customer only what it was given,
/// so it may also dispute for want of any: else a root over nothing, confirmed by an accomplice, would have to be paid.
/// Somebody else than the first judge resolves it.
abstract contract JobDisputes is JobBatches {
	/// @notice The proof does not show this segment at this place of the batch.
	error BadProof(bytes32 leaf, bytes32 root);
	/// @notice Whoever judged does not resolve the dispute.
	error OwnJudgement(address verifier);

	/// @notice `by` disputes the judgement of a batch, for the sake of segment `index`; `segment` zero: for want of any.
	event BatchDisputed(
		uint256 indexed jobId, address indexed node, uint32 ordinal, address indexed by, uint256 index, bytes32 segment
	);
	/// @notice The dispute is resolved: `accepted` segments of the batch are to be paid.
	event BatchResolved(
		uint256 indexed jobId,
		address indexed node,
		uint32 ordinal,
		uint16 accepted,
		bytes32 evidence,
		address indexed by
	);

	/// @notice The customer, the node or who is paid for it disputes a judgement, or a verifier's silence, within
	/// `disputeWindow` seconds.
	/// @param index place of the segment in the batch, from 0
	/// @param segment hash that stands for it; zero, by the customer: it was given no segment of this batch, and neither
	/// `index` nor `proof` says anything
	/// @param proof the hashes beside the way from the leaf to the root, as in RFC 9162
	function dispute(
		uint256 jobId,
		address node,
		uint32 ordinal,
		uint256 index,
		bytes32 segment,
		bytes32[] calldata proof
	) external {
		Batch storage b = batches[jobId][node][ordinal];
		if (b.state != BatchState.Reported && b.state != BatchState.Judged) {
			revert WrongBatchState(jobId, node, ordinal, b.state);
		}
		uint256 judged = _judgedAt(b);
		if (block.timestamp < judged) revert TooEarly(judged);
		if (block.timestamp >= judged + disputeWindow) revert TooLate(judged + disputeWindow);
		_checkStanding(b, jobId, node);
		if (segment != 0 || msg.sender != jobs[jobId].customer) {
			bytes32 leaf = Merkle.leaf(jobId, node, ordinal, index, segment);
			if (!Merkle.verify(leaf, index, b.count, proof, b.root)) revert BadProof(leaf, b.root);
		}
		b.state = BatchState.Disputed;
		b.since = _now();
		emit BatchDisputed(jobId, node, ordinal, msg.sender, index, segment);
	}

	/// @notice A verifier that did not judge the batch, or the owner of the roles, resolves a dispute within
	/// `resolveWindow` seconds; after that the judgement stands.
	/// @param accepted how many segments of the batch are paid, from none to all
	/// @param evidence hash of why
	function resolve(uint256 jobId, address node, uint32 ordinal, uint16 accepted, bytes32 evidence) external {
		if (!roles.holds(Role.Verifier, msg.sender) && !roles.holds(Role.Owner, msg.sender)) {
			revert MissingRole(Role.Verifier, msg.sender);
		}
		Batch storage b = batches[jobId][node][ordinal];
		if (b.state != BatchState.Disputed) revert WrongBatchState(jobId, node, ordinal, b.state);
		_checkImpartial(jobId, node);
		if (msg.sender == b.verifier) revert OwnJudgement(msg.sender);
		if (_now() >= b.since + resolveWindow) revert TooLate(b.since + resolveWindow);
		if (accepted > b.count) revert BadCount(accepted, b.count);
		if (evidence == 0) revert ZeroHash();
		b.accepted = accepted;
		b.state = BatchState.Resolved;
		b.since = _now();
		emit BatchResolved(jobId, node, ordinal, accepted, evidence, msg.sender);
	}

	/// @notice The hash of a leaf of a batch's tree: keccak256(0x00, jobId, node, ordinal, index, segment), each but the
	/// first as 32 bytes. Bound to its place, so that a proof serves for nothing else.
	/// @param segment hash that stands for the segment and all that was said of it
	function segmentLeaf(uint256 jobId, address node, uint32 ordinal, uint256 index, bytes32 segment)
		external
		pure
		returns (bytes32)
	{
		return Merkle.leaf(jobId, node, ordinal, index, segment);
	}

	/// @dev Who would lose if the judgement stood.
	function _checkStanding(Batch storage b, uint256 jobId, address node) private view {
		bool customerLoses = b.accepted != 0 && msg.sender == jobs[jobId].customer;
		bool supplierLoses =
			b.accepted != b.count && (msg.sender == node || msg.sender == assignments[jobId][node].payee);
		if (!customerLoses && !supplierLoses) revert NotYours(msg.sender);
	}
}
