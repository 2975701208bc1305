// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.36;

/// @title The counter that a network's start and stop messages move
/// @notice Anybody may move it. Its interface is given: the misspelt name is part of it, and it has no events.
contract Counter {
	int256 private count;

	/// @notice Count one up.
	function incrementCounter() external {
		// In steps of one no counter comes near 2^255.
		unchecked {
			count += 1;
		}
	}

	/// @notice Count one down; below zero too.
	function derementCounter() external {
		unchecked {
			count -= 1;
		}
	}

	/// @notice Back to zero.
	function clearCounter() external {
		count = 0;
	}

	/// @notice Where the counter stands.
	function getCount() external view returns (int256) {
		return count;
	}
}
