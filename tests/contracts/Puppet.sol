// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.36;

/// @notice Does what it is told; also, once, in the middle of being paid.
contract Puppet {
	struct Order {
		address target;
		bytes data;
	}

	Order[] private orders;
	/// @notice How often ether came.
	uint256 public paid;
	/// @notice How many of the orders carried out while being paid succeeded, and how many did not.
	uint256 public succeeded;
	uint256 public failed;

	/// @notice Call `target` now; its refusal is passed on.
	function run(address target, uint256 value, bytes calldata data) external payable {
		_call(target, value, data, true);
	}

	/// @notice Call `target` when ether comes next.
	function prepare(address target, bytes calldata data) external {
		orders.push(Order(target, data));
	}

	receive() external payable {
		paid += 1;
		if (paid > 1) return;
		for (uint256 i = 0; i < orders.length; i++) {
			if (_call(orders[i].target, 0, orders[i].data, false)) succeeded += 1;
			else failed += 1;
		}
	}

	function _call(address target, uint256 value, bytes memory data, bool must) private returns (bool good) {
		bytes memory answer;
		(good, answer) = target.call{value: value}(data);
		if (!good && must) {
			assembly {
				revert(add(answer, 32), mload(answer))
			}
		}
	}
}
