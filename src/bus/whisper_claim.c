/* Serving over Whisper: who has a durable id.
 *
 * Nobody decides; the participants agree. Who begins to serve an id says so with a claim, signed with the id's key:
 *   {"instance":"<32 hex, of the process>","since":"<ms>","against":"<instance>"}
 * and again every CLAIM_EVERY_MS. When nobody objects within CLAIM_WAIT_MS it is served. Of two the earlier `since`
 * stays, of equals the lower instance; it answers a later one's claim at once with one `against` it. Only that makes
 * the later one leave: a claim that is still under way from a process that has ended, or is replayed, is against nobody
 * who lives. Who has left tries again, as a new one, when he has heard no claim for CLAIM_RETRY_MS. Who was parted from
 * the others keeps his `since`, so that he has it again when they are joined. Passing ids are not claimed. */
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "bus/whisper_impl.h"

#define CLAIM_EVERY_MS 10000
#define CLAIM_WAIT_MS 300
#define CLAIM_RETRY_MS 25000
#define CLAIM_TTL_MS 30000
/* An answer to each claim, but not to each of many. */
#define CLAIM_GAP_MS 50
#define SINCE_MAX_MS INT64_C(253402300799999) /* year 9999, as in bus/message.c */

struct claim {
	const char *instance, *against; /* against NULL: nobody in particular */
	int64_t since_ms;
};

struct wbus_mailbox *wbus_mailbox(const struct wbus *w, const char *id)
{
	struct wbus_mailbox *box = w->mailboxes;

	while (box && strcasecmp(box->id, id))
		box = box->next;
	return box;
}

/* --- claiming --- */

static void say(struct wbus_mailbox *box, const char *against)
{
	json_t *body = json_object();
	struct message *m;

	json_put(body, "instance", box->w->instance);
	json_put_decimal(body, "since", box->since_ms);
	if (against)
		json_put(body, "against", against);
	m = message_new(box, MESSAGE_CLAIM, box->id, box->id, CLAIM_TTL_MS, body);
	wbus_say(box->w, m, box->id, WHISPER_BRIEF_TTL_S, false);
	mem_free(m);
	json_decref(body);
}

/* To another one's claim. */
static void answer(struct wbus_mailbox *box, const char *against)
{
	int64_t now_ms = clock_mono_ms();

	if (now_ms - box->answered_ms < CLAIM_GAP_MS)
		return;
	box->answered_ms = now_ms;
	say(box, against);
}

static void on_due(void *arg)
{
	say(arg, NULL);
}

static void set_timer(struct wbus_mailbox *box, int64_t delay_ms, int64_t repeat_ms, timer_fn *fn)
{
	mem_free(box->timer);
	box->timer = timer_start(box, box->w->loop, delay_ms, repeat_ms, fn, box);
}

static void on_unopposed(void *arg)
{
	struct wbus_mailbox *box = arg;

	box->state = MAILBOX_SERVED;
	mem_free(box->timer);
	box->timer = NULL;
	if (box->durable)
		set_timer(box, CLAIM_EVERY_MS, CLAIM_EVERY_MS, on_due);
	wbus_release(box, false);
	bus_report_served(box->w->bus, box->id); /* may free it */
}

void wbus_mailbox_up(struct wbus_mailbox *box)
{
	box->state = MAILBOX_CLAIMING;
	if (!box->since_ms)
		box->since_ms = clock_wall_ms();
	if (box->durable)
		say(box, NULL);
	set_timer(box, box->durable ? CLAIM_WAIT_MS : 0, 0, on_unopposed);
}

void wbus_mailbox_down(struct wbus_mailbox *box)
{
	box->state = MAILBOX_DOWN;
	mem_free(box->timer);
	box->timer = NULL;
	wbus_release(box, true);
}

static void on_retry(void *arg)
{
	wbus_mailbox_up(arg);
}

/* Another instance has it. */
static void leave(struct wbus_mailbox *box)
{
	struct error *e = error_new(ERROR_EXISTS, "another participant serves %s", box->id);

	box->state = MAILBOX_REFUSED;
	box->since_ms = 0;
	wbus_release(box, true);
	set_timer(box, CLAIM_RETRY_MS, 0, on_retry);
	bus_report_refused(box->w->bus, box->id, e); /* may free it */
	error_free(e);
}

/* --- claims of others --- */

static struct error *read_claim(const struct wbus_mailbox *box, const struct message *m, struct claim *ret_claim)
{
	static const char *const known[] = {"instance", "since", "against", NULL};
	const struct json_place at = {NULL, "claim", 0};
	struct claim c = {.instance = ""};

	/* One that is vouched for by somebody else is not the id's. */
	if (strcasecmp(m->from, box->id) || strcasecmp(m->signer, box->id))
		return error_new(ERROR_REFUSED, "claim: not signed by the id it is for");
	TRY(json_refuse_unknown(m->body, &at, known));
	TRY(json_read_string(m->body, &at, "instance", &c.instance));
	TRY(json_read_decimal(m->body, &at, "since", 1, SINCE_MAX_MS, &c.since_ms));
	TRY(json_read_string_opt(m->body, &at, "against", &c.against));
	*ret_claim = c;
	return NULL;
}

static bool is_first(const struct wbus_mailbox *box, const struct claim *c)
{
	if (c->since_ms != box->since_ms)
		return c->since_ms < box->since_ms;
	return strcmp(c->instance, box->w->instance) < 0;
}

void wbus_mailbox_heard(struct wbus_mailbox *box, const struct message *m)
{
	struct claim c = {.instance = ""};
	struct error *e = read_claim(box, m, &c);

	if (e) {
		log_debug("whisper.claim", "mailbox=%s why=%s", box->id, log_q(e->message));
		error_free(e);
		return;
	}
	if (!box->durable || box->state == MAILBOX_DOWN || !strcmp(c.instance, box->w->instance))
		return;
	if (box->state == MAILBOX_REFUSED) {
		set_timer(box, CLAIM_RETRY_MS, 0, on_retry);
		return;
	}
	if (!is_first(box, &c)) {
		answer(box, c.instance);
	} else if (c.against && !strcmp(c.against, box->w->instance)) {
		leave(box);
	} else {
		answer(box, NULL); /* if it lives, it objects */
	}
}

/* --- serving --- */

struct error *wbus_serve(void *self, const char *id, bool durable)
{
	struct wbus *w = self;
	struct wbus_mailbox *box;

	if (wbus_mailbox(w, id))
		return NULL;
	if (!keyring_own(w->keyring, id))
		return error_new(ERROR_INVALID,
				 "mailbox %s: there is no key of it, and over Whisper all is sealed to keys", id);
	box = mem_new(w, struct wbus_mailbox);
	box->w = w;
	box->id = mem_strdup(box, id);
	box->durable = durable;
	wbus_topic(w, id, box->topic);
	box->next = w->mailboxes;
	w->mailboxes = box;
	wbus_watch(w);
	if (w->up)
		wbus_mailbox_up(box);
	return NULL;
}

/* `remove` needs nothing more: what waits for it is with its senders. */
void wbus_unserve(void *self, const char *id, bool remove)
{
	struct wbus *w = self;
	struct wbus_mailbox **at = &w->mailboxes, *box;

	(void)remove;
	while (*at && strcasecmp((*at)->id, id))
		at = &(*at)->next;
	box = *at;
	if (!box)
		return;
	*at = box->next;
	mem_free(box);
	wbus_watch(w);
}
