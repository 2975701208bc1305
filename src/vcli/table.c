/* The tables: every flag and every command, from which help, completion, the manual page and checks are made. */
#include <string.h>

#include "api/command.h"
#include "bus/bus.h"
#include "chain/load.h"
#include "http/rpc_client.h"
#include "vcli/chain_net.h"
#include "vcli/commands.h"
#include "vcli/whisper_message.h"
#include "vcli/whisper_net.h"

#define FIELD(name) offsetof(struct vcli_settings, name)

const struct config_row vcli_flags[] = {
	/* of all commands */
	{"bus", CONFIG_STRING, FIELD(bus), "amqp://127.0.0.1/", NULL, 0, 0, "URL",
	 "The broker: amqp[s]://[user@]host[:port][/vhost].", bus_check_url},
	{"network", CONFIG_STRING, FIELD(network), "default", NULL, 0, 0, "NAME",
	 "The network on it (exchange dsn.NAME).", NULL},
	{"password-file", CONFIG_STRING, FIELD(password_file), NULL, NULL, 0, 0, "FILE",
	 "The broker user's password, in a file of mode 0600; without it $DSN_BROKER_PASSWORD is used. Of whisper send "
	 "and "
	 "receive: the messages' password, without it $DSN_WHISPER_PASSWORD or the terminal.",
	 NULL},
	{"ca-file", CONFIG_STRING, FIELD(ca_file), NULL, NULL, 0, 0, "FILE",
	 "amqps: whom to trust (PEM); the system's certificates otherwise.", NULL},
	{"cert-file", CONFIG_STRING, FIELD(cert_file), NULL, NULL, 0, 0, "FILE", "amqps: our certificate (PEM).", NULL},
	{"key-file", CONFIG_STRING, FIELD(key_file), NULL, NULL, 0, 0, "FILE", "amqps: its key (PEM).", NULL},
	{"identity", CONFIG_STRING, FIELD(identity), NULL, NULL, 0, 0, "FILE",
	 "Our key: a file of mode 0600 with 64 hex digits, or an Ethereum keystore file; identity.key of --state-dir "
	 "otherwise, which is made when it is missing.",
	 NULL},
	{"passphrase-file", CONFIG_STRING, FIELD(passphrase.file), NULL, NULL, 0, 0, "FILE",
	 "The keystore file's or account's passphrase, in a file of mode 0600; without it an agent or the terminal is "
	 "asked.",
	 NULL},
	{"passphrase-agent", CONFIG_STRING, FIELD(passphrase.agent), NULL, NULL, 0, 0, "SOCKET",
	 "Ask the agent at this socket for passphrases that no file holds, and not the terminal: gpg-agent, whose "
	 "socket \"gpgconf --list-dirs agent-socket\" tells. It remembers them for a while.",
	 NULL},
	{"send-plain", CONFIG_BOOL, FIELD(send_plain), NULL, NULL, 0, 0, NULL,
	 "Neither sign nor encrypt, and take what is neither: for agents with --accept-plain.", NULL},
	{"state-dir", CONFIG_STRING, FIELD(state_dir), NULL, NULL, 0, 0, "DIR",
	 "Where jobs, their keys and the outbox are kept; ${XDG_STATE_HOME:-~/.local/state}/dsn otherwise.", NULL},
	{"timeout", CONFIG_DURATION, FIELD(timeout_ms), NULL, NULL, 0, 0, "TIME",
	 "How long to wait for answers, such as 500ms, 30s, 2m; 0s waits for ever.", NULL},
	{"json", CONFIG_BOOL, FIELD(json), NULL, NULL, 0, 0, NULL,
	 "Print one JSON value on standard output; everything else goes to standard error.", NULL},
	{"quiet", CONFIG_BOOL, FIELD(quiet), NULL, NULL, 0, 0, NULL, "No progress and no hints on standard error.",
	 NULL},
	{"log-level", CONFIG_CHOICE, FIELD(log_level), "error", "error|warn|info|debug", 0, 0, NULL,
	 "What of the inner workings to log on standard error.", NULL},
	/* of some commands */
	{"agent", CONFIG_STRING, FIELD(agent), NULL, NULL, 0, 0, "ID",
	 "Ask the agent with this id instead of the node itself.", NULL},
	{"name", CONFIG_STRING, FIELD(name), NULL, NULL, 0, 0, "NAME",
	 "A name for the node, for people: commands take it for the id.", NULL},
	{"spec", CONFIG_STRING, FIELD(spec), NULL, NULL, 0, 0, "FILE",
	 "The node's spec (image, ports, volume-mounts) as JSON.", NULL},
	{"runtime", CONFIG_CHOICE, FIELD(runtime), NULL, "process|docker", 0, 0, NULL,
	 "How the node runs; the agent's own choice otherwise.", NULL},
	{"mode", CONFIG_CHOICE, FIELD(mode), NULL, "managed|classic", 0, 0, NULL,
	 "How nginx is configured; the agent's own choice otherwise.", NULL},
	{"detach", CONFIG_BOOL, FIELD(detach), NULL, NULL, 0, 0, NULL,
	 "Return once the commands are safe: at the broker, or on disk until it can be reached.", NULL},
	{"ttl", CONFIG_DURATION, FIELD(ttl_ms), "24h", NULL, 0, 0, "TIME",
	 "With --detach: how long the commands stay valid (1s to 7 days).", NULL},
	{"show-key", CONFIG_BOOL, FIELD(show_key), NULL, NULL, 0, 0, NULL,
	 "Print the publisher's key too; it is in the job's file otherwise.", NULL},
	{"force", CONFIG_BOOL, FIELD(force), NULL, NULL, 0, 0, NULL, "Do it although a check says no.", NULL},
	{"loop", CONFIG_BOOL, FIELD(loop), NULL, NULL, 0, 0, NULL, "Send the file again and again.", NULL},
	{"follow", CONFIG_BOOL, FIELD(follow), NULL, NULL, 0, 0, NULL,
	 "Go on with what is written from now on, until Ctrl-C (-f).", NULL},
	{"lines", CONFIG_INT, FIELD(lines), "50", NULL, 1, API_LOG_LINES, "N", "Lines of each unit, the last ones.",
	 NULL},
	{"ffmpeg", CONFIG_STRING, FIELD(ffmpeg), "ffmpeg", NULL, 0, 0, "FILE", "The ffmpeg program.", NULL},
	{"ffprobe", CONFIG_STRING, FIELD(ffprobe), "ffprobe", NULL, 0, 0, "FILE", "The ffprobe program.", NULL},
	{"count", CONFIG_INT, FIELD(count), NULL, NULL, 0, INT64_MAX, "N",
	 "Messages to take, 0 takes all that come; pings to each node. 1 otherwise, of whisper receive all.", NULL},
	{"management", CONFIG_STRING, FIELD(management), "http://127.0.0.1:15672", NULL, 0, 0, "URL",
	 "RabbitMQ's management API, on the loopback interface.", NULL},
	{"admin", CONFIG_STRING, FIELD(admin), "guest", NULL, 0, 0, "NAME", "An administrator of the broker.", NULL},
	{"admin-password-file", CONFIG_STRING, FIELD(admin_password_file), NULL, NULL, 0, 0, "FILE",
	 "The administrator's password, in a file of mode 0600; without it $DSN_BROKER_ADMIN_PASSWORD, else guest's "
	 "own.",
	 NULL},
	{"vhost", CONFIG_STRING, FIELD(vhost), "/", NULL, 0, 0, "NAME", "The broker's virtual host.", NULL},
	{"node", CONFIG_LIST, FIELD(nodes), NULL, NULL, 0, 0, "ID[,ID...]",
	 "Make a broker user for the agent that serves these ids, its own first. May be repeated.", NULL},
	{"client", CONFIG_LIST, FIELD(clients), NULL, NULL, 0, 0, "NAME",
	 "Make a broker user for a customer or operator. May be repeated.", NULL},
	{"plain", CONFIG_BOOL, FIELD(plain), NULL, NULL, 0, 0, NULL,
	 "Also make the queues named by the bare node ids, for agents with --accept-plain.", NULL},
	{"passwords", CONFIG_STRING, FIELD(passwords), NULL, NULL, 0, 0, "DIR",
	 "Folder that gets a file of mode 0600 with each user's password; DIR/broker of --state-dir otherwise.", NULL},
	/* of whisper */
	{"rpc", CONFIG_LIST, FIELD(rpcs), NULL, NULL, 0, 0, "URL",
	 "JSON-RPC of a Whisper node (shhd, geth) over WebSocket, ws://host[:port]; ws://127.0.0.1:8545 otherwise. May "
	 "be "
	 "repeated for genpub, ping and pong.",
	 rpc_client_address_check},
	{"rpc-token-file", CONFIG_STRING, FIELD(rpc_token_file), NULL, NULL, 0, 0, "FILE",
	 "The token that the node wants, in a file of mode 0600; without it $DSN_RPC_TOKEN is used.", NULL},
	{"net", CONFIG_BOOL, FIELD(net), NULL, NULL, 0, 0, NULL,
	 "The nodes of vcli whisper net instead: its senders ping, the others answer.", NULL},
	{"topic", CONFIG_STRING, FIELD(topic), "0x64736e31", NULL, 0, 0, "HEX",
	 "The messages' topic, 0x and eight hexadecimal digits.", whisper_check_topic},
	{"message-ttl", CONFIG_DURATION, FIELD(message_ttl_ms), "50s", NULL, 0, 0, "TIME",
	 "How long nodes keep a message for others.", NULL},
	{"pow-target", CONFIG_STRING, FIELD(pow_target), "1.0", NULL, 0, 0, "NUMBER",
	 "Proof of work for each message; nodes of others may want at least 0.2.", whisper_check_pow},
	{"pow-time", CONFIG_DURATION, FIELD(pow_time_ms), "10s", NULL, 0, 0, "TIME",
	 "How long the node may look for the proof of work.", NULL},
	{"on-start", CONFIG_STRING, FIELD(on_start), NULL, NULL, 0, 0, "JSON",
	 "What the word start runs and the word stop ends: an array such as [\"ffmpeg\",\"-i\",\"a.mp4\"], or a "
	 "program.",
	 NULL},
	{"hook", CONFIG_STRING, FIELD(hook), NULL, NULL, 0, 0, "JSON",
	 "What is run for every start and stop, the word as last argument: an array, or a program.", NULL},
	{"interval", CONFIG_DURATION, FIELD(interval_ms), "200ms", NULL, 0, 0, "TIME",
	 "Pause of a node between its pings.", NULL},
	{"report", CONFIG_STRING, FIELD(report), NULL, NULL, 0, 0, "FILE.md",
	 "Also write a report in Markdown, and a plot beside it (FILE.svg).", NULL},
	{"nodes", CONFIG_INT, FIELD(net_nodes), "25", NULL, 2, WHISPER_NET_MAX, "N", "Nodes of the net.", NULL},
	{"senders", CONFIG_INT, FIELD(senders), "5", NULL, 1, WHISPER_NET_MAX, "N", "Of them those that ping.", NULL},
	{"shhd", CONFIG_STRING, FIELD(shhd), NULL, NULL, 0, 0, "FILE",
	 "The shhd program; the one beside vcli otherwise, or in PATH.", NULL},
	{"keystore", CONFIG_STRING, FIELD(keystore), NULL, NULL, 0, 0, "DIR",
	 "Folder of the accounts, as geth has one; DIR/keystore of --state-dir otherwise.", NULL},
	{"account", CONFIG_STRING, FIELD(account), NULL, NULL, 0, 0, "ADDRESS",
	 "Which account to act as, may be shortened. Otherwise that of the login, the only one of the keystore, or the "
	 "identity.",
	 NULL},
	{"chain-rpc", CONFIG_LIST, FIELD(chain_rpc), NULL, NULL, 0, 0, "URL[,URL...]",
	 "The chain's JSON-RPC endpoints; the next one is used while one fails. Those of the chain that vcli chain up "
	 "started otherwise, or http://127.0.0.1:8545.",
	 NULL},
	{"addresses", CONFIG_STRING, FIELD(addresses), NULL, NULL, 0, 0, "FILE",
	 "Where the contracts are; DIR/chain/addresses.json of --state-dir otherwise.", NULL},
	{"windows", CONFIG_STRING, FIELD(windows), "86400,86400,86400,86400", NULL, 0, 0, "S,S,S,S",
	 "Seconds that jobs leave to report, to verify, to dispute and to resolve.", NULL},
	{"poa", CONFIG_BOOL, FIELD(poa), NULL, NULL, 0, 0, NULL,
	 "A proof-of-authority network of geth nodes (Clique, 23 M gas a block) instead of anvil.", NULL},
	{"sealers", CONFIG_INT, FIELD(sealers), NULL, NULL, 1, NET_SEALERS, "N",
	 "How many nodes of --poa seal blocks: 3, or as many as there are.", NULL},
	{"period", CONFIG_INT, FIELD(period), NULL, NULL, 1, NET_PERIOD_S, "SECONDS",
	 "Between blocks: of --poa 1, or as it is; of anvil there is one for each transaction.", NULL},
	{"port", CONFIG_INT, FIELD(port), NULL, NULL, 1, 65535, "PORT",
	 "Where the chain answers on 127.0.0.1 (of --poa the first of as many ports as there are sealers); the ports "
	 "it had, "
	 "or free ones, otherwise.",
	 NULL},
	{"seconds", CONFIG_INT, FIELD(seconds), "60", NULL, 1, 3600, "N", "How long to go on.", NULL},
	{"accounts", CONFIG_INT, FIELD(accounts), "16", NULL, 1, LOAD_ACCOUNTS, "N", "How many accounts call.", NULL},
	{"window", CONFIG_INT, FIELD(window), "320", NULL, 1, 100000, "N",
	 "Transactions of each account under way, at most.", NULL},
	{"confirmations", CONFIG_INT, FIELD(confirmations), "2", NULL, 1, 1000, "BLOCKS",
	 "How many blocks make a transaction final.", NULL},
	{"anvil", CONFIG_STRING, FIELD(anvil), "anvil", NULL, 0, 0, "FILE", "The anvil program.", NULL},
	{"geth", CONFIG_STRING, FIELD(geth), "geth", NULL, 0, 0, "FILE", "The geth program (1.9.20).", NULL},
	{"bootnode", CONFIG_STRING, FIELD(bootnode), "bootnode", NULL, 0, 0, "FILE", "Its bootnode program.", NULL},
	{"light", CONFIG_BOOL, FIELD(light), NULL, NULL, 0, 0, NULL,
	 "Seal the key with less work, as geth's --lightkdf does: quicker, and easier to guess.", NULL},
	{"raw", CONFIG_BOOL, FIELD(raw), NULL, NULL, 0, 0, NULL,
	 "Write the bare key, protected by nothing but the file's mode.", NULL},
	{"price", CONFIG_STRING, FIELD(price), NULL, NULL, 0, 0, "AMOUNT",
	 "What a delivered segment costs, such as \"20 gwei\".", NULL},
	{"endpoint", CONFIG_STRING, FIELD(endpoint), NULL, NULL, 0, 0, "TEXT",
	 "Where the node is reached: host:port, or an enode URL.", NULL},
	{"software", CONFIG_STRING, FIELD(software), NULL, NULL, 0, 0, "TEXT", "Version of the node's software.", NULL},
	{"capacity", CONFIG_INT, FIELD(capacity), "1", NULL, 1, UINT32_MAX, "N", "Jobs that the node does at a time.",
	 NULL},
	{"node-passphrase-file", CONFIG_STRING, FIELD(node_passphrase_file), NULL, NULL, 0, 0, "FILE",
	 "The passphrase of the node's keystore file, in a file of mode 0600; without it an agent or the terminal is "
	 "asked.",
	 NULL},
	{"for", CONFIG_DURATION, FIELD(for_ms), "24h", NULL, 0, 0, "TIME",
	 "How long it holds, such as 12h: a login, a bar, or a job from now to its deadline.", NULL},
	{"budget", CONFIG_STRING, FIELD(budget), NULL, NULL, 0, 0, "AMOUNT",
	 "What the job may cost; it goes into escrow.", NULL},
	{"from-balance", CONFIG_BOOL, FIELD(from_balance), NULL, NULL, 0, 0, NULL,
	 "Take it from the balance in the contract, not from the account's ether.", NULL},
	{"limit", CONFIG_STRING, FIELD(limit), NULL, NULL, 0, 0, "AMOUNT[,AMOUNT,AMOUNT]",
	 "The most that a segment may cost: of all nodes, or of distributor, transcoder and storage.", NULL},
	{"max-price", CONFIG_STRING, FIELD(max_price), NULL, NULL, 0, 0, "AMOUNT",
	 "Assign the node at this price or less; the job's own limit otherwise.", NULL},
	{"accepted", CONFIG_INT, FIELD(accepted), NULL, NULL, 1, 4096, "N",
	 "How many of the batch's segments are good, when not all are. That none is, says vcli job reject.", NULL},
	{"evidence", CONFIG_STRING, FIELD(evidence), NULL, NULL, 0, 0, "FILE",
	 "What shows why segments are not good, or why somebody is barred; its hash is written down.", NULL},
	{"reason", CONFIG_STRING, FIELD(reason), NULL, NULL, 0, 0, "TEXT",
	 "Why somebody is barred, for a person to read: 256 bytes at most, and public.", NULL},
	{"once", CONFIG_STRING, FIELD(once), NULL, NULL, 0, 0, "NAME",
	 "A name for this: said again with it, whatever became of the first time, nothing is sent a second time.",
	 NULL},
	{"highest-fee", CONFIG_STRING, FIELD(highest_fee), NULL, NULL, 0, 0, "AMOUNT",
	 "What a unit of gas may cost at most, such as \"50 gwei\"; dearer, a transaction waits. 200 gwei otherwise, "
	 "and a price over that is refused, since an endpoint may ask what it likes.",
	 NULL},
	{"highest-cost", CONFIG_STRING, FIELD(highest_cost), NULL, NULL, 0, 0, "AMOUNT",
	 "What the fees of one transaction may come to at most; 0.5 ether otherwise.", NULL},
	{"chain-id", CONFIG_INT, FIELD(chain_id), NULL, NULL, 1, INT64_MAX / 2 - 36, "N",
	 "The chain that is meant, by its id: endpoints of others are not used. That of the file of addresses "
	 "otherwise.",
	 NULL},
	{"nonce", CONFIG_INT, FIELD(nonce), NULL, NULL, 1, INT64_MAX / 2, "N",
	 "The account has sent N transactions so far: when an endpoint says so and cannot prove it.", NULL},
	{"fill-gap", CONFIG_BOOL, FIELD(fill_gap), NULL, NULL, 0, 0, NULL,
	 "Use up the nonces before it that no transaction has, at most 64, by sending yourself nothing.", NULL},
};
const size_t vcli_flag_count = sizeof(vcli_flags) / sizeof(vcli_flags[0]);
const size_t vcli_global_count = 15;

