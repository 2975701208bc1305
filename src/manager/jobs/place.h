/* Placement: which nodes do the parts of an order, or what keeps them from it. Pure: nothing is sent or promised here
 * (reserve.h promises).
 *
 * How: of each part's role a few candidates are drawn at random that pass all filters (place_filter.c), in the region
 *   of the neighbouring part first; the best by the weights (place_score.c) gets the part. A small share of parts goes
 *   to new nodes first. The same fleet, request and seed give the same plan.
 * Cost: a plan looks at some dozen nodes where most would do; at all of the role where hardly one does. A refusal
 *   counts them all.
 * Ownership: a plan belongs to its ctx and borrows nothing. Threads: as the fleet (place_fleet.h).
 */
#ifndef DSN_MANAGER_JOBS_PLACE_H
#define DSN_MANAGER_JOBS_PLACE_H

#include <jansson.h>

#include "manager/jobs/place_filter.h"
#include "manager/jobs/place_fleet.h"
#include "manager/jobs/place_score.h"

#define PLACE_MAX_WANTS 40
#define PLACE_MAX_PARTS 128 /* of one order, standbys among them */
#define PLACE_MAX_RENDITIONS 64
#define PLACE_MAX_REGIONS 8
#define PLACE_MAX_EXCLUDED 256
#define PLACE_CANDIDATES 8    /* drawn for each part */
#define PLACE_RECORDED 16     /* candidates that a record shows */
#define PLACE_EVERY SIZE_MAX  /* candidates: the whole role, without an index; for comparison */
#define PLACE_NEW_SHARE_PM 20 /* of parts that new nodes are asked for first */

/* One stream that a transcoder makes. */
struct place_rendition {
	int height;                 /* lines */
	struct place_amount amount; /* its encoding, and its stream out */
};

/* What is wanted of one role. */
struct place_want {
	enum api_role role;
	struct place_amount base; /* of each node, whatever it makes: a decoder, the streams that come in */
	const struct place_rendition *renditions; /* or none */
	size_t rendition_count;
	size_t most_nodes; /* 1: all renditions from one decoder; more: divided where no node has room for all */
	bool standby;      /* for each node a second one, of the same size, on another agent */
};

/* What a standby must not share with the node it stands in for; the agent always. Else it is a matter of score. */
#define PLACE_APART_OWNER 1u
#define PLACE_APART_NET 2u

struct place_excluded {
	const char *node;
	const char *why; /* for the record */
};

/* A node that the order has already, where a lost one is replaced: it has no second part, and counts as a neighbour. */
struct place_beside {
	const char *node;
	struct place_amount amount;
	bool standby;
};

struct place_request {
	const char *customer;
	const struct place_want *wants; /* in the stream's order: each part's neighbours are the role before */
	size_t want_count;
	const char *const *regions; /* nowhere else; count 0: anywhere */
	size_t region_count;
	const char *near;          /* region where the stream comes from; NULL: not known */
	const char *const *labels; /* a node needs all of them */
	size_t label_count;
	bool gpu;                  /* of transcoders */
	int64_t price_limit;       /* of each node; or PLACE_NO_PRICE */
	const char *least_version; /* or NULL */
	unsigned apart;            /* PLACE_APART_... */
	const struct place_excluded *excluded;
	size_t excluded_count;
	const struct place_beside *beside; /* those that are not known are left out */
	size_t beside_count;
	const char *stands_in_for; /* a node that all parts stand in for, as standbys do; NULL: none */
	size_t candidates;         /* 1..PLACE_RECORDED, or PLACE_EVERY; 0: PLACE_CANDIDATES */
	uint64_t seed;
	int64_t now_ms;
};

/* Whom the filters refused, each node counted where it failed first. */
struct place_counts {
	size_t of;     /* nodes of the role */
	size_t online; /* of them */
	size_t looked; /* at so many of them; all, when the part found no node */
	size_t refused[PLACE_WHYS];
	size_t alone[PLACE_WHYS]; /* when no node was found: those that nothing else kept out */
};

struct place_candidate {
	char *node;
	bool new_node;
	double score;
	double terms[PLACE_TERMS]; /* 0..1 each */
};

/* One node's part. */
struct place_part {
	size_t want; /* index */
	enum api_role role;
	size_t standby_of;   /* index of a part; SIZE_MAX: stands in for nobody */
	uint64_t renditions; /* bit i: makes renditions[i] of its want */
	struct place_amount amount;
	char *node, *agent, *owner;
	int64_t price;
	bool for_new; /* new nodes were asked first */
	struct place_counts counts;
	struct place_candidate *candidates; /* best first */
	size_t candidate_count;
};

/* Why there is no plan: the first part that found no node. */
struct place_lack {
	size_t want;
	enum api_role role;
	size_t standby_of; /* as in a part */
	uint64_t renditions;
	struct place_amount amount;
	struct place_counts counts;
	unsigned give;     /* 1u << enum place_why: the fewest that would have to give, together; 0: there is no node */
	size_t give_nodes; /* that would do then */
	int64_t give_price; /* where the price has to give: the least limit that would do; else PLACE_NO_PRICE */
};

struct place_plan {
	bool placed;
	uint64_t seed;
	struct place_part *parts;
	size_t part_count;
	struct place_lack lack; /* when not placed; parts are those that found a node before */
	char **remarks;         /* the excluded nodes and why */
	size_t remark_count;
};

/* ERROR_INVALID: the request is out of range. That no node was found is no error. */
struct error *place_plan_make(const void *ctx, struct place_fleet *fleet, const struct place_request *request,
			      struct place_plan **ret_plan) MUST_CHECK;

/* For a node's owner: what keeps that node from all of wants[want], were it asked first of all: bits 1u << enum
 * place_why; 0: it would do, and where it has not got the part, others did better. ERROR_NOT_FOUND: there is no such
 * node; ERROR_INVALID: the request, or the node is of another role. */
struct error *place_node_explain(struct place_fleet *fleet, const struct place_request *request, size_t want,
				 const char *node, unsigned *ret_refusals) MUST_CHECK;

/* "transcoder: of 512, 300 are too old, 200 have no room, 12 are dearer than 500; 12 would do with a price limit of
 * 700". Of a plan that was not placed. Belongs to ctx. */
char *place_lack_text(const void *ctx, const struct place_request *request, const struct place_lack *lack);
/* The record of the decision; all values are strings. New reference. */
json_t *place_plan_json(const struct place_plan *plan);

#endif
