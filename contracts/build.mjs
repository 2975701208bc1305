// Compile the contracts with the pinned solc and write one artefact per contract; or compare them with those that are there.
// Run by scripts/contracts, which also says how.
import fs from "node:fs";
import path from "node:path";
import {fileURLToPath} from "node:url";
import sha3 from "js-sha3";
import solc from "solc";

const here = path.dirname(fileURLToPath(import.meta.url));
// The last that go-ethereum 1.9.20 runs.
const EVM = "istanbul";
const OPTIMIZER = {enabled: true, runs: 1000};
// EIP-170: longer code cannot be deployed.
const MAX_CODE = 24576;

function fail(text) {
	console.error(`contracts: ${text}`);
	process.exit(1);
}

function sources(folder) {
	const found = {};
	for (const name of fs.readdirSync(folder, {recursive: true}).sort()) {
		if (name.endsWith(".sol")) found[name] = {content: fs.readFileSync(path.join(folder, name), "utf8")};
	}
	return found;
}

function compile(folder) {
	const input = {
		language: "Solidity",
		sources: sources(folder),
		settings: {
			evmVersion: EVM,
			optimizer: OPTIMIZER,
			// Without them the code depends on nothing but the sources' meaning: comments do not change it.
			metadata: {appendCBOR: false, bytecodeHash: "none"},
			outputSelection: {
				"*": {
					"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"],
					"": ["ast"],
				},
			},
		},
	};
	const imported = (name) => {
		const file = path.join(here, "src", name.replace(/^dsn\//, ""));
		return name.startsWith("dsn/") && fs.existsSync(file) ? {contents: fs.readFileSync(file, "utf8")} : {error: "no such file"};
	};
	const output = JSON.parse(solc.compile(JSON.stringify(input), {import: imported}));
	for (const e of output.errors ?? []) console.error(e.formattedMessage);
	if (output.errors?.length) fail("not compiled: errors or warnings above");
	return output;
}

const typeOf = (p) => (p.type.startsWith("tuple") ? `(${p.components.map(typeOf)})${p.type.slice(5)}` : p.type);
const signature = (entry) => `${entry.name}(${entry.inputs.map(typeOf)})`;

/** Identifiers of the ABI's entries of one kind: signature -> Keccak-256 of it, the first `bytes`. */
function identifiers(abi, kind, bytes) {
	const rows = abi.filter((e) => e.type === kind).map((e) => [signature(e), "0x" + sha3.keccak256(signature(e)).slice(0, 2 * bytes)]);
	return Object.fromEntries(rows.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** All enumerations of the sources: canonical name, such as "JobStore.State" -> its members, 0 first. */
function enumerations(files) {
	const found = {};
	for (const {ast} of Object.values(files)) {
		const nodes = ast.nodes.flatMap((node) => [node, ...(node.nodes ?? [])]);
		for (const node of nodes) if (node.nodeType === "EnumDefinition") found[node.canonicalName] = node.members.map((m) => m.name);
	}
	return found;
}

/** Those that an ABI names; it has their numbers only. */
function enumsOf(abi, known) {
	const named = (p) => [p.internalType?.match(/^enum ([\w.]+)/)?.[1], ...(p.components ?? []).flatMap(named)];
	const names = abi.flatMap((e) => [...(e.inputs ?? []), ...(e.outputs ?? [])].flatMap(named)).filter(Boolean);
	return Object.fromEntries([...new Set(names)].sort().map((name) => [name, known[name] ?? fail(`enum ${name}: not found`)]));
}

function artefact(name, made, known) {
	const code = made.evm.deployedBytecode;
	if (code.object.length / 2 > MAX_CODE) fail(`${name}: ${code.object.length / 2} bytes of code, at most ${MAX_CODE} can be deployed`);
	// Places in the code that the constructor fills in.
	const immutables = Object.values(code.immutableReferences ?? {}).flat().sort((a, b) => a.start - b.start);
	return {
		contract: name,
		solc: solc.version(),
		evmVersion: EVM,
		optimizerRuns: OPTIMIZER.runs,
		abi: made.abi,
		enums: enumsOf(made.abi, known),
		functions: identifiers(made.abi, "function", 4),
		errors: identifiers(made.abi, "error", 4),
		events: identifiers(made.abi, "event", 32),
		immutables,
		bytecode: "0x" + made.evm.bytecode.object,
		deployedBytecode: "0x" + code.object,
	};
}

/** Name of an artefact's file -> its text, for each contract of a folder that can be deployed. */
function artefacts(folder) {
	const files = {};
	const output = compile(folder);
	const known = enumerations(output.sources);
	for (const contracts of Object.values(output.contracts)) {
		for (const [name, made] of Object.entries(contracts)) {
			// Internal libraries have no interface and are part of their users' code.
			if (!made.evm.bytecode.object || !made.abi.length) continue;
			files[`${name}.json`] = JSON.stringify(artefact(name, made, known), null, "\t") + "\n";
		}
	}
	return files;
}

function check(files, out) {
	const there = fs.existsSync(out) ? fs.readdirSync(out) : [];
	const wrong = Object.keys(files).filter((f) => !there.includes(f) || fs.readFileSync(path.join(out, f), "utf8") !== files[f]);
	wrong.push(...there.filter((f) => !(f in files)));
	if (wrong.length) fail(`${wrong.join(", ")}: not what solc ${solc.version()} makes of the sources; run scripts/contracts and commit`);
}

const [mode, folder, out] = process.argv.slice(2);
const files = artefacts(folder);
if (mode === "check") check(files, out);
else {
	fs.mkdirSync(out, {recursive: true});
	for (const f of fs.readdirSync(out)) if (f.endsWith(".json") && !(f in files)) fs.unlinkSync(path.join(out, f));
	for (const [f, text] of Object.entries(files)) fs.writeFileSync(path.join(out, f), text);
}