const struct config_program vcli_program = {
	.name = "vcli",
	.synopsis = "vcli COMMAND [ARGUMENTS] [--flags]",
	.about = "Command line of a video network.",
	.rows = vcli_flags,
	.row_count = sizeof(vcli_flags) / sizeof(vcli_flags[0]),
};

#define FLAGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define S(n) ((n)*INT64_C(1000))

/* of commands that send transactions */
#define SENDING "account", "keystore", "once", "highest-fee", "highest-cost", "nonce"
#define READING "chain-rpc", "addresses", "chain-id"
#define WRITING READING, SENDING
#define MENDING READING, "account", "keystore", "highest-fee", "highest-cost"
#define PROFILE_TEXT                                                                                                \
	"The hash of PROFILE, a file that tells who one is, is written down; who has the file can show that it is " \
	"that."
#define AMOUNT_TEXT "AMOUNT has a unit, ether, gwei or wei, and is exact: \"1.5 ether\", 3gwei, 100 wei."
#define OUTBOX_TEXT "ID is one that vcli outbox list shows, or its beginning."
#define SUBJECT_TEXT "SUBJECT is a node id or an account's address."
#define SEGMENTS_TEXT "FILE has a line for each segment, in order; only hashes of the lines are written down."
#define COUNTER_TEXT                                                                                                 \
	"Returns when it is confirmed. What could not be confirmed in time is kept, and the account's next command " \
	"goes "                                                                                                      \
	"on with it."
