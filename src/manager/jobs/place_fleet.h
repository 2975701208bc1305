/* The fleet: what is known of agents and nodes, kept so that a plan (place.h) looks at few of them.
 *
 * Purpose: told by the registry, read by plans and reservations. An agent is a machine: it has capacity and load, and
 *   all its nodes draw on them. A node has a role, an owner, a price, a place, and a policy.
 * Units: work in macroblocks of 16x16 a second, as api/plan.h counts it; bit rates in bits a second; parts of a whole
 *   in thousandths (_pm); instants in milliseconds of the caller's monotonic clock; a price is of one second, in the
 *   smallest unit of whatever the caller pays with.
 * Cost: a heartbeat takes the time of the agent's own nodes, everything else of one node; nothing looks at the fleet.
 * Ownership: the fleet belongs to its ctx and copies what it is told.
 * Errors: what is out of range or unknown; nothing has changed then.
 * Threads: one at a time, plans too (they mark whom they have looked at).
 */
#ifndef DSN_MANAGER_JOBS_PLACE_FLEET_H
#define DSN_MANAGER_JOBS_PLACE_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/task.h"
#include "base/error.h"

#define PLACE_UNKNOWN (-1)  /* of a capacity: not said, so it does not limit; of a ratio: not measured */
#define PLACE_NO_PRICE (-1) /* of a node: asks for nothing; of a limit: pays whatever is asked */

#define PLACE_MAX_ID 64 /* bytes of an id, an owner, a region, a label, a customer, a version */
#define PLACE_MAX_LABELS 16
#define PLACE_MAX_CUSTOMERS 64
#define PLACE_MAX_AMOUNT INT64_C(1000000000000) /* of work or bit rate, anywhere */

/* May it have work? Who says so: the registry, of each node. */
enum place_state {
	PLACE_ONLINE, /* the only one that gets work */
	PLACE_SUSPECT,
	PLACE_OFFLINE,
	PLACE_DRAINING,
	PLACE_TOO_OLD, /* its version */
	PLACE_BARRED,
	PLACE_SET_ASIDE, /* by the operator, or for what it did to jobs */
	PLACE_STRANGE,   /* does not obey this manager */
	PLACE_NOT_SERVING,
	PLACE_NO_PORTS,
	PLACE_STATES,
};
const char *place_state_name(enum place_state state);

/* Sizes that ratios are measured for. */
#define PLACE_RUNGS 8
/* The lowest rung that has at least this height, or the highest. 0: 240 lines or fewer, 7: more than 1440. */
int place_rung(int height);
/* "720": the most lines of a rung; of the highest "2160". */
const char *place_rung_name(int rung);

struct place_amount {
	int64_t blocks_per_s; /* decoding and encoding */
	int64_t bps;          /* in and out, through the machine's link */
};

/* An agent's heartbeat. */
struct place_beat {
	struct place_amount capacity; /* of the idle machine, as measured; each may be PLACE_UNKNOWN */
	int load_pm;                  /* of the whole machine, 0..1000 */
	int jobs_load_pm;             /* the part of it that the network's jobs make */
	int realtime_pm[PLACE_RUNGS]; /* 95th percentile of time to encode / time encoded; or PLACE_UNKNOWN */
};
/* A heartbeat in which nothing is known and nothing is used. */
extern const struct place_beat place_beat_unknown;

/* What the owner of a node takes. */
struct place_policy {
	unsigned roles;               /* 1u << enum api_role for each role it serves in */
	const char *const *customers; /* nobody but these; count 0: everybody */
	size_t customer_count;
	int ceiling_pm; /* load of the machine that it may come to, 1..1000 */
	int most_jobs;  /* at once on this node; PLACE_UNKNOWN: any number */
};
#define PLACE_CEILING_PM 800 /* where encoders begin to miss real time (facts of other networks: 0.8 to 0.85) */
/* Takes every role and customer, to PLACE_CEILING_PM. */
extern const struct place_policy place_policy_open;

