/* What an agent is told at its start: the options of dsn-agent. The strings belong to the caller. */
#ifndef DSN_NODE_SETTINGS_H
#define DSN_NODE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/passphrase.h"

struct agent_settings {
	char *bus, *network, *password_file, *ca_file, *cert_file, *key_file;
	bool accept_plain;
	char **owners;                       /* ids whose commands are obeyed; NULL: none, which wants accept_plain */
	char **managers;                     /* ids that may give work and look (node/agent/rights.c); NULL: none */
	struct passphrase_source passphrase; /* of keystore files among the keys */
	char *state_dir;
	char **nodes; /* ids served from the start; NULL: none */
	char *name;   /* of the agent, for people; NULL: none */
	/* What the heartbeat tells of the machine, and what of managers' work is taken (node/agent/policy.h). */
	char *region;           /* NULL: not said */
	char **labels;          /* NULL: none */
	char **customers;       /* NULL: everybody's work */
	int64_t load_ceiling;   /* percent of the machine; 0: work is taken at any load */
	int64_t most_jobs;      /* of a node; 0: any number */
	int64_t price;          /* of a second; 0: none */
	int64_t bandwidth_mbps; /* 0: not said */
	char *port_range, *public_ip;
	char *mode, *runtime; /* of nodes whose document names none */
	char **classic_allow; /* who may publish at classic nodes; NULL: this machine */
	char *run_as;
	char *unit_uids;         /* users of nodes' own, "FIRST-LAST"; "none" or NULL: all run as run_as */
	int64_t unit_tasks;      /* processes and threads of a unit; 0: no bound */
	int64_t unit_memory_mib; /* of a unit whose node names none; 0: no bound */
	char *cgroup;            /* whose control group units get theirs in: cgroup_open(); NULL: none */
	bool release_cgroup;     /* only cgroup_release() */
	char *nginx, *rtmp_module, *ffmpeg, *ffprobe, *segmenter; /* segmenter NULL: dsn-hls beside the agent */
	char *relay;                                              /* NULL: dsn-relay beside the segmenter */
	char *docker_socket, *image;
	char *preset; /* x264 preset where a task names none */
	int64_t stall_after_ms, end_after_ms, status_every_ms, apply_timeout_ms, claim_timeout_ms;
	bool stop_units; /* at the end of the agent also end what it runs */
	char *log_level;
};

#endif
