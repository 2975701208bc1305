/* dsn-agent: one per machine, hosts any number of nodes. Settings and wiring only; the work is in node/. */
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "api/beat.h"
#include "base/daemon.h"
#include "base/mem.h"
#include "bus/bus.h"
#include "node/agent/agent.h"
#include "node/runtime/cgroup.h"

#define ROW(field) offsetof(struct agent_settings, field)

static const struct config_row rows[] = {
	{"bus", CONFIG_STRING, ROW(bus), "amqp://127.0.0.1/", NULL, 0, 0, "URL",
	 "the bus: amqp://[user@]host[:port]/vhost, amqps://... or shh://... (docs/whisper-bus.md)", bus_check_url},
	{"network", CONFIG_STRING, ROW(network), "default", NULL, 0, 0, "NAME", "name of the network on the bus", NULL},
	{"password-file", CONFIG_STRING, ROW(password_file), NULL, NULL, 0, 0, "FILE",
	 "0600 file with the bus password; without it $DSN_BROKER_PASSWORD", NULL},
	{"ca-file", CONFIG_STRING, ROW(ca_file), NULL, NULL, 0, 0, "FILE",
	 "amqps: trust anchors instead of the system's", NULL},
	{"cert-file", CONFIG_STRING, ROW(cert_file), NULL, NULL, 0, 0, "FILE", "amqps: client certificate", NULL},
	{"key-file", CONFIG_STRING, ROW(key_file), NULL, NULL, 0, 0, "FILE", "amqps: key of the client certificate",
	 NULL},
	{"owner", CONFIG_LIST, ROW(owners), NULL, NULL, 0, 0, "ADDRESS",
	 "obey commands signed by this key (repeatable): \"vcli key show\" tells it", NULL},
	{"manager", CONFIG_LIST, ROW(managers), NULL, NULL, 0, 0, "ADDRESS",
	 "let this key give the nodes work and look at them, no more (repeatable): dsnd tells its address at its start",
	 NULL},
	{"accept-plain", CONFIG_BOOL, ROW(accept_plain), "no", NULL, 0, 0, NULL,
	 "obey messages that are neither signed nor encrypted too, also bare documents in queues named by the node id",
	 NULL},
	{"passphrase-file", CONFIG_STRING, ROW(passphrase.file), NULL, NULL, 0, 0, "FILE",
	 "0600 file with the passphrase of keystore files among the keys", NULL},
	{"passphrase-agent", CONFIG_STRING, ROW(passphrase.agent), NULL, NULL, 0, 0, "SOCKET",
	 "take from the agent at this socket, gpg-agent, the passphrases that it holds; without a passphrase-file",
	 NULL},
	{"state-dir", CONFIG_STRING, ROW(state_dir), "/var/lib/dsn", NULL, 0, 0, "DIR",
	 "the agent's database and the nodes' folders", NULL},
	{"node", CONFIG_LIST, ROW(nodes), NULL, NULL, 0, 0, "ID",
	 "serve this node id, or the node of this enode's public key (128 digits), from the start (repeatable)", NULL},
	{"name", CONFIG_STRING, ROW(name), NULL, NULL, 0, 0, "NAME", "name of this agent, for people and vcli --agent",
	 NULL},
	{"region", CONFIG_STRING, ROW(region), NULL, NULL, 0, 0, "WORD",
	 "where this machine is, as orders ask for it: letters, digits, ., _ and -", NULL},
	{"label", CONFIG_LIST, ROW(labels), NULL, NULL, 0, 0, "WORD",
	 "what orders may ask this machine to be (repeatable, up to 16): letters, digits, ., _ and -", NULL},
	{"customers", CONFIG_LIST, ROW(customers), NULL, NULL, 0, 0, "ADDRESS",
	 "take work of this customer, and of no other but those named too (repeatable, up to 64); dsnd keeps it: a command does not say whose work it is",
	 NULL},
	{"load-ceiling", CONFIG_INT, ROW(load_ceiling), "80", NULL, 0, 100, "PERCENT",
	 "load of the machine above which managers get no new jobs; 0: take them at any load, and tell neither capacity nor speed",
	 NULL},
	{"most-jobs", CONFIG_INT, ROW(most_jobs), "0", NULL, 0, API_BEAT_MOST_JOBS, "NUMBER",
	 "jobs that managers may give each node; 0: any number", NULL},
	{"price", CONFIG_INT, ROW(price), "0", NULL, 0, API_BEAT_MOST, "NUMBER",
	 "what a second on a node costs, in the smallest unit of what the network pays with; dsnd keeps it; 0: nothing",
	 NULL},
	{"bandwidth", CONFIG_INT, ROW(bandwidth_mbps), "0", NULL, 0, 1000000, "MBIT",
	 "what this machine can send and receive, in megabits a second; 0: not known, dsnd sets no bound", NULL},
	{"port-range", CONFIG_STRING, ROW(port_range), "20000-20999", NULL, 0, 0, "A-B",
	 "ports given to nodes whose document names none", NULL},
	{"public-ip", CONFIG_STRING, ROW(public_ip), "127.0.0.1", NULL, 0, 0, "ADDRESS",
	 "address that endpoints are announced with", NULL},
	{"mode", CONFIG_CHOICE, ROW(mode), "managed", "managed|classic", 0, 0, NULL,
	 "mode of nodes whose document names none", NULL},
	{"classic-allow", CONFIG_LIST, ROW(classic_allow), NULL, NULL, 0, 0, "ADDRESS",
	 "who may publish at nodes in classic mode (repeatable): an address, a network such as 192.0.2.0/24, or all; without it this machine alone; in Docker, where nobody can ask for addresses, all or this machine alone",
	 NULL},
	{"runtime", CONFIG_CHOICE, ROW(runtime), "process", "process|docker", 0, 0, NULL,
	 "runtime of nodes whose document names none", NULL},
	{"run-as", CONFIG_STRING, ROW(run_as), "nobody", NULL, 0, 0, "USER",
	 "whom nginx and ffmpeg run as when the agent is root", NULL},
	{"unit-uids", CONFIG_STRING, ROW(unit_uids), "70000-70999", NULL, 0, 0, "FIRST-LAST",
	 "user ids of nodes' own, one for each node, when the agent is root; none: all run as --run-as, whose groups (video, render) they have in any case",
	 NULL},
	{"unit-tasks", CONFIG_INT, ROW(unit_tasks), "1024", NULL, 0, 1000000, "NUMBER",
	 "processes and threads that a program of a node may have, and a node four times as many; 0: no bound", NULL},
	{"unit-memory", CONFIG_INT, ROW(unit_memory_mib), "4096", NULL, 0, 1 << 24, "MIB",
	 "memory of a program (a container, or a process with a control group) whose node's document names none; 0: no bound",
	 NULL},
	{"cgroup", CONFIG_STRING, ROW(cgroup), "auto", NULL, 0, 0, "auto|none|DIR",
	 "control group (version 2) in which programs of nodes get groups of their own, with limits of memory and tasks: the one that systemd delegated to the agent, if it did; none; or DIR, which was made for the agent alone",
	 NULL},
	{"release-cgroup", CONFIG_BOOL, ROW(release_cgroup), "no", NULL, 0, 0, NULL,
	 "only make the group of --cgroup such that an agent can be started in it again, after one that was killed (systemd: ExecStopPost=)",
	 NULL},
	{"nginx", CONFIG_STRING, ROW(nginx), "/usr/sbin/nginx", NULL, 0, 0, "PROGRAM", "nginx", NULL},
	{"rtmp-module", CONFIG_STRING, ROW(rtmp_module), "/usr/lib/nginx/modules/ngx_rtmp_module.so", NULL, 0, 0,
	 "FILE", "nginx's RTMP module", NULL},
	{"ffmpeg", CONFIG_STRING, ROW(ffmpeg), "ffmpeg", NULL, 0, 0, "PROGRAM", "ffmpeg", NULL},
	{"ffprobe", CONFIG_STRING, ROW(ffprobe), "ffprobe", NULL, 0, 0, "PROGRAM", "ffprobe", NULL},
	{"segmenter", CONFIG_STRING, ROW(segmenter), NULL, NULL, 0, 0, "PROGRAM",
	 "segmenter of storages; without it the dsn-hls beside this program", NULL},
	{"relay", CONFIG_STRING, ROW(relay), NULL, NULL, 0, 0, "PROGRAM",
	 "relay of distributors; without it the dsn-relay beside the segmenter", NULL},
	{"docker-socket", CONFIG_STRING, ROW(docker_socket), "/var/run/docker.sock", NULL, 0, 0, "FILE",
	 "socket of Docker's engine", NULL},
	{"image", CONFIG_STRING, ROW(image), "dsn-nginx-rtmp:" DSN_VERSION, NULL, 0, 0, "IMAGE",
	 "container image of nodes whose document names none", NULL},
	{"preset", CONFIG_STRING, ROW(preset), "veryfast", NULL, 0, 0, "PRESET", "x264 preset where a task names none",
	 NULL},
	{"stall-after", CONFIG_DURATION, ROW(stall_after_ms), "8s", NULL, 0, 0, "TIME",
	 "restart a unit that makes no progress for this long while its input flows", NULL},
	{"end-after", CONFIG_DURATION, ROW(end_after_ms), "30s", NULL, 0, 0, "TIME",
	 "a stream has ended when its publisher was away for this long", NULL},
	{"status-every", CONFIG_DURATION, ROW(status_every_ms), "5s", NULL, 0, 0, "TIME",
	 "how often status is sent when nothing changes", NULL},
	{"apply-timeout", CONFIG_DURATION, ROW(apply_timeout_ms), "20s", NULL, 0, 0, "TIME",
	 "how long a node or job may take until it serves", NULL},
	{"claim-timeout", CONFIG_DURATION, ROW(claim_timeout_ms), "30s", NULL, 0, 0, "TIME",
	 "end with code 4 when another agent holds a node id of ours this long at the start", NULL},
	{"stop-units", CONFIG_BOOL, ROW(stop_units), "no", NULL, 0, 0, NULL,
	 "at the end also end nginx and ffmpeg; without it they go on for the next agent", NULL},
	{"log-level", CONFIG_CHOICE, ROW(log_level), "info", "error|warn|info|debug", 0, 0, NULL, "least level logged",
	 NULL},
};

