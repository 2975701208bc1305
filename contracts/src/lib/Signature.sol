// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.36;

/// @title Who signed a hash
library Signature {
	/// @notice The address whose key signed `hash` behind EIP-191's prefix for 32 bytes, as eth_sign does.
	/// @param signature 65 bytes: r, s and v, which is 0, 1, 27 or 28
	/// @return zero when it is nobody's
	function signer(bytes32 hash, bytes calldata signature) internal pure returns (address) {
		if (signature.length != 65) return address(0);
		uint8 v = uint8(signature[64]);
		if (v < 27) v += 27;
		bytes32 signed = keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", hash));
		return ecrecover(signed, v, bytes32(signature[:32]), bytes32(signature[32:64]));
	}
}
