/* The score: what makes one candidate better than another. One row for each term, with its weight, in place_score.c. */
#ifndef DSN_MANAGER_JOBS_PLACE_SCORE_H
#define DSN_MANAGER_JOBS_PLACE_SCORE_H

enum place_term {
	PLACE_TERM_PRICE,
	PLACE_TERM_LOAD,
	PLACE_TERM_REALTIME,
	PLACE_TERM_REPUTATION,
	PLACE_TERM_LOCALITY,
	PLACE_TERM_OWNERS,
	PLACE_TERM_NETS,
	PLACE_TERMS,
};

struct place_weight {
	const char *name; /* in records */
	int weight;
	const char *why;
};
extern const struct place_weight place_weights[PLACE_TERMS];

#endif
