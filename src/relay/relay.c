#include "relay/relay.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "relay/carried.h"
#include "relay/input.h"
#include "relay/output.h"
#include "relay/settings.h"
#include "relay/timeline.h"
#include "relay/waiting.h"
#include "relay/watch.h"

/* Codec settings and nginx's description of the stream are far smaller. */
#define KEPT_BYTES 65536
/* One log line in so much time for settings that are left out. */
#define SAID_MS 10000

enum { VIDEO = CARRIED_VIDEO, AUDIO = CARRIED_AUDIO, SCRIPT = CARRIED_TRACKS, KINDS };

struct relay {
	const struct relay_settings *settings;
	const volatile sig_atomic_t *stop;
	struct relay_report *report;
	struct output *output; /* NULL: not publishing */
	struct timeline timeline;
	struct watch watch;
	struct waiting waiting;                /* until `begun` */
	bool begun;                            /* it is known what the stream carries at its beginning */
	bool heard;                            /* sound has come */
	struct tag kept[KINDS];                /* what a receiver that joins has to be told first */
	int nal_bytes;                         /* H.264, see relay/tag.h */
	int codecs[KINDS];                     /* that have come */
	int sent_codecs[KINDS];                /* that the output carries; -1: none */
	uint32_t header_marks[CARRIED_TRACKS]; /* of what is kept */
	struct carried now, sent;              /* what the source carries, what is published or was before */
	bool sent_known;
	bool jumped; /* publish anew with this key frame */
	bool torn;   /* pictures were held back: none goes on before a key frame */
	bool hold_said;
	int64_t last_ms[KINDS]; /* on the time line */
	int64_t said_ms;        /* monotonic: when settings were called rubbish last; 0: never */
	bool ended;             /* the time line has no more room */
};

static int kind_of(enum tag_type type)
{
	return type == TAG_VIDEO ? VIDEO : type == TAG_AUDIO ? AUDIO : SCRIPT;
}

static void keep(struct relay *r, const struct tag *t)
{
	struct tag *k = &r->kept[kind_of(t->type)];

	if (!t->len || t->len > KEPT_BYTES)
		return;
	mem_free(k->data);
	*k = *t;
	k->data = mem_array(r, uint8_t, t->len);
	memcpy(k->data, t->data, t->len);
}

static struct error *send(struct relay *r, const struct tag *t, int64_t at_ms)
{
	r->report->bytes += (int64_t)t->len;
	return output_write(r->output, t, (uint32_t)at_ms);
}

static struct error *send_kept(struct relay *r, int kind, int64_t at_ms)
{
	return r->kept[kind].len ? send(r, &r->kept[kind], at_ms) : NULL;
}

static struct error *publish(struct relay *r, int64_t at_ms)
{
	mem_free(r->output);
	r->output = NULL;
	TRY(output_open(r, r->settings->output, r->settings->playpath, r->stop, &r->output));
	log_info("relay.published", "to=%s at_ms=%" PRId64 " sound=%s", log_q(r->settings->output), at_ms,
		 r->codecs[AUDIO] < 0 ? "no" : "yes");
	r->sent = r->now;
	r->sent_known = true;
	r->jumped = r->torn = r->hold_said = false;
	TRY(send_kept(r, SCRIPT, at_ms));
	TRY(send_kept(r, VIDEO, at_ms));
	if (r->codecs[AUDIO] >= 0)
		TRY(send_kept(r, AUDIO, at_ms));
	memcpy(r->sent_codecs, r->codecs, sizeof(r->sent_codecs));
	carried_text(&r->sent, r->report->carried);
	return NULL;
}

/* What is not as it was published waits for the key frame that is marked, and is lost until then: receivers have no
 * settings for it. */
static bool to_be_held(struct relay *r, int kind, const struct tag_look *look, int64_t at_ms)
{
	bool hold;

	if (!r->settings->fragment_ms)
		return false;
	hold = r->sent.marks[kind] != r->now.marks[kind] || (kind == VIDEO && r->torn && !look->key);
	if (kind == VIDEO)
		r->torn = hold;
	if (hold && !r->hold_said)
		log_info("relay.held", "track=%s codec=%d at_ms=%" PRId64 " until=the next key frame that is marked",
			 kind == AUDIO ? "sound" : "video", r->codecs[kind], at_ms);
	r->hold_said = r->hold_said || hold;
	return hold;
}

