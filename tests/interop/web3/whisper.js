// Every method of web3.js 1.x's web3.shh, unmodified, against one endpoint; prints what came of each, with what differs
// from run to run (ids, keys, hashes, times) named instead of told, so that two nodes' transcripts can be compared.
//
//   node whisper.js http://127.0.0.1:PORT | ws://127.0.0.1:PORT  [ENODE of a connected peer]
'use strict';
const Web3 = require('web3');
const [url, enode] = process.argv.slice(2);
const web3 = new Web3(url);
const shh = web3.shh;
const transcript = [];

function shape(value) {
	if (typeof value === 'string') {
		if (/^[0-9a-f]{64}$/.test(value)) return '<id>';
		if (/^0x04[0-9a-f]{128}$/.test(value)) return '<public key>';
		if (/^0x[0-9a-f]{64}$/.test(value)) return '<32 bytes>';
		if (/^0x[0-9a-f]{1,32}$/.test(value) && value.length > 12) return '<subscription>';
		// What is wrong with an address each says in its own words.
		return value.replace(/(peer: ).*/, '$1<URL>').replace(/[0-9a-f]{64}/g, '<id>');
	}
	if (Array.isArray(value)) return value.map(shape);
	if (value && typeof value === 'object') {
		const told = {};
		for (const [k, v] of Object.entries(value)) {
			if (k === 'padding') told[k] = `<${(v.length - 2) / 2} bytes>`;
			else if (k === 'timestamp' || k === 'pow' || k === 'memory') told[k] = `<${typeof v}>`;
			else told[k] = shape(v);
		}
		return told;
	}
	return value;
}

async function tell(name, promise) {
	try {
		const value = await promise;
		transcript.push([name, shape(value)]);
		return value;
	} catch (e) {
		transcript.push([name, { error: shape(e.message) }]);
		return undefined;
	}
}

