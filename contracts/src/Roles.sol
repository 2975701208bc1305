// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.36;

import {AddressSet} from "./lib/AddressSet.sol";
import {ZeroAddress} from "./lib/Errors.sol";

/// @notice Who runs the network. The owner names the others; managers assign nodes to jobs; verifiers judge what was
/// delivered and bar who cheats.
enum Role {
	Owner,
	Manager,
	Verifier
}

/// @notice The caller does not hold the role that this needs.
error MissingRole(Role role, address caller);

/// @title Who runs the network
/// @notice One owner, any number of managers and verifiers. Nobody gets a role without accepting it: it is offered by
/// one side and accepted by the other, so that a mistyped address never holds one. No role can touch anybody's balance.
contract Roles {
	using AddressSet for AddressSet.Set;

	/// @notice Nothing was offered to the caller, or the offer is void: taken back, replaced, its giver's role gone.
	error NoOffer(Role role, address caller);
	/// @notice The address holds the role already.
	error HoldsAlready(Role role, address holder);
	/// @notice The address does not hold the role and was not offered it.
	error HoldsNot(Role role, address holder);
	/// @notice There is always an owner: ownership is handed over, not granted, revoked or given up.
	error OwnershipOnlyMoves();
	/// @notice The caller took the role over lately, and hands it on from `from` (seconds since 1970) on.
	error TookOverLately(Role role, uint256 from);

	/// @notice The owner offers `to` a role.
	event RoleGranted(Role indexed role, address indexed to, address indexed by);
	/// @notice `from` offers its own role to `to`; zero takes the offer back.
	event HandOverOffered(Role indexed role, address indexed from, address indexed to);
	/// @notice `holder` has accepted the role; `from` has lost it, or is zero when it was granted.
	event RoleAccepted(Role indexed role, address indexed holder, address indexed from);
	/// @notice `holder` has lost the role, or a grant not yet accepted; by the owner's will or its own.
	event RoleRevoked(Role indexed role, address indexed holder, address indexed by);

	/// @notice Seconds for which a manager or verifier that took its role over does not hand it on. Else one that is to be
	/// revoked could pass the role from address to address, each time ahead of the owner's transaction, for ever.
	uint256 public constant HAND_OVER_REST = 1 days;

	/// @notice The one that names the others.
	address public owner;
	/// @notice Number of the present owner's reign; what an earlier one granted and nobody accepted is void.
	uint256 public reign;

	mapping(Role => AddressSet.Set) private holders; // managers and verifiers
	mapping(Role => mapping(address => uint256)) private grants; // to whom -> the reign it was granted in
	mapping(Role => mapping(address => address)) private handOvers; // from whom -> to whom
	mapping(Role => mapping(address => uint256)) private rests; // who took it over -> from when it hands it on

	/// @notice Whoever deploys it owns it.
	constructor() {
		owner = msg.sender;
		reign = 1;
		emit RoleAccepted(Role.Owner, msg.sender, address(0));
	}

	/// @notice The owner offers `to` to become a manager or verifier. It does once it calls `acceptGrant`.
	function grant(Role role, address to) external {
		_ownerOnly();
		if (role == Role.Owner) revert OwnershipOnlyMoves();
		if (to == address(0)) revert ZeroAddress();
		if (holds(role, to)) revert HoldsAlready(role, to);
		grants[role][to] = reign;
		emit RoleGranted(role, to, msg.sender);
	}

	/// @notice Accept what the owner granted.
	function acceptGrant(Role role) external {
		if (grants[role][msg.sender] != reign) revert NoOffer(role, msg.sender);
		delete grants[role][msg.sender];
		if (!holders[role].add(msg.sender)) revert HoldsAlready(role, msg.sender);
		emit RoleAccepted(role, msg.sender, address(0));
	}

	/// @notice Offer the caller's own role to `to`, in place of whom it was offered to before; zero takes the offer
	/// back. The caller keeps the role until `to` calls `acceptHandOver`. A manager or verifier that took the role over
	/// itself hands it on after `HAND_OVER_REST` seconds only.
	function offerHandOver(Role role, address to) external {
		if (!holds(role, msg.sender)) revert MissingRole(role, msg.sender);
		if (to != address(0) && holds(role, to)) revert HoldsAlready(role, to);
		if (block.timestamp < rests[role][msg.sender]) revert TookOverLately(role, rests[role][msg.sender]);
		handOvers[role][msg.sender] = to;
		emit HandOverOffered(role, msg.sender, to);
	}

	/// @notice Accept the role that `from` offered. It passes from the one to the other in this moment.
	function acceptHandOver(Role role, address from) external {
		if (handOvers[role][from] != msg.sender) revert NoOffer(role, msg.sender);
		delete handOvers[role][from];
		if (role == Role.Owner) {
			owner = msg.sender;
			reign += 1;
		} else {
			if (!holders[role].add(msg.sender)) revert HoldsAlready(role, msg.sender);
			holders[role].remove(from);
			delete grants[role][msg.sender];
			rests[role][msg.sender] = block.timestamp + HAND_OVER_REST;
		}
		emit RoleAccepted(role, msg.sender, from);
	}

	/// @notice The owner takes a role from `holder`, or a grant that it has not accepted yet; at once.
	function revoke(Role role, address holder) external {
		_ownerOnly();
		if (role == Role.Owner) revert OwnershipOnlyMoves();
		_drop(role, holder);
	}

	/// @notice The caller gives up its role, or refuses what was granted to it; at once.
	function renounce(Role role) external {
		if (role == Role.Owner) revert OwnershipOnlyMoves();
		_drop(role, msg.sender);
	}

	/// @notice Whether `who` holds the role.
	function holds(Role role, address who) public view returns (bool) {
		return role == Role.Owner ? who == owner : holders[role].contains(who);
	}

	/// @notice To whom `from` offers its role; zero: to nobody.
	function handOverTo(Role role, address from) external view returns (address) {
		return handOvers[role][from];
	}

	/// @notice Whether `to` may call `acceptGrant`.
	function isGranted(Role role, address to) external view returns (bool) {
		return grants[role][to] == reign;
	}

	/// @notice Number of managers or verifiers; of owners there is one.
	function count(Role role) external view returns (uint256) {
		return role == Role.Owner ? 1 : holders[role].length();
	}

	/// @notice Managers or verifiers, at most `limit` and 100, from place `offset` on.
	function page(Role role, uint256 offset, uint256 limit) external view returns (address[] memory) {
		return holders[role].page(offset, limit);
	}

	/// @dev Refuse everybody but the owner.
	function _ownerOnly() private view {
		if (msg.sender != owner) revert MissingRole(Role.Owner, msg.sender);
	}

	/// @dev A pending hand-over goes with the role: it must not revive when the role is granted again.
	function _drop(Role role, address holder) private {
		bool held = holders[role].remove(holder);
		if (!held && grants[role][holder] != reign) revert HoldsNot(role, holder);
		delete grants[role][holder];
		delete handOvers[role][holder];
		emit RoleRevoked(role, holder, msg.sender);
	}
}