static void count_picture(struct relay *r, const struct tag *t, const struct tag_look *look)
{
	r->report->open_keys += look->key && !tag_is_idr(t, r->nal_bytes);
	r->report->frames++;
}

static struct error *pass(struct relay *r, const struct tag *t, const struct tag_look *look, int64_t at_ms)
{
	int kind = kind_of(t->type);

	r->codecs[kind] = look->codec; /* a copy's; the entry knows */
	if (look->key && (!r->output || r->jumped))
		TRY(publish(r, at_ms));
	if (!r->output)
		return NULL;
	if (kind == VIDEO)
		r->report->out_ms = at_ms + look->lead_ms - r->settings->offset_ms;
	relay_report_tick(r->report);
	if (to_be_held(r, kind, look, at_ms))
		return NULL;
	if (r->sent_codecs[kind] != look->codec) {
		r->sent_codecs[kind] = look->codec;
		TRY(send_kept(r, kind, at_ms));
	}
	r->last_ms[kind] = at_ms;
	if (kind == VIDEO)
		count_picture(r, t, look);
	return send(r, t, at_ms);
}

/* Settings that are those sent, repeated, go on at once; at the entry others wait for a key frame that is marked, and
 * those of a track that is not sent yet for that. */
static struct error *settings_came(struct relay *r, const struct tag *t, const struct tag_look *look)
{
	int kind = kind_of(t->type);

	keep(r, t);
	if (kind == SCRIPT)
		return NULL;
	if (kind == VIDEO)
		r->nal_bytes = tag_nal_bytes(t);
	r->header_marks[kind] = carried_mark(t, look);
	if (!r->output || r->sent_codecs[kind] != look->codec)
		return NULL;
	if (r->settings->fragment_ms && r->sent.marks[kind] != r->header_marks[kind])
		return NULL;
	return send(r, t, r->last_ms[kind]);
}

static int32_t lead_within(int32_t lead_ms)
{
	return lead_ms < TAG_LEAD_MIN_MS || lead_ms > TAG_LEAD_MAX_MS ? 0 : lead_ms;
}

static void look_what_comes(struct relay *r, const struct tag *t, const struct tag_look *look)
{
	int kind = kind_of(t->type);

	r->codecs[kind] = look->codec;
	r->now.marks[kind] = carried_has_settings(look) ? r->header_marks[kind] : carried_mark(t, look);
}

static enum timeline_step put(struct relay *r, struct tag *t, struct tag_look *look, int64_t now_ms, int64_t *ret_ms)
{
	enum timeline_step step;
	int kind = kind_of(t->type);
	struct timeline_frame f = {.track = look->type == TAG_VIDEO ? TIMELINE_VIDEO : TIMELINE_AUDIO,
				   .key = look->type == TAG_VIDEO && watch_usable(&r->watch, look),
				   .raw_ms = t->stamp_ms,
				   .lead_ms = lead_within(look->lead_ms),
				   .now_ms = now_ms};

	look_what_comes(r, t, look);
	f.anew = kind == VIDEO && r->sent_known && !carried_equal(&r->now, &r->sent);
	if (f.lead_ms != look->lead_ms) {
		r->timeline.bridged++;
		look->lead_ms = f.lead_ms;
		tag_set_lead(t, f.lead_ms);
	}
	step = timeline_put(&r->timeline, &f, ret_ms);
	if (step == TIMELINE_JUMP)
		log_warn("relay.jump", "at_ms=%" PRId64 " jumps=%" PRId64 " clock_ms=%" PRId64 " changes=%" PRId64,
			 *ret_ms, r->timeline.jumps, r->timeline.jump_ms, r->timeline.changes);
	r->report->jumps = r->timeline.jumps;
	r->report->changes = r->timeline.changes;
	r->report->jump_ms = r->timeline.jump_ms;
	r->report->bridged = r->timeline.bridged;
	return step;
}

/* What cannot be taken is said at once, and said again while it lasts: the agent drops its publisher. */
static bool refused(struct relay *r, const struct tag_look *look)
{
	const char *why = watch_tag(&r->watch, look, clock_mono_ms());

	if (why && !r->report->refused) {
		log_warn("relay.refused", "why=%s", log_q(why));
		r->report->refused = why;
		relay_report_now(r->report, false);
	}
	if (r->report->refused)
		relay_report_tick(r->report);
	return r->report->refused != NULL;
}

