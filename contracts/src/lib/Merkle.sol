// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.36;

/// @title Merkle trees over delivered segments
/// @notice The tree of RFC 9162 (Certificate Transparency), section 2.1, with Keccak-256 in place of SHA-256: a leaf is
/// hashed behind a byte 0x00 and an inner node behind a byte 0x01, so that neither can pass for the other; a tree of n
/// leaves splits at the largest power of two below n. A proof shows the place of a leaf too.
library Merkle {
	/// @notice The hash of an inner node.
	function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
		return keccak256(abi.encodePacked(bytes1(0x01), left, right));
	}

	/// @notice The hash of a leaf: segment `index` of batch `ordinal` that `maker` delivered for job `jobId`.
	/// @param segment hash that stands for the segment and all that was said of it
	function leaf(uint256 jobId, address maker, uint256 ordinal, uint256 index, bytes32 segment)
		internal
		pure
		returns (bytes32)
	{
		return keccak256(abi.encodePacked(bytes1(0x00), abi.encode(jobId, maker, ordinal, index, segment)));
	}

	/// @notice Whether `proof` leads from the leaf hash at place `index` of `size` leaves to `root` (RFC 9162, 2.1.3.2).
	/// The work is bounded by the bits of `size`: a longer proof fails at once.
	function verify(bytes32 hash, uint256 index, uint256 size, bytes32[] calldata proof, bytes32 root)
		internal
		pure
		returns (bool)
	{
		if (index >= size) return false;
		uint256 last = size - 1;
		for (uint256 i = 0; i < proof.length; i++) {
			if (last == 0) return false;
			if (index & 1 == 1 || index == last) {
				hash = node(proof[i], hash);
				while (index & 1 == 0 && index != 0) {
					index >>= 1;
					last >>= 1;
				}
			} else {
				hash = node(hash, proof[i]);
			}
			index >>= 1;
			last >>= 1;
		}
		return last == 0 && hash == root;
	}
}
