/* How the fleet is kept; of use inside the placement and the reservations only. */
#ifndef DSN_MANAGER_JOBS_PLACE_IMPL_H
#define DSN_MANAGER_JOBS_PLACE_IMPL_H

#include "manager/jobs/place.h"
#include "manager/jobs/place_words.h"

/* Nodes in no order; each knows where it stands, so that it comes and goes at once. */
struct place_set {
	uint32_t *rows;
	uint32_t count, capacity;
};

/* The kinds of sets that a node stands in at most once each. */
enum place_at {
	PLACE_AT_ROLE,   /* all of its role */
	PLACE_AT_OPEN,   /* open ones of its role, new or not */
	PLACE_AT_REGION, /* the same of its region */
	PLACE_AT_GPU,
	PLACE_ATS,
};

struct place_label {
	uint32_t word, at; /* where it stands in the label's set */
};

struct place_node {
	uint32_t agent, owner, region, host, next_of_agent;
	uint16_t rtmp_port, http_port; /* 0: none */
	uint8_t role, state;
	bool gpu, open, is_new, classic;
	uint8_t label_count, customer_count;
	uint16_t ceiling_pm;
	uint32_t roles, at[PLACE_ATS];
	uint64_t seen;         /* the last draw that has looked at it */
	uint64_t planned;      /* the last plan that has marked it */
	bool excluded, used;   /* by that plan */
	int most_jobs, jobs;   /* promised */
	int says_jobs;         /* has, as it says */
	uint64_t net, version; /* 0: not known */
	int64_t price;
	struct place_label *labels;
	uint32_t *customers;
	float good, bad, unclear; /* as they weighed at outcome_ms */
	uint32_t outcomes;        /* good and bad ones, in full */
	int64_t outcome_ms;
};

struct place_agent {
	struct place_beat beat;
	struct place_amount promised;
	int jobs;                  /* of all its nodes, promised */
	int says_jobs;             /* of all its nodes, as they say */
	uint64_t planned;          /* the last plan that has a part for it */
	struct place_amount taken; /* by that plan */
	uint32_t first_node;       /* PLACE_NONE: none */
};

struct place_region {
	struct place_set open[API_ROLE_COUNT][2]; /* [1]: new ones */
};

/* nodes, agents and regions are numbered as the words of their names. */
struct place_fleet {
	struct place_words ids, agent_ids, owners, regions, labels, customers, hosts;
	struct place_node *nodes;
	struct place_agent *agents;
	struct place_region *in_region;
	struct place_set *with_label;
	uint32_t node_room, agent_room, region_room, label_room;
	struct place_set of_role[API_ROLE_COUNT], open[API_ROLE_COUNT][2], with_gpu;
	size_t counts[API_ROLE_COUNT][PLACE_STATES];
	uint64_t draw, plan; /* the last ones */
};

/* Sets (place_set.c). */
void place_set_add(struct place_fleet *fleet, struct place_set *set, uint32_t node, enum place_at at);
void place_set_remove(struct place_fleet *fleet, struct place_set *set, uint32_t node, enum place_at at);
void place_label_add(struct place_fleet *fleet, uint32_t node, struct place_label *label);
void place_label_remove(struct place_fleet *fleet, const struct place_label *label);

/* PLACE_NONE: there is no such node. */
uint32_t place_node_find(const struct place_fleet *fleet, const char *id);
/* What is free for this node: the agent's, up to the node's ceiling. INT64_MAX where nothing limits. */
struct place_amount place_node_free(const struct place_fleet *fleet, const struct place_node *n);
/* Is that amount left for a part on this node? Who has nothing left gets nothing, not even a part that needs nothing.
 */
bool place_node_fits(const struct place_node *n, const struct place_amount *left, const struct place_amount *amount);
/* Nothing left, whatever may be asked of it? */
bool place_node_full(const struct place_fleet *fleet, const struct place_node *n);
/* Puts the node where it belongs now. */
void place_node_sort(struct place_fleet *fleet, uint32_t node);
/* `count` jobs (-1: one less) with that amount; all nodes of the agent are sorted again. */
void place_node_promise(struct place_fleet *fleet, uint32_t node, const struct place_amount *amount, int count);
double place_reputation(const struct place_node *n, int64_t now_ms);
/* Do so many outcomes that nobody can judge, or bad ones, keep it from work? */
bool place_disreputed(const struct place_node *n, int64_t now_ms);
/* "1.2.3" as a number that compares; 0: NULL, or another form. */
uint64_t place_version(const char *text);
/* The /24 or /48 of an address; 0: a name, or NULL. */
uint64_t place_net(const char *address);

/* A part that a node is looked for, its names resolved. */
struct place_look {
	const struct place_fleet *fleet;
	const struct place_request *request;
	enum api_role role;
	struct place_amount amount;
	unsigned rungs; /* bit i: encodes a rendition of rung i */
	uint32_t customer, near;
	uint64_t least_version;
	uint32_t regions[PLACE_MAX_REGIONS], labels[PLACE_MAX_LABELS];
	/* What the order has so far. */
	struct place_chosen {
		uint32_t node;
		bool standby;
		enum api_role role;
		struct place_amount amount;
	} chosen[PLACE_MAX_PARTS];
	size_t chosen_count, beside_count; /* of them, those that the order had before */
	uint32_t stands_in_for;            /* a node; or PLACE_NONE */
	uint64_t random;
};

/* Why the node may not have the part: bits 1u << enum place_why; the first alone when `all` is false. */
unsigned place_refusals(const struct place_look *look, uint32_t node, bool all);

struct place_found {
	uint32_t node;
	double score, terms[PLACE_TERMS];
};
/* Fills in scores and terms, and sorts them, best first; of equals the one drawn first. */
void place_score(const struct place_look *look, struct place_found *found, size_t count);
/* Region of the most traffic of the part's neighbours; PLACE_NONE: it has none, or nobody knows. */
uint32_t place_home(const struct place_look *look);

/* Draws candidates for the part. They belong to ctx; 0: none, and *counts says why. */
size_t place_draw(const void *ctx, struct place_fleet *fleet, struct place_look *look, struct place_found **ret_found,
		  struct place_counts *counts, bool *ret_for_new);
/* Counts all nodes of the role. */
void place_count_lack(const struct place_look *look, struct place_lack *lack);
/* A number below n > 0. */
uint64_t place_random(uint64_t *state, uint64_t n);

#endif