static const struct config_program program = {
	.name = "dsn-agent",
	.synopsis = "dsn-agent [options]",
	.about =
		"Hosts nodes of a video network on this machine: takes commands from the bus, runs nginx and ffmpeg for each node, watches them and reports. SIGTERM ends it.",
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(rows[0]),
	.default_file = "/etc/dsn/agent.conf",
};

/* dsn-hls in the folder of this program. */
static char *own_segmenter(const void *ctx)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (len < 0)
		return mem_strdup(ctx, "dsn-hls");
	path[len] = '\0';
	return mem_printf(ctx, "%s/dsn-hls", dirname(path));
}

static char *relay_beside(const void *ctx, const char *segmenter)
{
	const char *slash = strrchr(segmenter, '/');
	int folder_len = slash ? (int)(slash + 1 - segmenter) : 0;

	return mem_printf(ctx, "%.*sdsn-relay", folder_len, segmenter);
}

static struct error *prepare(const void *ctx, void *arg, bool *ret_done)
{
	struct agent_settings *settings = arg;

	if (settings->release_cgroup) {
		*ret_done = true;
		return cgroup_release(settings->cgroup);
	}
	settings->passphrase.unattended = true;
	if (!settings->segmenter)
		settings->segmenter = own_segmenter(ctx);
	if (!settings->relay)
		settings->relay = relay_beside(ctx, settings->segmenter);
	return NULL;
}

static void on_end(int code, void *arg)
{
	daemon_end(arg, code);
}

static struct error *open_agent(const void *ctx, struct daemon *d, const void *settings, void **ret_state)
{
	struct agent *agent = NULL;

	TRY(agent_open(ctx, daemon_loop(d), settings, on_end, d, &agent));
	*ret_state = agent;
	return NULL;
}

static void stop(struct daemon *d, void *state)
{
	(void)d;
	agent_stop(state);
}

static const struct daemon_kind kind = {
	.program = &program,
	.log_name = "agent",
	.log_level_offset = ROW(log_level),
	.prepare = prepare,
	.open = open_agent,
	.stop = stop,
};

int main(int argc, char **argv)
{
	struct agent_settings settings = {0};

	return daemon_main(argc, argv, &kind, &settings);
}
