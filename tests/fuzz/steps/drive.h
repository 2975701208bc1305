/* What the steps of node_agent_fuzz share: the input, as far as it is not used up, and what it has done to the agent.
 */
#ifndef DSN_TESTS_FUZZ_STEPS_DRIVE_H
#define DSN_TESTS_FUZZ_STEPS_DRIVE_H

#include "agent/look.h"
#include "agent/people.h"
#include "agent/world.h"

#define IDS 128
#define LETTERS 16

struct letter {
	enum who who;
	uint8_t *bytes;
	size_t n;
	char id[33], to[KEYRING_ID_SIZE];
};

extern struct drive_fixed {
	uv_loop_t loop;
	char folder[64];
	struct agent_settings settings;
	char *owners[3];
} fixed;

/* Of one input. */
extern struct drive_world {
	const uint8_t *at, *end;
	void *ctx;
	struct agent *agent;
	bool ended;
	struct letter letters[LETTERS];
	size_t letter;
	char accepted[IDS][33];
	size_t accepted_count;
	unsigned number;
	int64_t passed_ms;
	int64_t off_ms; /* how far the wall clock was set */
	int64_t since_ms;
	unsigned answers[2];  /* to strangers, since since_ms: hellos, others */
	unsigned to_stranger; /* since the last look */
	char *stat;
} world;

/* The input's next byte, 0 at its end; a number below `count`; what follows, as far as a byte says. */
uint8_t drive_take(void);
size_t drive_pick(size_t count);
const char *drive_text(size_t *ret_len);
bool drive_is_owner(enum who who);

/* messages.c: an id that no message had; a message on its way, and what it must not change. */
const char *drive_fresh_id(void);
void drive_send(enum who who, struct message *m, enum seal_form form, const char *place);
/* A command, a document that the input has written, another kind of message, bytes, an earlier one again.
 */
void drive_step_command(void);
void drive_step_written(void);
void drive_step_other(void);
void drive_step_bytes(void);
void drive_step_again(void);

#endif