/* Rubbish is left out: those that came before stay. */
static bool usable(struct relay *r, const struct tag *t)
{
	struct error *e = settings_check(t);
	int64_t now_ms = clock_mono_ms();

	if (!e)
		return true;
	if (!r->said_ms || now_ms - r->said_ms >= SAID_MS) {
		log_warn("relay.settings", "error=%s they are left out", log_q(e->message));
		r->said_ms = now_ms;
	}
	error_free(e);
	return false;
}

static struct error *copy(struct relay *r, const struct tag *t, const struct tag_look *look)
{
	return pass(r, t, look, t->stamp_ms);
}

static struct error *place(struct relay *r, struct tag *t, struct tag_look *look, int64_t now_ms)
{
	int64_t at_ms = 0;

	switch (put(r, t, look, now_ms, &at_ms)) {
	case TIMELINE_JUMP:
		r->jumped = true;
		return pass(r, t, look, at_ms);
	case TIMELINE_PASS:
		return pass(r, t, look, at_ms);
	case TIMELINE_END:
		r->ended = true;
		return NULL;
	case TIMELINE_DROP:
		break;
	}
	return NULL;
}

/* What has waited goes its way. */
static struct error *release(struct relay *r)
{
	struct error *e = NULL;

	r->begun = true;
	for (size_t i = 0; i < r->waiting.count && !e && !r->ended; i++) {
		struct waiting_tag *w = &r->waiting.tags[i];
		struct tag_look look = tag_look(&w->tag);

		e = place(r, &w->tag, &look, w->now_ms);
	}
	waiting_free(&r->waiting);
	return e;
}

/* The beginning, from the first key frame on: nginx tells a player of the sound with its first frame. */
static struct error *await_sound(struct relay *r, const struct tag *t, const struct tag_look *look)
{
	if (t->type == TAG_AUDIO) {
		r->heard = true;
		look_what_comes(r, t, look);
	}
	if (!r->waiting.count && (t->type != TAG_VIDEO || !watch_usable(&r->watch, look)))
		return NULL;
	waiting_add(r, &r->waiting, t, clock_mono_ms());
	return r->heard || waiting_over(&r->waiting) ? release(r) : NULL;
}

static struct error *take(struct relay *r, struct tag *t)
{
	struct tag_look look = tag_look(t);
	bool entry = r->settings->fragment_ms != 0;

	if (t->type != TAG_AUDIO && t->type != TAG_VIDEO && t->type != TAG_SCRIPT)
		return NULL;
	look.header = look.header && usable(r, t);
	if (entry && refused(r, &look))
		return NULL;
	if (look.header && t->type == TAG_VIDEO && r->waiting.count && carried_mark(t, &look) != r->header_marks[VIDEO])
		TRY(release(r)); /* those are of the earlier settings */
	if (look.header || t->type == TAG_SCRIPT)
		return settings_came(r, t, &look);
	if (!look.frame)
		return NULL;
	if (!entry)
		return copy(r, t, &look);
	return r->begun ? place(r, t, &look, clock_mono_ms()) : await_sound(r, t, &look);
}

static struct error *pump(struct relay *r, struct input *input)
{
	while (!r->ended) {
		struct tag *t;

		TRY(input_read(input, &t));
		if (!t)
			break;
		TRY(take(r, t));
	}
	return *r->stop ? NULL : release(r);
}

struct error *relay_run(const void *ctx, const struct relay_settings *settings, const volatile sig_atomic_t *stop,
			struct relay_report *report)
{
	struct relay *r = mem_new(ctx, struct relay);
	struct input *input = NULL;
	struct error *e;

	r->settings = settings;
	r->stop = stop;
	r->report = report;
	r->now.mended = (uint32_t)settings->mended;
	r->sent_known = settings->carried != NULL;
	if (settings->carried)
		r->sent = *settings->carried;
	for (int i = 0; i < KINDS; i++)
		r->codecs[i] = r->sent_codecs[i] = -1;
	timeline_init(&r->timeline, settings->offset_ms, settings->fragment_ms ? settings->fragment_ms : 1000);
	e = input_open(r, settings->input, stop, &input);
	if (!e && input)
		e = pump(r, input);
	if (input)
		relay_report_now(report, true);
	log_info("relay.end", "frames=%" PRId64 " jumps=%" PRId64 " bridged=%" PRId64 " signal=%d", report->frames,
		 report->jumps, report->bridged, (int)*stop);
	mem_free(r);
	return e;
}