/* What changes rarely. Pointers are read in the call only. */
struct place_facts {
	const char *id, *agent, *owner; /* not empty */
	enum api_role role;
	const char *version; /* "1.2.3"; NULL: not known, older than any */
	const char *region;  /* NULL: not said */
	const char *const *labels;
	size_t label_count;
	bool gpu;
	const char *address;      /* IPv4 or IPv6, by which neighbours (/24, /48) are told; a name or NULL: not known */
	int rtmp_port, http_port; /* 0: none */
	bool classic;             /* reads messages of API 1.00 only */
	int64_t price;            /* or PLACE_NO_PRICE */
	struct place_policy policy;
};

/* `seed` is a secret that keeps strangers from choosing ids whose search is slow. */
struct place_fleet *place_fleet_new(const void *ctx, uint32_t seed);

/* A new node, which is offline, or new facts of one that is there; state, promises and reputation stay. ERROR_INVALID
 * names what is out of range; ERROR_REFUSED: another agent or role, while jobs are promised on it. */
struct error *place_node_set(struct place_fleet *fleet, const struct place_facts *facts) MUST_CHECK;
/* ERROR_NOT_FOUND; ERROR_REFUSED while jobs are promised on it. */
struct error *place_node_remove(struct place_fleet *fleet, const char *id) MUST_CHECK;
/* False: there is no such node. */
bool place_node_state(struct place_fleet *fleet, const char *id, enum place_state state);
/* False: there is no such node, or it has another state. */
bool place_node_is(const struct place_fleet *fleet, const char *id, enum place_state state);
/* Where it is reached, as its facts say; borrowed until they are said anew. False: there is no such node. */
struct place_contact {
	enum api_role role;
	const char *address; /* lower case; "": not known */
	int rtmp_port, http_port;
	bool classic;
};
bool place_node_contact(const struct place_fleet *fleet, const char *id, struct place_contact *ret);
/* Its owner as place_node_set() was told; NULL: there is no such node. Good until the fleet changes. */
const char *place_node_owner(const struct place_fleet *fleet, const char *id);
/* How many jobs it says that it has, whoever gave them: what is spread by the number of jobs goes by the larger of this
 * and what is promised. False: there is no such node. */
bool place_node_says_jobs(struct place_fleet *fleet, const char *id, int jobs);
/* Each node's id, in no order; the fleet stays as it is meanwhile. */
void place_fleet_each(const struct place_fleet *fleet, void (*fn)(const char *id, void *arg), void *arg);
/* Of an agent that has nodes; one that has said nothing yet has no room. ERROR_NOT_FOUND, ERROR_INVALID. */
struct error *place_agent_beat(struct place_fleet *fleet, const char *agent, const struct place_beat *beat) MUST_CHECK;

/* How work on a node ended. Older outcomes count for less: half after PLACE_HALF_LIFE_MS. */
enum place_outcome {
	PLACE_GOOD,
	PLACE_BAD,
	PLACE_UNCLEAR, /* nobody can say whose fault it was: weighs nothing, but too many of them do */
};
#define PLACE_HALF_LIFE_MS INT64_C(604800000) /* a week */
#define PLACE_NEW_OUTCOMES 10                 /* a node with fewer good and bad ones is new */
/* False: there is no such node. */
bool place_node_outcome(struct place_fleet *fleet, const char *id, enum place_outcome outcome, int64_t now_ms);
/* 0..1: the share of good ones, as if 8 good and 2 bad had been seen before. 0: there is no such node. */
double place_node_reputation(const struct place_fleet *fleet, const char *id, int64_t now_ms);

/* What is promised of a node, and on its agent by all its nodes. False: there is no such node. */
bool place_node_promised(const struct place_fleet *fleet, const char *id, struct place_amount *ret_agent,
			 int *ret_jobs);

/* How many there are. O(1). */
size_t place_fleet_count(const struct place_fleet *fleet, enum api_role role, enum place_state state);
size_t place_fleet_nodes(const struct place_fleet *fleet);

#endif
