// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.36;

import {AddressSet} from "./lib/AddressSet.sol";
import {ZeroAddress, ZeroAmount, ZeroHash} from "./lib/Errors.sol";

/// @notice As what somebody is registered; one may be both.
enum Kind {
	Customer,
	Supplier
}

/// @title Who takes part, and everybody's money
/// @notice All ether of the network lies here, also the escrow of jobs, as the balance of the contract Jobs. Only its
/// holder moves a balance, or whom the holder allowed to, up to the allowance; the contract knows no role that could.
/// Payments are credits that their receiver withdraws. A balance needs no registration: whoever is owed something keeps
/// it. A bare transfer of ether to this contract is refused; use `deposit`.
contract Accounts {
	using AddressSet for AddressSet.Set;

	/// @notice The caller is registered as this already.
	error AlreadyRegistered(Kind kind, address account);
	/// @notice The caller is not registered as this.
	error NotRegistered(Kind kind, address account);
	/// @notice The balance does not reach.
	error InsufficientBalance(address account, uint256 balance, uint256 wanted);
	/// @notice The allowance does not reach.
	error InsufficientAllowance(address holder, address spender, uint256 allowance, uint256 wanted);
	/// @notice The allowance is not what the caller believed it to be.
	error AllowanceChanged(address spender, uint256 allowance);
	/// @notice The caller, a contract, did not take the ether.
	error WithdrawalRefused(address account, uint256 amount);

	/// @notice `account` takes part as `kind`; `profile` is the hash of what it tells about itself.
	event Registered(Kind indexed kind, address indexed account, bytes32 profile);
	/// @notice `account` tells something else about itself now.
	event ProfileChanged(Kind indexed kind, address indexed account, bytes32 profile);
	/// @notice `account` takes part no longer. Its balance stays its own.
	event Unregistered(Kind indexed kind, address indexed account);
	/// @notice `amount` wei came in for `account`.
	event Deposited(address indexed account, address indexed from, uint256 amount);
	/// @notice `amount` wei went out to `account`.
	event Withdrawn(address indexed account, uint256 amount);
	/// @notice `amount` wei passed between balances.
	event Transferred(address indexed from, address indexed to, uint256 amount);
	/// @notice `spender` may move up to `amount` wei of `holder`.
	event Allowed(address indexed holder, address indexed spender, uint256 amount);

	/// @notice Everybody's balance in wei.
	mapping(address => uint256) public balanceOf;
	/// @notice What a holder (first) lets a spender (second) move, in wei.
	mapping(address => mapping(address => uint256)) public allowance;
	/// @notice Hash of the profile of an account; zero: not registered as this kind.
	mapping(Kind => mapping(address => bytes32)) public profileOf;

	mapping(Kind => AddressSet.Set) private members;

	/// @notice Register the caller as customer or supplier.
	/// @param profile hash of a document that its reader gets elsewhere
	function register(Kind kind, bytes32 profile) external {
		if (profile == 0) revert ZeroHash();
		if (!members[kind].add(msg.sender)) revert AlreadyRegistered(kind, msg.sender);
		profileOf[kind][msg.sender] = profile;
		emit Registered(kind, msg.sender, profile);
	}

	/// @notice Change the caller's profile.
	function setProfile(Kind kind, bytes32 profile) external {
		if (profile == 0) revert ZeroHash();
		if (!isRegistered(kind, msg.sender)) revert NotRegistered(kind, msg.sender);
		profileOf[kind][msg.sender] = profile;
		emit ProfileChanged(kind, msg.sender, profile);
	}

	/// @notice Take the caller off the list. Jobs that run, and money, are not touched; new jobs and nodes need
	/// registration.
	function unregister(Kind kind) external {
		if (!members[kind].remove(msg.sender)) revert NotRegistered(kind, msg.sender);
		delete profileOf[kind][msg.sender];
		emit Unregistered(kind, msg.sender);
	}

	/// @notice Add the ether sent along to the caller's balance.
	function deposit() external payable {
		if (msg.value == 0) revert ZeroAmount();
		balanceOf[msg.sender] += msg.value;
		emit Deposited(msg.sender, msg.sender, msg.value);
	}

	/// @notice Add the ether sent along to somebody's balance.
	function depositFor(address account) external payable {
		if (account == address(0)) revert ZeroAddress();
		if (msg.value == 0) revert ZeroAmount();
		balanceOf[account] += msg.value;
		emit Deposited(account, msg.sender, msg.value);
	}

	/// @notice Send `amount` wei of the caller's balance to the caller.
	/// @dev The only place where ether leaves: after everything is written, so calling in again finds nothing more.
	function withdraw(uint256 amount) external {
		_debit(msg.sender, amount);
		emit Withdrawn(msg.sender, amount);
		(bool taken,) = msg.sender.call{value: amount}("");
		if (!taken) revert WithdrawalRefused(msg.sender, amount);
	}

	/// @notice Move `amount` wei of the caller's balance to `to`.
	function transfer(address to, uint256 amount) external {
		_move(msg.sender, to, amount);
	}

	/// @notice Move `amount` wei from `holder`, who allowed it to the caller, to `to`.
	function transferFrom(address holder, address to, uint256 amount) external {
		uint256 left = allowance[holder][msg.sender];
		if (left < amount) revert InsufficientAllowance(holder, msg.sender, left, amount);
		allowance[holder][msg.sender] = left - amount;
		_move(holder, to, amount);
		emit Allowed(holder, msg.sender, left - amount);
	}

	/// @notice Let `spender` move up to `amount` wei of the caller's balance; zero takes it back.
	/// @param expected the allowance as the caller knows it. If `spender` has used some meanwhile this is refused: else it
	/// could use the old one before the change and the new one after it.
	function allow(address spender, uint256 expected, uint256 amount) external {
		if (spender == address(0)) revert ZeroAddress();
		uint256 now_ = allowance[msg.sender][spender];
		if (now_ != expected) revert AllowanceChanged(spender, now_);
		allowance[msg.sender][spender] = amount;
		emit Allowed(msg.sender, spender, amount);
	}

	/// @notice Whether `account` is registered as `kind`.
	function isRegistered(Kind kind, address account) public view returns (bool) {
		return profileOf[kind][account] != 0;
	}

	/// @notice Number of those registered as `kind`.
	function count(Kind kind) external view returns (uint256) {
		return members[kind].length();
	}

	/// @notice Those registered as `kind`: at most `limit` and 100, from place `offset` on.
	function page(Kind kind, uint256 offset, uint256 limit) external view returns (address[] memory) {
		return members[kind].page(offset, limit);
	}

	/// @dev Take from a balance what is there.
	function _debit(address from, uint256 amount) private {
		if (amount == 0) revert ZeroAmount();
		uint256 balance = balanceOf[from];
		if (balance < amount) revert InsufficientBalance(from, balance, amount);
		balanceOf[from] = balance - amount;
	}

	/// @dev From one balance to another; to oneself changes nothing.
	function _move(address from, address to, uint256 amount) private {
		if (to == address(0)) revert ZeroAddress();
		_debit(from, amount);
		balanceOf[to] += amount;
		emit Transferred(from, to, amount);
	}
}
