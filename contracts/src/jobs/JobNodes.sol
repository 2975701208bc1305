// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.36;

import {Kind} from "../Accounts.sol";
import {AddressSet} from "../lib/AddressSet.sol";
import {NotYours} from "../lib/Errors.sol";
import {Work} from "../Nodes.sol";
import {Role} from "../Roles.sol";
import {JobStore} from "./JobStore.sol";

/// @title Which nodes work for a job
/// @notice A manager assigns nodes; their owner and price at that moment hold for the whole job.
abstract contract JobNodes is JobStore {
	using AddressSet for AddressSet.Set;

	/// @notice Most nodes that work for a job at a time.
	uint256 public constant MAX_NODES = 32;

	/// @notice The node, or its owner, is barred.
	error IsBarred(address subject);
	/// @notice The node's owner is no registered supplier (any longer).
	error OwnerNotRegistered(address owner);
	/// @notice The node asks for more than the customer or the manager agreed to.
	error PriceAboveLimit(uint80 price, uint80 limit);
	/// @notice The node works for this job already.
	error AlreadyAssigned(uint256 jobId, address node);
	/// @notice The node does not work for this job.
	error NotAssigned(uint256 jobId, address node);
	/// @notice The node worked for this job before, for another owner or at another price.
	error TermsChanged(address payee, uint80 price);
	/// @notice The node works for as many jobs as it can.
	error NodeFull(address node, uint32 capacity);
	/// @notice As many nodes as a job can have work for it.
	error TooManyNodes(uint256 jobId);

	/// @notice `node` works for the job from now on; `payee` gets `price` wei for each segment.
	event NodeAssigned(
		uint256 indexed jobId, address indexed node, address indexed payee, Work work, uint80 price, address by
	);
	/// @notice `node` works for the job no longer.
	event NodeUnassigned(uint256 indexed jobId, address indexed node, address by);

	/// @notice A manager assigns a node to a job.
	/// @param maxPrice the price, in wei for a segment, that the manager has seen: if the node's owner has raised it
	/// meanwhile this is refused, even below the customer's limit
	function assign(uint256 jobId, address node, uint80 maxPrice) external only(Role.Manager) {
		Job storage j = jobs[jobId];
		if (j.state != State.Open && j.state != State.Active) revert WrongState(jobId, j.state);
		if (_now() >= j.deadline) revert TooLate(j.deadline);
		(address owner, Work work, uint80 price, uint32 capacity) = nodes.terms(node);
		_checkTerms(j, node, owner, work, price, maxPrice);
		_writeAssignment(jobId, node, owner, work, price);
		uint32 load = loadOf[node];
		if (load >= capacity) revert NodeFull(node, capacity);
		loadOf[node] = load + 1;
		running[jobId].add(node);
		if (running[jobId].length() > MAX_NODES) revert TooManyNodes(jobId);
		if (j.state == State.Open) j.state = State.Active;
		emit NodeAssigned(jobId, node, owner, work, price, msg.sender);
	}

	/// @notice A manager, or who is paid for it, ends a node's work for a job. It may still report what it has delivered,
	/// for `reportWindow` seconds.
	function unassign(uint256 jobId, address node) external {
		Job storage j = jobs[jobId];
		if (j.state != State.Active) revert WrongState(jobId, j.state);
		Assignment storage a = assignments[jobId][node];
		if (msg.sender != a.payee && !roles.holds(Role.Manager, msg.sender)) revert NotYours(msg.sender);
		if (!running[jobId].remove(node)) revert NotAssigned(jobId, node);
		a.until = _now() < j.endsAt ? _now() : j.endsAt;
		loadOf[node] -= 1;
		emit NodeUnassigned(jobId, node, msg.sender);
	}

	/// @dev Work for the job has ended: its nodes are free for others. At most MAX_NODES turns.
	function _release(uint256 jobId) internal {
		address[] storage items = running[jobId].items;
		uint256 size = items.length;
		for (uint256 i = 0; i < size; i++) loadOf[items[i]] -= 1;
	}

	/// @dev Whether a node may be assigned, by what is known of it and its owner, and at its price.
	function _checkTerms(Job storage j, address node, address owner, Work work, uint80 price, uint80 maxPrice)
		private
		view
	{
		if (blacklist.isBarred(node)) revert IsBarred(node);
		if (blacklist.isBarred(owner)) revert IsBarred(owner);
		if (!accounts.isRegistered(Kind.Supplier, owner)) revert OwnerNotRegistered(owner);
		uint80 limit = j.limits[uint256(work)];
		if (limit > maxPrice) limit = maxPrice;
		if (price > limit) revert PriceAboveLimit(price, limit);
	}

	/// @dev A node that comes back goes on where it was: batches that are not settled depend on payee and price.
	function _writeAssignment(uint256 jobId, address node, address owner, Work work, uint80 price) private {
		Assignment storage a = assignments[jobId][node];
		if (a.payee == address(0)) {
			a.payee = owner;
			a.price = price;
			a.work = work;
			return;
		}
		if (a.until == 0) revert AlreadyAssigned(jobId, node);
		if (a.payee != owner || a.price != price || a.work != work) revert TermsChanged(a.payee, a.price);
		a.until = 0;
	}
}
