// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.36;

import {Accounts} from "dsn/Accounts.sol";

/// @notice Has a balance and takes no ether.
contract Miser {
	Accounts private immutable accounts;

	constructor(Accounts accounts_) {
		accounts = accounts_;
	}

	function take(uint256 amount) external {
		accounts.withdraw(amount);
	}

	function pass(address to, uint256 amount) external {
		accounts.transfer(to, amount);
	}
}
