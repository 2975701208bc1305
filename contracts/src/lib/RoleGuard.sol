// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.36;

import {MissingRole, Role, Roles} from "../Roles.sol";

/// @title Base of the contracts in which the network's roles have rights
abstract contract RoleGuard {
	/// @notice Who holds which role.
	Roles public immutable roles;

	/// @param roles_ who holds which role
	constructor(Roles roles_) {
		roles = roles_;
	}

	/// @notice Only for holders of `role`.
	modifier only(Role role) {
		_checkRole(role);
		_;
	}

	/// @dev Refuse who does not hold `role`.
	function _checkRole(Role role) internal view {
		if (!roles.holds(role, msg.sender)) revert MissingRole(role, msg.sender);
	}
}
