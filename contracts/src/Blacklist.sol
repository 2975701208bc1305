// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.36;

import {NotYours, TextTooLong, ZeroAddress, ZeroHash} from "./lib/Errors.sol";
import {RoleGuard} from "./lib/RoleGuard.sol";
import {Nodes} from "./Nodes.sol";
import {Role, Roles} from "./Roles.sol";

/// @title Who is barred
/// @notice A verifier bars a node or an account, with a reason and the hash of its evidence, until a time. Whoever is
/// barred may appeal once; another verifier, or the owner, decides. Barred nodes, and nodes of barred owners, are not
/// assigned; barred customers create no jobs. What was earned before is paid.
contract Blacklist is RoleGuard {
	/// @notice Longest reason, in bytes.
	uint256 public constant MAX_REASON = 256;

	/// @notice How far an appeal has come.
	enum Appeal {
		None,
		Filed,
		Refused
	}

	struct Bar {
		address verifier;
		uint64 until; // seconds since 1970
		Appeal appeal;
		bytes32 evidence;
		string reason;
	}

	/// @notice A bar ends in the future.
	error EndsInThePast(uint64 until);
	/// @notice The subject is barred already; lift that first.
	error AlreadyBarred(address subject, uint64 until);
	/// @notice The subject is not barred, or no longer.
	error NotBarred(address subject);
	/// @notice There is one appeal for each bar.
	error AppealedAlready(address subject);
	/// @notice There is no appeal to decide.
	error NoAppeal(address subject);
	/// @notice Neither whoever barred nor whoever may appeal decides the appeal.
	error OwnCase(address verifier);

	/// @notice `subject`, a node or an account, is barred until `until`.
	event Barred(address indexed subject, address indexed verifier, uint64 until, bytes32 evidence, string reason);
	/// @notice `subject` says that it should not be; `statement` is the hash of why.
	event Appealed(address indexed subject, address indexed by, bytes32 statement);
	/// @notice The appeal is decided. Not lifted: the bar stands until its end.
	event AppealDecided(address indexed subject, address indexed by, bool lifted);
	/// @notice The bar is gone before its end.
	event Lifted(address indexed subject, address indexed by);

	/// @notice Whose the nodes are.
	Nodes public immutable nodes;

	mapping(address => Bar) private bars;

	/// @param roles_ who bars, and who decides appeals
	/// @param nodes_ whose the nodes are
	constructor(Roles roles_, Nodes nodes_) RoleGuard(roles_) {
		nodes = nodes_;
	}

	/// @notice A verifier bars `subject`.
	/// @param subject a node or an account
	/// @param until when it ends, in seconds since 1970; the largest number stands for ever
	/// @param evidence hash of what proves it
	/// @param reason for a person to read
	function bar(address subject, uint64 until, bytes32 evidence, string calldata reason)
		external
		only(Role.Verifier)
	{
		if (subject == address(0)) revert ZeroAddress();
		if (until <= block.timestamp) revert EndsInThePast(until);
		if (evidence == 0) revert ZeroHash();
		if (bytes(reason).length > MAX_REASON) revert TextTooLong(bytes(reason).length, MAX_REASON);
		if (isBarred(subject)) revert AlreadyBarred(subject, bars[subject].until);
		bars[subject] = Bar(msg.sender, until, Appeal.None, evidence, reason);
		emit Barred(subject, msg.sender, until, evidence, reason);
	}

	/// @notice Whoever barred, while it is a verifier, or the owner of the roles lifts a bar before its end.
	function lift(address subject) external {
		Bar storage b = _barred(subject);
		if (!roles.holds(Role.Owner, msg.sender)) {
			if (b.verifier != msg.sender || !roles.holds(Role.Verifier, msg.sender)) revert NotYours(msg.sender);
		}
		delete bars[subject];
		emit Lifted(subject, msg.sender);
	}

	/// @notice The subject itself, or the owner of the node that it is, appeals.
	/// @param statement hash of what it has to say
	function appeal(address subject, bytes32 statement) external {
		Bar storage b = _barred(subject);
		if (!_speaksFor(subject)) revert NotYours(msg.sender);
		if (statement == 0) revert ZeroHash();
		if (b.appeal != Appeal.None) revert AppealedAlready(subject);
		b.appeal = Appeal.Filed;
		emit Appealed(subject, msg.sender, statement);
	}

	/// @notice A verifier that did not bar it, or the owner of the roles, decides an appeal; not the subject itself and not
	/// the owner of the node that it is.
	function decideAppeal(address subject, bool lifted) external {
		Bar storage b = _barred(subject);
		if (!roles.holds(Role.Owner, msg.sender)) _checkRole(Role.Verifier);
		if (b.verifier == msg.sender || _speaksFor(subject)) revert OwnCase(msg.sender);
		if (b.appeal != Appeal.Filed) revert NoAppeal(subject);
		if (lifted) delete bars[subject];
		else b.appeal = Appeal.Refused;
		emit AppealDecided(subject, msg.sender, lifted);
		if (lifted) emit Lifted(subject, msg.sender);
	}

	/// @notice Whether `subject` is barred now.
	function isBarred(address subject) public view returns (bool) {
		return bars[subject].until > block.timestamp;
	}

	/// @notice The bar of `subject` as it was set last, also when it has ended; all zero when there is none.
	function get(address subject)
		external
		view
		returns (address verifier, uint64 until, Appeal appealed, bytes32 evidence, string memory reason)
	{
		Bar storage b = bars[subject];
		return (b.verifier, b.until, b.appeal, b.evidence, b.reason);
	}

	/// @dev Whether the caller is the subject or owns the node that it is.
	function _speaksFor(address subject) private view returns (bool) {
		return msg.sender == subject || msg.sender == nodes.ownerOf(subject);
	}

	/// @dev A bar that stands.
	function _barred(address subject) private view returns (Bar storage b) {
		b = bars[subject];
		if (b.until <= block.timestamp) revert NotBarred(subject);
	}
}
