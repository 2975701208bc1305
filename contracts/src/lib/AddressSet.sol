// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.36;

/// @title A set of addresses that can be read by the page
/// @notice Adding, removing and asking cost the same whatever the size. Removing moves the last address into the gap, so
/// whoever reads several pages asks for all of them at one block number.
library AddressSet {
	/// @notice Most addresses in one page.
	uint256 internal constant MAX_PAGE = 100;

	struct Set {
		address[] items;
		mapping(address => uint256) place; // index + 1; zero: not in the set
	}

	/// @notice Add `item`; false when it was there.
	function add(Set storage set, address item) internal returns (bool) {
		if (set.place[item] != 0) return false;
		set.items.push(item);
		set.place[item] = set.items.length;
		return true;
	}

	/// @notice Remove `item`; false when it was not there.
	function remove(Set storage set, address item) internal returns (bool) {
		uint256 place = set.place[item];
		if (place == 0) return false;
		address last = set.items[set.items.length - 1];
		set.items[place - 1] = last;
		set.place[last] = place;
		set.items.pop();
		delete set.place[item];
		return true;
	}

	/// @notice Whether `item` is in the set.
	function contains(Set storage set, address item) internal view returns (bool) {
		return set.place[item] != 0;
	}

	/// @notice How many there are.
	function length(Set storage set) internal view returns (uint256) {
		return set.items.length;
	}

	/// @notice At most `limit` (and MAX_PAGE) addresses from place `offset` on; empty behind the end.
	function page(Set storage set, uint256 offset, uint256 limit) internal view returns (address[] memory items) {
		uint256 size = set.items.length;
		uint256 left = offset < size ? size - offset : 0;
		if (limit > MAX_PAGE) limit = MAX_PAGE;
		if (limit > left) limit = left;
		items = new address[](limit);
		for (uint256 i = 0; i < limit; i++) items[i] = set.items[offset + i];
	}
}
