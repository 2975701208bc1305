// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.36;

// Refusals that several contracts share. Each contract's own stand in its file.

/// @notice An address is needed here, and zero is none.
error ZeroAddress();

/// @notice Nothing to pay, deposit or escrow: amounts start at 1 wei.
error ZeroAmount();

/// @notice A hash is needed here, and zero is none.
error ZeroHash();

/// @notice A text is longer than what is stored of its kind.
/// @param length bytes given
/// @param most bytes allowed
error TextTooLong(uint256 length, uint256 most);

/// @notice The caller has no part in this: it is for somebody else to do.
error NotYours(address caller);
