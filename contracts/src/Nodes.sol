// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.36;

import {Accounts, Kind} from "./Accounts.sol";
import {AddressSet} from "./lib/AddressSet.sol";
import {NotYours, TextTooLong} from "./lib/Errors.sol";
import {Signature} from "./lib/Signature.sol";

/// @notice What a node does in a pipeline.
enum Work {
	Distributor,
	Transcoder,
	Storage
}

/// @title The nodes that suppliers offer
/// @notice A node is known by the Ethereum address of its key, which is its node id. Nobody lists a node whose key does
/// not agree: the node signs that it belongs to this owner, once for each time it is added.
contract Nodes {
	using AddressSet for AddressSet.Set;

	/// @notice Longest endpoint, in bytes: an enode with a host name fits.
	uint256 public constant MAX_ENDPOINT = 512;
	/// @notice Longest version, in bytes.
	uint256 public constant MAX_VERSION = 64;

	struct Node {
		address owner;
		Work work;
		uint32 capacity;
		uint32 joins; // how often this node was added: what it signed for an earlier time is void. Never reset.
		uint80 price;
		bytes32 keyX;
		bytes32 keyY;
		string endpoint;
		string version;
	}

	/// @notice The caller is not registered as a supplier.
	error NoSupplier(address caller);
	/// @notice A public key is 64 bytes: the point's x and y, without a byte in front.
	error BadPublicKey(uint256 length);
	/// @notice The signature is not the node's, or is about another owner, contract, chain or an earlier time.
	error NoConsent(address node, address owner);
	/// @notice The node is listed already.
	error AlreadyListed(address node, address owner);
	/// @notice No such node is listed.
	error NoSuchNode(address node);
	/// @notice A node that can do no job at a time is no offer.
	error NoCapacity();

	/// @notice A node is offered. Its terms follow in an event of their own.
	event NodeAdded(address indexed node, address indexed owner, Work indexed work, bytes publicKey);
	/// @notice The terms on which a node is offered from now on.
	event NodeTerms(address indexed node, string endpoint, uint80 price, uint32 capacity, string version);
	/// @notice A node is offered no longer. What it was assigned before goes on.
	event NodeRemoved(address indexed node, address indexed owner);

	/// @notice Who is a supplier.
	Accounts public immutable accounts;

	mapping(address => Node) private nodes;
	mapping(address => AddressSet.Set) private byOwner;
	mapping(Work => AddressSet.Set) private byWork;

	/// @param accounts_ who is a supplier
	constructor(Accounts accounts_) {
		accounts = accounts_;
	}

	/// @notice The caller, a supplier, offers a node.
	/// @param publicKey the node's key, 64 bytes; its address is the node's
	/// @param work what it does
	/// @param endpoint where it is reached: an enode URL or host:port
	/// @param price wei for each segment it delivers
	/// @param capacity jobs it does at a time
	/// @param version of its software
	/// @param consent the node's signature (65 bytes: r, s, v) of `consentHash`, as eth_sign makes it
	function add(
		bytes calldata publicKey,
		Work work,
		string calldata endpoint,
		uint80 price,
		uint32 capacity,
		string calldata version,
		bytes calldata consent
	) external {
		address node = _admit(publicKey, work, consent);
		_setTerms(node, nodes[node], endpoint, price, capacity, version);
	}

	/// @notice Its owner changes where a node is reached and on what terms. Jobs it was assigned keep their price.
	function update(address node, string calldata endpoint, uint80 price, uint32 capacity, string calldata version)
		external
	{
		_setTerms(node, _own(node), endpoint, price, capacity, version);
	}

	/// @notice Its owner takes a node off the list.
	function remove(address node) external {
		Node storage n = _own(node);
		byOwner[msg.sender].remove(node);
		byWork[n.work].remove(node);
		uint32 joins = n.joins;
		delete nodes[node];
		nodes[node].joins = joins;
		emit NodeRemoved(node, msg.sender);
	}

	/// @notice What `node` signs, behind the prefix of EIP-191 for 32 bytes (eth_sign, personal_sign), to be listed next by
	/// `owner`.
	function consentHash(address node, address owner) public view returns (bytes32) {
		return keccak256(abi.encode(block.chainid, address(this), node, owner, nodes[node].joins));
	}

	/// @notice All that is listed about a node.
	function get(address node)
		external
		view
		returns (
			address owner,
			Work work,
			bytes memory publicKey,
			string memory endpoint,
			uint80 price,
			uint32 capacity,
			string memory version
		)
	{
		Node storage n = _listed(node);
		return
			(n.owner, n.work, abi.encodePacked(n.keyX, n.keyY), n.endpoint, n.price, n.capacity, n.version);
	}

	/// @notice What a job is agreed upon.
	function terms(address node) external view returns (address owner, Work work, uint80 price, uint32 capacity) {
		Node storage n = _listed(node);
		return (n.owner, n.work, n.price, n.capacity);
	}

	/// @notice Who offers the node; zero: nobody.
	function ownerOf(address node) external view returns (address) {
		return nodes[node].owner;
	}

	/// @notice Number of nodes of an owner.
	function countOfOwner(address owner) external view returns (uint256) {
		return byOwner[owner].length();
	}

	/// @notice Nodes of an owner: at most `limit` and 100, from place `offset` on.
	function pageOfOwner(address owner, uint256 offset, uint256 limit) external view returns (address[] memory) {
		return byOwner[owner].page(offset, limit);
	}

	/// @notice Number of nodes that do this work.
	function countOfWork(Work work) external view returns (uint256) {
		return byWork[work].length();
	}

	/// @notice Nodes that do this work: at most `limit` and 100, from place `offset` on.
	function pageOfWork(Work work, uint256 offset, uint256 limit) external view returns (address[] memory) {
		return byWork[work].page(offset, limit);
	}

	/// @dev List a node, after all that can be said against it.
	function _admit(bytes calldata publicKey, Work work, bytes calldata consent) private returns (address node) {
		if (!accounts.isRegistered(Kind.Supplier, msg.sender)) revert NoSupplier(msg.sender);
		if (publicKey.length != 64) revert BadPublicKey(publicKey.length);
		node = address(uint160(uint256(keccak256(publicKey))));
		Node storage n = nodes[node];
		if (n.owner != address(0)) revert AlreadyListed(node, n.owner);
		if (Signature.signer(consentHash(node, msg.sender), consent) != node) revert NoConsent(node, msg.sender);
		n.owner = msg.sender;
		n.work = work;
		n.joins += 1;
		n.keyX = bytes32(publicKey[:32]);
		n.keyY = bytes32(publicKey[32:]);
		byOwner[msg.sender].add(node);
		byWork[work].add(node);
		emit NodeAdded(node, msg.sender, work, publicKey);
	}

	/// @dev A node that is listed.
	function _listed(address node) private view returns (Node storage n) {
		n = nodes[node];
		if (n.owner == address(0)) revert NoSuchNode(node);
	}

	/// @dev A node of the caller.
	function _own(address node) private view returns (Node storage n) {
		n = _listed(node);
		if (n.owner != msg.sender) revert NotYours(msg.sender);
	}

	/// @dev Check and write on what terms a node is offered.
	function _setTerms(
		address node,
		Node storage n,
		string calldata endpoint,
		uint80 price,
		uint32 capacity,
		string calldata version
	) private {
		if (bytes(endpoint).length > MAX_ENDPOINT) revert TextTooLong(bytes(endpoint).length, MAX_ENDPOINT);
		if (bytes(version).length > MAX_VERSION) revert TextTooLong(bytes(version).length, MAX_VERSION);
		if (capacity == 0) revert NoCapacity();
		n.endpoint = endpoint;
		n.price = price;
		n.capacity = capacity;
		n.version = version;
		emit NodeTerms(node, endpoint, price, capacity, version);
	}
}