function deadline(what, promise, ms = 20000) {
	let timer;
	const late = new Promise((_, fail) => {
		timer = setTimeout(() => fail(new Error(`${what}: nothing within ${ms} ms`)), ms);
	});
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function polled(filter) {
	for (;;) {
		const found = await shh.getFilterMessages(filter);
		if (found.length) return found;
		await new Promise((go) => setTimeout(go, 20));
	}
}

async function keys() {
	const pair = await tell('newKeyPair', shh.newKeyPair());
	const added = await tell('addPrivateKey', shh.addPrivateKey('0x' + '3b'.repeat(32)));
	await tell('addPrivateKey short', shh.addPrivateKey('0x3b'));
	await tell('hasKeyPair', shh.hasKeyPair(pair));
	await tell('hasKeyPair unknown', shh.hasKeyPair('00'.repeat(32)));
	const known = await shh.getPublicKey(added);
	transcript.push(['getPublicKey of a known key', known]);
	transcript.push(['getPrivateKey of a known key', await shh.getPrivateKey(added)]);
	await tell('getPublicKey', shh.getPublicKey(pair));
	await tell('getPublicKey unknown', shh.getPublicKey('00'.repeat(32)));
	await tell('getPrivateKey', shh.getPrivateKey(pair));
	await tell('getPrivateKey unknown', shh.getPrivateKey('nobody'));
	await tell('deleteKeyPair', shh.deleteKeyPair(added));
	await tell('deleteKeyPair again', shh.deleteKeyPair(added));
	const sym = await tell('newSymKey', shh.newSymKey());
	const addedSym = await tell('addSymKey', shh.addSymKey('0x' + '5c'.repeat(32)));
	await tell('addSymKey short', shh.addSymKey('0x5c'));
	transcript.push(['getSymKey of a known key', await shh.getSymKey(addedSym)]);
	const password = await tell('generateSymKeyFromPassword', shh.generateSymKeyFromPassword('test'));
	transcript.push(['getSymKey of a password', await shh.getSymKey(password)]);
	await tell('hasSymKey', shh.hasSymKey(sym));
	await tell('hasSymKey unknown', shh.hasSymKey('nobody'));
	await tell('getSymKey unknown', shh.getSymKey('nobody'));
	await tell('deleteSymKey', shh.deleteSymKey(addedSym));
	await tell('deleteSymKey again', shh.deleteSymKey(addedSym));
	return { pair, sym };
}

async function messages({ pair, sym }) {
	const post = { ttl: 20, topic: '0xdeadbeef', powTime: 10, powTarget: 0.4, payload: '0x68656c6c6f' };
	const to = await shh.getPublicKey(pair);
	for (const [name, filter, message] of [
		['symmetric', { symKeyID: sym, topics: ['0xdeadbeef'] }, { symKeyID: sym }],
		['symmetric, signed', { symKeyID: sym, topics: ['0xdeadbeef'], sig: to }, { symKeyID: sym, sig: pair }],
		['asymmetric', { privateKeyID: pair, topics: ['0xdeadbeef'] }, { pubKey: to }],
		['asymmetric, signed, padded', { privateKeyID: pair, minPow: 0.3 }, { pubKey: to, sig: pair, padding: '0x010203' }],
	]) {
		const id = await tell(`newMessageFilter ${name}`, shh.newMessageFilter(filter));
		await tell(`getFilterMessages ${name}, none yet`, shh.getFilterMessages(id));
		await tell(`post ${name}`, shh.post({ ...post, ...message }));
		await tell(`getFilterMessages ${name}`, deadline('getFilterMessages', polled(id)));
		await tell(`deleteMessageFilter ${name}`, shh.deleteMessageFilter(id));
		await tell(`deleteMessageFilter ${name} again`, shh.deleteMessageFilter(id));
		await tell(`getFilterMessages ${name}, deleted`, shh.getFilterMessages(id));
	}
	await tell('newMessageFilter without a key', shh.newMessageFilter({ topics: ['0xdeadbeef'] }));
	await tell('newMessageFilter unknown key', shh.newMessageFilter({ symKeyID: 'nobody', topics: ['0xdeadbeef'] }));
	await tell('newMessageFilter bad topic', shh.newMessageFilter({ symKeyID: sym, topics: ['0xdead'] }));
	await tell('post without a key', shh.post({ ...post }));
	await tell('post without a topic', shh.post({ ...post, topic: undefined, symKeyID: sym }));
	await tell('post with too little work', shh.post({ ...post, symKeyID: sym, powTarget: 0 }));
	await tell('post without time to work', shh.post({ ...post, symKeyID: sym, powTime: 0 }));
	await tell('post to a bad key', shh.post({ ...post, pubKey: '0x04' }));
	await tell('post signed by nobody', shh.post({ ...post, symKeyID: sym, sig: 'nobody' }));
	await tell('post to a bad peer', shh.post({ ...post, symKeyID: sym, targetPeer: 'nobody' }));
}

async function subscriptions({ pair, sym }) {
	const to = await shh.getPublicKey(pair);
	const post = { ttl: 20, topic: '0xfeedbeef', powTime: 10, powTarget: 0.4, payload: '0x627965' };
	for (const [name, filter, message] of [
		['symmetric', { symKeyID: sym, topics: ['0xfeedbeef'] }, { symKeyID: sym }],
		['asymmetric', { privateKeyID: pair }, { pubKey: to, sig: pair }],
	]) {
		let got;
		const arrived = new Promise((go) => { got = go; });
		let subscription;
		await tell(`subscribe ${name}`, deadline('subscribe', new Promise((go, fail) => {
			subscription = shh.subscribe('messages', filter, (error, m) => (error ? fail(error) : got(m)));
			subscription.on('connected', (id) => go(/^0x[0-9a-f]{1,32}$/.test(id) ? '<subscription>' : id));
			subscription.on('error', fail);
		})));
		await tell(`post ${name}`, shh.post({ ...post, ...message }));
		await tell(`notification ${name}`, deadline('notification', arrived));
		await tell(`unsubscribe ${name}`, subscription.unsubscribe());
	}
	await tell('subscribe without a topic', deadline('subscribe', new Promise((go, fail) => {
		shh.subscribe('messages', { symKeyID: sym }, (error, m) => (error ? fail(error) : go(m)));
	})));
}

async function main() {
	await tell('getVersion', shh.getVersion());
	await tell('getInfo', shh.getInfo());
	await tell('net.getId', shh.net.getId());
	await tell('net.isListening', shh.net.isListening());
	await tell('net.getPeerCount', shh.net.getPeerCount());
	await tell('setMaxMessageSize', shh.setMaxMessageSize(1 << 20));
	await tell('setMaxMessageSize too large', shh.setMaxMessageSize(10485761));
	await tell('setMinPoW', shh.setMinPoW(0.3));
	await tell('setMinPoW negative', shh.setMinPoW(-1));
	await tell('getInfo after changes', shh.getInfo());
	await tell('setMinPoW back', shh.setMinPoW(0.2));
	if (enode) await tell('markTrustedPeer', shh.markTrustedPeer(enode));
	await tell('markTrustedPeer stranger', shh.markTrustedPeer(`enode://${'79be667ef9dcbbac55a06295ce870b07' +
		'029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8'}@127.0.0.1:1`));
	const made = await keys();
	await messages(made);
	if (url.startsWith('ws')) await subscriptions(made);
	else await tell('subscribe over HTTP', deadline('subscribe', new Promise((go, fail) => {
		shh.subscribe('messages', { symKeyID: made.sym, topics: ['0xdeadbeef'] }, (e, m) => (e ? fail(e) : go(m)));
	}), 5000));
	const batch = new web3.BatchRequest();
	const batched = [shh.getVersion, shh.getInfo].map((m) => new Promise((go, fail) => {
		batch.add(m.request((e, v) => (e ? fail(e) : go(v))));
	}));
	batch.execute();
	await tell('batch', deadline('batch', Promise.all(batched)));
	if (web3.currentProvider.disconnect) web3.currentProvider.disconnect();
}

main().then(() => {
	console.log(JSON.stringify(transcript, null, 1));
	process.exit(0);
}, (e) => {
	console.error(e);
	process.exit(1);
});