#define JOB_TEXT                                                                                                      \
	"JOB is a job id that this user has started (its nodes are in the job's file), or a document that names job " \
	"and nodes."

#define WHISPER_TEXT                                                                                                \
	"Who knows the password (--password-file, $DSN_WHISPER_PASSWORD, or typed) can read and write; the key is " \
	"made of "                                                                                                  \
	"it by the node."

const struct vcli_command vcli_commands[] = {
	{"node create", "ROLE NODE_ID | FILE", 1, 2, FLAGS("agent", "name", "spec", "runtime", "mode", "detach", "ttl"),
	 S(60), "Make a node of an agent",
	 "ROLE is distributor, transcoder or storage. NODE_ID is served by an agent that was started with --node "
	 "NODE_ID, "
	 "or name any agent with --agent. FILE is a node create document, public or private.",
	 cmd_node_create},
	{"node list", NULL, 0, 0, FLAGS("agent"), S(6), "List the nodes known here, dead ones too",
	 "All nodes known here are asked, and who answers is listed with the other nodes of its agent; it takes a "
	 "third of a "
	 "second. A node that has been silent for 15 s and does not answer is dead; \"seen\" is its last sign of life. "
	 "Where none is "
	 "known, or with --timeout, it listens to those that report: agents do every 5 s unless told otherwise. With "
	 "--agent "
	 "the nodes of that agent. Exit code 5 when no node was ever heard of, 6 when all are dead.",
	 cmd_node_list},
	{"node rename", "NODE_ID NAME", 2, 2, NULL, S(10), "Give a node a name, or another one",
	 "The agent keeps it and the node reports it, so that everybody sees it.", cmd_node_rename},
	{"node forget", "NODE_ID", 1, 1, NULL, 0, "Take a node out of the list of those known here; it is told nothing",
	 NULL, cmd_node_forget},
	{"node status", "NODE_ID", 1, 1, NULL, S(10), "Show a node: state, ports, jobs and what runs", NULL,
	 cmd_node_verb},
	{"node remove", "NODE_ID", 1, 1, FLAGS("detach", "ttl", "force"), S(60),
	 "Stop and forget a node; its folder stays", "Asks first where the node has jobs; a script says --force.",
	 cmd_node_verb},
	{"node purge", "NODE_ID", 1, 1, FLAGS("detach", "ttl", "force"), S(60),
	 "Stop and forget a node and delete its folder and all it stored",
	 "Asks first where the node has jobs or recordings; a script says --force.", cmd_node_verb},
	{"node hardware", "NODE_ID", 1, 1, NULL, S(60), "Show the machine of a node (or agent) and what it can encode",
	 NULL, cmd_node_verb},
	{"node free_hardware", "NODE_ID", 1, 1, NULL, S(60), "Show what of the machine is free", NULL, cmd_node_verb},
	{"node maintenance", "on|off NODE_ID", 2, 2, FLAGS("detach", "ttl"), S(10),
	 "Drain a node (no new jobs, running ones finish), or end that", "The two arguments may come in either order.",
	 cmd_node_maintenance},
	{"node logs", "NODE_ID [UNIT]", 1, 2, FLAGS("follow", "lines"), S(10),
	 "Show what a node's programs have written",
	 "UNIT is a unit that `node status` names, such as nginx or JOB-encode; without one all of them, each line "
	 "with its "
	 "unit's name. At most 64 KiB are told at once, keys of streams are masked.",
	 cmd_node_logs},
	{"node pipeline", "NODE_ID", 1, 1, NULL, S(10), "List the jobs of a node", NULL, cmd_node_verb},

	{"pipeline init", "FILE [INPUT]", 1, 2, FLAGS("force", "ffmpeg", "ffprobe"), S(6),
	 "Write a document for the nodes that are there",
	 "A distributor, a storage (those with the fewest jobs) and a transcoder for each rendition, with their "
	 "addresses and "
	 "ports; the job is named as FILE. With INPUT, a film, for its size and bit rate, otherwise for 1280x720. "
	 "Change in it "
	 "what you like: docs/api.md has every field.",
	 cmd_pipeline_init},
	{"pipeline plan", "FILE", 1, 1, NULL, 0, "Show what a pipeline would need, without sending anything",
	 "Tasks, bandwidth in and out per node, ports, estimated CPU, and what makes it infeasible. FILE is a public "
	 "pipeline document. Exit code 1 when it cannot work.",
	 cmd_pipeline_plan},
	{"pipeline private", "FILE", 1, 1, NULL, 0, "Print the private document made of a public one",
	 "What the nodes would receive, without keys.", cmd_pipeline_private},
	{"pipeline start", "FILE", 1, 1, FLAGS("detach", "ttl", "show-key", "force"), S(30),
	 "Start a pipeline and wait until every node serves",
	 "FILE is a public or private pipeline document or a t45 task list. A line per node tells when it serves, or "
	 "why "
	 "not. The job's nodes, its private document and the publisher's key are kept in DIR/jobs/JOB.json (mode "
	 "0600). "
	 "Starting the same document again changes nothing at nodes that serve already, so it is safe after a failure.",
	 cmd_pipeline_start},
	{"pipeline push", "JOB|FILE INPUT", 2, 2, FLAGS("loop", "ffmpeg", "ffprobe"), 0,
	 "Send a video file to the distributor in real time",
	 "The file is looked at first: what HLS can store is sent as it is, anything else is encoded once on the way "
	 "and the reason is told; what nothing can be made of (sound only) is refused. --loop sends it again and "
	 "again, "
	 "as one film. Exit code 1 when the file is cut off, too: it promises more than it has. The key goes to ffmpeg "
	 "in a file, not on its command line. " JOB_TEXT,
	 cmd_pipeline_push},
	{"pipeline stop", "JOB|FILE", 1, 1, FLAGS("detach", "ttl"), S(60),
	 "End a job's stream cleanly; what was stored stays", JOB_TEXT, cmd_pipeline_stop},
	{"pipeline list", "[NODE_ID ...]", 0, 64, NULL, S(10), "List jobs",
	 "Jobs of the nodes named, otherwise of all nodes of the jobs this user has started.", cmd_pipeline_list},
	{"pipeline status", "JOB|FILE", 1, 1, FLAGS("show-key"), S(10), "Show a job at each of its nodes", JOB_TEXT,
	 cmd_pipeline_status},
	{"pipeline monitor", "JOB|FILE", 1, 1, FLAGS("count"), 0, "Follow a job: a line for every status of its nodes",
	 "Goes on until Ctrl-C, --timeout, or --count messages. With --json each status is a JSON value on a line of "
	 "its "
	 "own. " JOB_TEXT,
	 cmd_pipeline_monitor},
	{"pipeline close", "JOB|FILE", 1, 1, FLAGS("detach", "ttl"), S(60),
	 "Stop a job and remove everything stored for it", JOB_TEXT, cmd_pipeline_close},

	{"broker setup", NULL, 0, 0,
	 FLAGS("management", "admin", "admin-password-file", "vhost", "node", "client", "plain", "passwords"), 0,
	 "Make exchanges, mailboxes, policies, and a broker user per agent with only its rights",
	 "Can be run again at any time: what is there stays, users keep the passwords in their files. The network is "
	 "that of "
	 "--network. See docs/broker.md.",
	 cmd_broker_setup},
	{"bus send", "QUEUE TEXT", 2, 2, NULL, S(10), "Send a text to any queue of the broker",
	 "The queue is made when it does not exist, unless its name is a node id: that one is its agent's. The broker "
	 "confirms "
	 "the message.",
	 cmd_bus_send},
	{"bus receive", "QUEUE", 1, 1, FLAGS("count"), S(30), "Receive texts from any queue of the broker",
	 "Each message is acknowledged once it has been printed. With --count 0 it takes all that come until none has "
	 "come for "
	 "--timeout.",
	 cmd_bus_receive},
	{"key show", NULL, 0, 0, NULL, 0, "Show our address and public key",
	 "The address is what agents are told to obey with --owner.", cmd_key_show},
	{"key new", "DIR", 1, 1, NULL, 0, "Make a key for a node, and with it a node id",
	 "The key goes into a file of mode 0600 in DIR, named by the id, which is printed. DIR is the folder \"keys\" "
	 "of "
	 "the "
	 "state folder of the agent that shall serve the node.",
	 cmd_key_new},
	{"key agent", "DIR", 1, 1, NULL, 0, "Show the id of an agent by its state folder",
	 "Its key is made when it is missing, so that the id is known before the agent first runs: broker setup wants "
	 "it.",
	 cmd_key_agent},
	{"outbox list", NULL, 0, 0, NULL, 0,
	 "Show what waits: detached commands and transactions, and commands that failed",
	 "Of transactions those that are not final. A nonce with a gap before it waits for transactions that this "
	 "outbox does not know.",
	 cmd_outbox_list},
	{"outbox resend", "ID", 1, 1, FLAGS(MENDING), S(60), "Send a transaction of the outbox again, as it was signed",
	 OUTBOX_TEXT, cmd_outbox_resend},
	{"outbox replace", "ID", 1, 1, FLAGS("fill-gap", MENDING), S(60),
	 "Sign a transaction of the outbox again, at the same nonce, for more",
	 OUTBOX_TEXT
	 " One of all its forms is carried out at most. With --fill-gap it stays as it is, and the nonces before it "
	 "that nothing has are used up.",
	 cmd_outbox_replace},
	{"outbox abandon", "ID", 1, 1, FLAGS("force", MENDING), S(60), "Give up a transaction of the outbox",
	 OUTBOX_TEXT
	 " One that was signed is given up by another one at the same nonce that sends yourself nothing, for a higher "
	 "fee: it is abandoned when that one is in the chain, and may be carried out until then. With --force it is "
	 "forgotten at once: it may still be carried out, so do not say it again before you know.",
	 cmd_outbox_abandon},
	{"outbox flush", "[NAME]", 0, 1, NULL, S(30), "Send detached commands now",
	 "Of all buses, or of the one whose folder in DIR/outbox is NAME. With --timeout 0s it goes on until each "
	 "command is "
	 "sent or void, unless another process is at it already: so works the background sender of --detach.",
	 cmd_outbox_flush},

	{"whisper send", "TEXT", 1, 1, FLAGS("rpc", "rpc-token-file", "topic", "message-ttl", "pow-target", "pow-time"),
	 0, "Send a text to all who know the password", WHISPER_TEXT, cmd_whisper_send},
	{"whisper receive", NULL, 0, 0, FLAGS("rpc", "rpc-token-file", "topic", "count", "on-start", "hook"), 0,
	 "Print texts as they come; start and stop run and end a program",
	 "Goes on until Ctrl-C, --timeout or --count messages, over a node that goes and comes back too. " WHISPER_TEXT
	 " With --json each message, and what became of it, is a JSON value on a line of its own. A program that runs "
	 "at "
	 "the end is stopped.",
	 cmd_whisper_receive},
	{"whisper genpub", "[LIST]", 0, 1, FLAGS("rpc", "rpc-token-file", "net"), 0,
	 "Write the ping list of running nodes, a key pair for each",
	 "LIST is the file that is written: address, keyPairId and PubKey of each node. Where a node still holds its "
	 "key "
	 "pair of the file, it keeps it. Nodes keep keys only while they run. Without LIST it is printed.",
	 cmd_whisper_genpub},
	{"whisper ping", "LIST", 1, 1,
	 FLAGS("rpc", "rpc-token-file", "net", "topic", "message-ttl", "pow-target", "pow-time", "count", "interval",
	       "report"),
	 S(30), "Ping all nodes of a list: losses and round trips",
	 "Asymmetric: each ping is encrypted to the node's key and signed by the sender's, its answer the other way "
	 "round. "
	 "Nodes answer while vcli whisper pong runs at them. A ping without an answer after --timeout is lost; exit "
	 "code 6 "
	 "when any is.",
	 cmd_whisper_ping},
	{"whisper pong", "LIST", 1, 1,
	 FLAGS("rpc", "rpc-token-file", "net", "topic", "message-ttl", "pow-target", "pow-time"), 0,
	 "Answer pings to the keys of a list that the nodes hold", "Goes on until Ctrl-C or --timeout.",
	 cmd_whisper_pong},
	{"whisper net up", NULL, 0, 0, FLAGS("nodes", "senders", "shhd"), 0,
	 "Start Whisper nodes on this machine and wait until they have found each other",
	 "Each is a shhd of its own on free ports of 127.0.0.1 and knows only the first. They go on until vcli whisper "
	 "net "
	 "down. A start that fails or is interrupted leaves nothing.",
	 cmd_whisper_net_up},
	{"whisper net status", NULL, 0, 0, NULL, 0, "Show the nodes: peers, messages, memory", NULL,
	 cmd_whisper_net_status},
	{"whisper net down", NULL, 0, 0, NULL, 0, "End all nodes of the net and remove their folder", NULL,
	 cmd_whisper_net_down},
	{"account new", NULL, 0, 0, FLAGS("keystore", "light"), 0, "Make a key of one's own",
	 "The key is sealed under a passphrase in a file that geth reads too. Who has both is the account.",
	 cmd_account_new},
	{"account list", NULL, 0, 0, FLAGS("keystore"), 0, "List the accounts", NULL, cmd_account_list},
	{"account import", "FILE", 1, 1, FLAGS("keystore", "light"), 0, "Take a key from a file",
	 "FILE is a keystore file, geth's for instance, which keeps its passphrase, or a bare key of 64 hexadecimal "
	 "digits in a "
	 "file of mode 0600.",
	 cmd_account_import},
	{"account export", "ADDRESS FILE", 2, 2, FLAGS("keystore", "raw"), 0, "Copy a key into a file",
	 "As the keystore file that it is, or with --raw bare. ADDRESS may be shortened as long as it names one "
	 "account.",
	 cmd_account_export},

	{"chain up", NULL, 0, 0,
	 FLAGS("poa", "sealers", "period", "port", "anvil", "geth", "bootnode", "keystore", "force"), S(60),
	 "Start a development chain on this machine",
	 "Its processes go on when vcli has ended. Each account of this user gets 10,000 ether (of a network of geth "
	 "nodes, those that are there when it begins; vcli payment send gives to others). Commands that name no "
	 "--chain-rpc use it. It goes on with the "
	 "data of an earlier one, on the same ports; --force removes that and begins anew.",
	 cmd_chain_up},
	{"chain status", NULL, 0, 0, NULL, S(10), "Show the development chain: processes, endpoints, latest block",
	 NULL, cmd_chain_status},
	{"chain down", NULL, 0, 0, NULL, 0, "End the development chain; its data stays", NULL, cmd_chain_down},
	{"chain deploy", NULL, 0, 0, FLAGS(READING, "windows", "force", SENDING), S(120),
	 "Put the contracts on a chain and write down where they are",
	 "The file with their addresses is what all other commands read. The account that deploys owns the roles.",
	 cmd_chain_deploy},
	{"chain tps", NULL, 0, 0,
	 FLAGS("chain-rpc", "chain-id", "account", "keystore", "seconds", "accounts", "window", "confirmations"), 0,
	 "Measure how many calls a second the chain takes",
	 "Deploys a Counter of its own, gives some accounts ether, has them call it for a while, and tells the rate "
	 "beside what the blocks can hold. Then the chain is asked whether it has each call once. Ctrl-C ends the "
	 "calls "
	 "early, with the figures until then; a second one does not wait for them. The account pays: "
	 "what the calls leave of it stays with those accounts, whose keys come from its own, for the next time. On a "
	 "chain where ether is worth something this is a way to lose it.",
	 cmd_chain_tps},
	{"counter get", NULL, 0, 0, FLAGS(READING), S(20), "Show the counter", NULL, cmd_counter_get},
	{"counter increment", NULL, 0, 0, FLAGS(WRITING), S(60), "Move the counter up", COUNTER_TEXT, cmd_counter_move},
	{"counter decrement", NULL, 0, 0, FLAGS(WRITING), S(60), "Move the counter down", COUNTER_TEXT,
	 cmd_counter_move},
	{"counter move", "start|stop", 1, 1, FLAGS(WRITING), S(60), "Move the counter up for start, down for stop",
	 "Takes the word last, as a hook of received words gives it. " COUNTER_TEXT, cmd_counter_move},
	{"counter clear", NULL, 0, 0, FLAGS(WRITING), S(60), "Set the counter to 0", COUNTER_TEXT, cmd_counter_move},

	{"register customer", "[PROFILE]", 0, 1, FLAGS(WRITING), S(60), "Take part as a customer, who may create jobs",
	 PROFILE_TEXT, cmd_register},
	{"register supplier", "[PROFILE]", 0, 1, FLAGS(WRITING), S(60), "Take part as a supplier, who may offer nodes",
	 PROFILE_TEXT, cmd_register},
	{"register add node", "ROLE KEY_FILE", 2, 2,
	 FLAGS("price", "capacity", "endpoint", "software", "node-passphrase-file", WRITING), S(60), "Offer a node",
	 "ROLE is distributor, transcoder or storage. KEY_FILE is the node's key, as vcli key new made it: with it the "
	 "node "
	 "agrees that it belongs to the account.",
	 cmd_register_add_node},
	{"register update node", "NODE_ID", 1, 1, FLAGS("price", "capacity", "endpoint", "software", WRITING), S(60),
	 "Offer a node on other terms", "All terms are given anew. Jobs it was assigned keep their price.",
	 cmd_register_update_node},
	{"register remove node", "NODE_ID", 1, 1, FLAGS(WRITING), S(60), "Offer a node no longer",
	 "What it was assigned before goes on.", cmd_register_remove_node},
	{"register remove customer", NULL, 0, 0, FLAGS(WRITING), S(60), "Take part as a customer no longer",
	 "Money and running jobs are not touched.", cmd_register_remove},
	{"register remove supplier", NULL, 0, 0, FLAGS(WRITING), S(60), "Take part as a supplier no longer",
	 "Money and running jobs are not touched.", cmd_register_remove},
	{"register list", "[customers|suppliers|nodes]", 0, 1, FLAGS(READING), S(60),
	 "List who takes part and which nodes are offered", NULL, cmd_register_list},
	{"role grant", "manager|verifier ADDRESS", 2, 2, FLAGS(WRITING), S(60), "Offer somebody a role",
	 "It holds once it is accepted.", cmd_role_change},
	{"role accept", "manager|verifier", 1, 1, FLAGS(WRITING), S(60), "Accept a role that was offered", NULL,
	 cmd_role_change},
	{"role revoke", "manager|verifier ADDRESS", 2, 2, FLAGS(WRITING), S(60), "Take a role from somebody", NULL,
	 cmd_role_change},
	{"role renounce", "manager|verifier", 1, 1, FLAGS(WRITING), S(60), "Give up a role", NULL, cmd_role_change},
	{"role list", NULL, 0, 0, FLAGS(READING), S(20), "List who holds which role", NULL, cmd_role_list},
	{"bar add", "SUBJECT", 1, 1, FLAGS("reason", "evidence", "for", WRITING), S(60),
	 "Bar a node or an account for a while (verifier)",
	 SUBJECT_TEXT
	 " A node that is barred, or whose owner is, is assigned to no job; a customer creates none. What was "
	 "earned before is paid.",
	 cmd_bar_add},
	{"bar lift", "SUBJECT", 1, 1, FLAGS(WRITING), S(60), "End a bar early (the verifier who barred, owner)",
	 SUBJECT_TEXT, cmd_bar_lift},
	{"bar appeal", "SUBJECT FILE", 2, 2, FLAGS(WRITING), S(60), "Say that a bar is wrong (who is barred)",
	 SUBJECT_TEXT " The owner speaks for a node. FILE is what one has to say; its hash is written down, the file "
		      "goes to whoever decides. There is one appeal for each bar.",
	 cmd_bar_appeal},
	{"bar decide", "SUBJECT lift|keep", 2, 2, FLAGS(WRITING), S(60), "Decide an appeal (another verifier, owner)",
	 SUBJECT_TEXT " Kept, the bar stands until its end. Nobody decides who barred it, is it or owns it.",
	 cmd_bar_decide},
	{"bar show", "SUBJECT", 1, 1, FLAGS(READING), S(20),
	 "Show whether somebody is barred: until when, why, by whom",
	 SUBJECT_TEXT " A node of a barred owner is not barred itself: ask for both.", cmd_bar_show},
	{"login", "[CHALLENGE]", 0, 1, FLAGS("for", "account", "keystore", READING), S(20),
	 "Prove that one has an account's key",
	 "Signs (EIP-712) account, time and a challenge, 32 bytes of whoever wants the proof or random ones, for this "
	 "chain "
	 "and its contracts. The session is kept in session.json (mode 0600) of the state folder; its account is that "
	 "of the "
	 "commands that follow.",
	 cmd_login},
	{"logout", NULL, 0, 0, NULL, 0, "Forget the login", NULL, cmd_logout},
	{"whoami", "[FILE]", 0, 1, FLAGS(READING), S(20), "Check a login and show whose it is",
	 "The login of this user, or the one in FILE, somebody else's for instance.", cmd_whoami},
	{"payment balance", "[ADDRESS]", 0, 1, FLAGS("account", "keystore", READING), S(20), "Show what an account has",
	 "balance: in the contract; wallet: the account's own ether, from which fees are paid.", cmd_payment_balance},
	{"payment deposit", "AMOUNT", 1, 2, FLAGS(WRITING), S(60), "Put ether into the contract", AMOUNT_TEXT,
	 cmd_payment_deposit},
	{"payment withdraw", "AMOUNT", 1, 2, FLAGS(WRITING), S(60), "Take ether out of the contract", AMOUNT_TEXT,
	 cmd_payment_withdraw},
	{"payment transfer", "ADDRESS AMOUNT", 2, 3, FLAGS(WRITING), S(60), "Pay somebody, within the contract",
	 "From one's balance in the contract to somebody else's, who withdraws it; vcli payment send pays from "
	 "wallet to wallet. " AMOUNT_TEXT,
	 cmd_payment_transfer},
	{"payment send", "ADDRESS AMOUNT", 2, 3, FLAGS(WRITING), S(60), "Send ether to somebody's wallet",
	 "From the account's own ether, outside of the contracts: an account needs some for its fees. What is in the "
	 "contract moves with vcli payment transfer. " AMOUNT_TEXT,
	 cmd_payment_send},

	{"job create", "DOCUMENT", 1, 1, FLAGS("budget", "limit", "for", "from-balance", WRITING), S(60),
	 "Create a job and put its budget in escrow",
	 "DOCUMENT is a file that says what is ordered, a pipeline document for instance; its hash is written down. "
	 "What the "
	 "nodes do not earn comes back.",
	 cmd_job_create},
	{"job top-up", "JOB AMOUNT", 2, 3, FLAGS("from-balance", WRITING), S(60), "Put more in a job's escrow",
	 AMOUNT_TEXT, cmd_job_top_up},
	{"job assign", "JOB NODE_ID...", 2, 33, FLAGS("max-price", WRITING), S(120),
	 "Let nodes work for a job (manager)", NULL, cmd_job_assign},
	{"job unassign", "JOB NODE_ID", 2, 2, FLAGS(WRITING), S(60),
	 "Let a node work for a job no longer (manager, payee)", NULL, cmd_job_unassign},
	{"job report", "JOB NODE_ID FILE", 3, 3, FLAGS(WRITING), S(60),
	 "Report delivered segments as a batch (node, payee)",
	 SEGMENTS_TEXT " Reporting the node's last batch again changes nothing.", cmd_job_report},
	{"job confirm", "JOB NODE_ID ORDINAL [FILE]", 3, 4, FLAGS("accepted", "evidence", WRITING), S(60),
	 "Judge a batch as good (verifier)", "With FILE only when the batch is of these very segments. " SEGMENTS_TEXT,
	 cmd_job_confirm},
	{"job reject", "JOB NODE_ID ORDINAL", 3, 3, FLAGS("evidence", WRITING), S(60),
	 "Judge a batch as bad (verifier)", NULL, cmd_job_reject},
	{"job dispute", "JOB NODE_ID ORDINAL [INDEX FILE]", 3, 5, FLAGS(WRITING), S(60),
	 "Dispute a judgement by a segment of the batch",
	 "INDEX counts from 0. A customer that was given no segments leaves it and FILE out. " SEGMENTS_TEXT,
	 cmd_job_dispute},
	{"job resolve", "JOB NODE_ID ORDINAL ACCEPTED", 4, 4, FLAGS("evidence", WRITING), S(60),
	 "Decide a dispute (verifier, owner)", "ACCEPTED segments are paid.", cmd_job_resolve},
	{"job settle", "JOB NODE_ID ORDINAL", 3, 3, FLAGS(WRITING), S(60), "Pay what of a batch was judged as good",
	 "Anybody, once it cannot be disputed any longer; who alone could dispute it, at once.", cmd_job_settle},
	{"job close", "JOB", 1, 1, FLAGS(WRITING), S(60), "End a job's work (customer, manager)",
	 "What was delivered can still be reported for a while.", cmd_job_end},
	{"job cancel", "JOB", 1, 1, FLAGS(WRITING), S(60), "Take back a job that no node works for (customer)", NULL,
	 cmd_job_end},
	{"job finish", "JOB", 1, 1, FLAGS(WRITING), S(60), "Bring a job to its end; the rest of its escrow goes back",
	 "Anybody, once all batches are settled and no more can be reported.", cmd_job_end},
	{"job status", "JOB", 1, 1, FLAGS(READING), S(20), "Show a job: state, escrow, nodes and their last batches",
	 NULL, cmd_job_status},

	{"completion", "bash|zsh|ids|agents", 1, 1, NULL, 0, "Print the completion script of a shell",
	 "The scripts ask for ids and agents: the nodes and agents known here, by id and by name.", cmd_completion},
	{"manual", NULL, 0, 0, NULL, 0, "Print the manual page vcli(1) as roff", NULL, cmd_manual},
	{"help", "[COMMAND]", 0, 3, NULL, 0, "Explain a command, or list all", NULL, cmd_help},
	{"version", NULL, 0, 0, NULL, 0, "Print the version", NULL, cmd_version},
	{0},
};

const struct config_row *vcli_flag(const char *name, size_t len)
{
	for (size_t i = 0; i < vcli_flag_count; i++) {
		if (strlen(vcli_flags[i].name) == len && strncmp(vcli_flags[i].name, name, len) == 0)
			return &vcli_flags[i];
	}
	return NULL;
}

bool vcli_takes(const struct vcli_command *c, const struct config_row *flag)
{
	if ((size_t)(flag - vcli_flags) < vcli_global_count)
		return true;
	for (const char *const *f = c->flags; f && *f; f++) {
		if (strcmp(*f, flag->name) == 0)
			return true;
	}
	return false;
}
