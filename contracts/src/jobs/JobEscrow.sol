// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.36;

import {Kind} from "../Accounts.sol";
import {NotYours, ZeroAmount, ZeroHash} from "../lib/Errors.sol";
import {Role} from "../Roles.sol";
import {JobNodes} from "./JobNodes.sol";

/// @title A job's money and its end
/// @notice The budget lies in escrow from the first moment. What batches have not earned goes back to the customer when
/// the job reaches a final state, which no party can prevent.
abstract contract JobEscrow is JobNodes {
	/// @notice Latest deadline of a job, counted from its creation, in seconds.
	uint40 public constant MAX_DURATION = 366 days;

	/// @notice The caller is not registered as a customer.
	error NoCustomer(address caller);
	/// @notice A deadline is in the future, within MAX_DURATION.
	error BadDeadline(uint40 deadline);
	/// @notice Send the amount along, or nothing to have it taken from the caller's balance.
	error WrongValue(uint256 amount, uint256 sent);
	/// @notice A budget beyond any money there is (2^112 wei).
	error BudgetTooLarge(uint256 budget);
	/// @notice Batches are not settled yet; anybody may call `settle` for them.
	error BatchesOpen(uint256 jobId, uint32 open);

	/// @notice A job exists, its budget in escrow. The limits are wei for a segment.
	event JobCreated(
		uint256 indexed jobId,
		address indexed customer,
		bytes32 indexed document,
		uint112 budget,
		uint40 deadline,
		uint80 distributorLimit,
		uint80 transcoderLimit,
		uint80 storageLimit
	);
	/// @notice `amount` wei more are in escrow.
	event JobToppedUp(uint256 indexed jobId, uint112 amount);
	/// @notice Work has ended at `endsAt`; what was delivered until then may be reported.
	event JobClosing(uint256 indexed jobId, address indexed by, uint40 endsAt);
	/// @notice The job is over: Cancelled, Closed or Expired. `refund` wei went back to the customer.
	event JobFinished(uint256 indexed jobId, address indexed customer, State state, uint112 refund);

	/// @notice A registered customer creates a job and puts its budget in escrow: sent along, or else from its balance in
	/// Accounts, which it has allowed this contract to use.
	/// @param document hash of the job's document
	/// @param budget wei in escrow
	/// @param deadline when work ends at the latest, in seconds since 1970
	/// @param distributorLimit highest price for a segment that a distributor forwards
	/// @param transcoderLimit highest price for a segment that a transcoder makes
	/// @param storageLimit highest price for a segment that a storage keeps
	function create(
		bytes32 document,
		uint112 budget,
		uint40 deadline,
		uint80 distributorLimit,
		uint80 transcoderLimit,
		uint80 storageLimit
	) external payable returns (uint256 jobId) {
		if (!accounts.isRegistered(Kind.Customer, msg.sender)) revert NoCustomer(msg.sender);
		if (blacklist.isBarred(msg.sender)) revert IsBarred(msg.sender);
		if (document == 0) revert ZeroHash();
		if (deadline <= _now() || deadline - _now() > MAX_DURATION) revert BadDeadline(deadline);
		jobId = ++jobCount;
		Job storage j = jobs[jobId];
		j.customer = msg.sender;
		j.state = State.Open;
		j.deadline = deadline;
		j.endsAt = deadline;
		j.document = document;
		j.limits = [distributorLimit, transcoderLimit, storageLimit];
		j.budget = budget;
		j.free = budget;
		emit JobCreated(
			jobId, msg.sender, document, budget, deadline, distributorLimit, transcoderLimit, storageLimit
		);
		_collect(budget);
	}

	/// @notice The customer puts more in escrow, as in `create`.
	function topUp(uint256 jobId, uint112 amount) external payable {
		Job storage j = _ownJob(jobId);
		if (j.state != State.Open && j.state != State.Active) revert WrongState(jobId, j.state);
		if (_now() >= j.deadline) revert TooLate(j.deadline);
		uint256 budget = uint256(j.budget) + amount;
		if (budget > type(uint112).max) revert BudgetTooLarge(budget);
		j.budget = uint112(budget);
		j.free += amount;
		emit JobToppedUp(jobId, amount);
		_collect(amount);
	}

	/// @notice The customer takes back a job that no node was ever assigned to; the whole budget returns.
	function cancel(uint256 jobId) external {
		Job storage j = _ownJob(jobId);
		if (j.state != State.Open) revert WrongState(jobId, j.state);
		_end(jobId, j, State.Cancelled);
	}

	/// @notice The customer, or a manager, ends the work; after the deadline anybody may, which frees the nodes for others.
	/// What was delivered until then may still be reported, for `reportWindow` seconds.
	function close(uint256 jobId) external {
		Job storage j = jobs[jobId];
		if (j.state != State.Active) revert WrongState(jobId, j.state);
		if (_now() < j.deadline) {
			if (msg.sender != j.customer && !roles.holds(Role.Manager, msg.sender)) revert NotYours(msg.sender);
			j.endsAt = _now();
		}
		j.state = State.Closing;
		_release(jobId);
		emit JobClosing(jobId, msg.sender, j.endsAt);
	}

	/// @notice Anybody brings a job to its final state, once nothing more can be reported and all batches are settled. The
	/// rest of the escrow goes back to the customer.
	function finish(uint256 jobId) external {
		Job storage j = jobs[jobId];
		if (j.state == State.Open) {
			if (_now() < j.deadline) revert TooEarly(j.deadline);
			_end(jobId, j, State.Expired);
			return;
		}
		if (j.state != State.Active && j.state != State.Closing) revert WrongState(jobId, j.state);
		if (_now() < j.endsAt + reportWindow) revert TooEarly(j.endsAt + reportWindow);
		if (j.open != 0) revert BatchesOpen(jobId, j.open);
		if (j.state == State.Active) _release(jobId);
		_end(jobId, j, j.endsAt < j.deadline ? State.Closed : State.Expired);
	}

	/// @dev A job of the caller.
	function _ownJob(uint256 jobId) private view returns (Job storage j) {
		j = jobs[jobId];
		if (j.state == State.None) revert WrongState(jobId, State.None);
		if (j.customer != msg.sender) revert NotYours(msg.sender);
	}

	/// @dev The whole budget becomes part of this contract's balance in Accounts; this contract never keeps ether.
	function _collect(uint256 amount) private {
		if (amount == 0) revert ZeroAmount();
		if (msg.value == amount) accounts.deposit{value: amount}();
		else if (msg.value == 0) accounts.transferFrom(msg.sender, address(this), amount);
		else revert WrongValue(amount, msg.value);
	}

	/// @dev The last step: nothing is in escrow any longer.
	function _end(uint256 jobId, Job storage j, State state) private {
		uint112 refund = j.free;
		j.state = state;
		j.free = 0;
		emit JobFinished(jobId, j.customer, state, refund);
		if (refund != 0) accounts.transfer(j.customer, refund);
	}
}
