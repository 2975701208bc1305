#include "relay/relay.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "relay/input.h"
#include "relay/output.h"
#include "relay/settings.h"
#include "relay/timeline.h"
#include "relay/watch.h"

/* Codec settings and nginx's description of the stream are far smaller. */
#define KEPT_BYTES 65536
/* Receivers look for tracks during the first half second of a stream. */
#define LOOKED_FOR_MS 300
/* A source that changes its codecs all the time does not make receivers begin anew more often. */
#define ANEW_EVERY_MS 10000
/* One log line in so much time for settings that are left out. */
#define SAID_MS 10000

enum { VIDEO, AUDIO, SCRIPT, KINDS };

struct relay {
	const struct relay_settings *settings;
	const volatile sig_atomic_t *stop;
	struct report *report;
	struct output *output; /* NULL: not publishing */
	struct timeline timeline;
	struct watch watch;
	struct tag kept[KINDS]; /* what a receiver that joins has to be told first */
	int nal_bytes;          /* H.264, see relay/tag.h */
	int codecs[KINDS];      /* that have come */
	int sent_codecs[KINDS]; /* that the output carries; -1: none */
	bool anew;              /* publish anew at the key frame that begins the next fragment */
	bool jumped;            /* publish anew with this key frame */
	int64_t published_ms;   /* on the time line */
	int64_t fragment;       /* number of the one that receivers are storing */
	int64_t anew_at_ms;     /* monotonic: when a new codec made it publish anew; 0: never */
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
	r->published_ms = at_ms;
	if (r->anew)
		r->anew_at_ms = clock_mono_ms();
	r->anew = r->jumped = false;
	TRY(send_kept(r, SCRIPT, at_ms));
	TRY(send_kept(r, VIDEO, at_ms));
	if (r->codecs[AUDIO] >= 0)
		TRY(send_kept(r, AUDIO, at_ms));
	memcpy(r->sent_codecs, r->codecs, sizeof(r->sent_codecs));
	return NULL;
}

/* A codec that the output does not carry yet. Returns false: the frame has to wait for the output that will. */
static struct error *new_codec(struct relay *r, int kind, int64_t at_ms, bool *ret_send)
{
	bool late = at_ms - r->published_ms > LOOKED_FOR_MS || r->sent_codecs[kind] >= 0;

	*ret_send = true;
	if (late && r->settings->fragment_ms) {
		if (!r->anew)
			log_info("relay.anew", "track=%s codec=%d at_ms=%" PRId64, kind == AUDIO ? "sound" : "video",
				 r->codecs[kind], at_ms);
		r->anew = true;
		*ret_send = false;
		return NULL;
	}
	r->sent_codecs[kind] = r->codecs[kind];
	return send_kept(r, kind, at_ms);
}

/* Does dsn-hls begin a segment with this frame? Only there nothing of what it stores is torn. */
static bool begins_fragment(const struct relay *r, const struct tag *t, const struct tag_look *look, int64_t at_ms)
{
	return look->key && tag_is_idr(t, r->nal_bytes) &&
	       (at_ms + look->lead_ms) / r->settings->fragment_ms != r->fragment;
}

static bool time_to_publish(const struct relay *r, const struct tag_look *look, bool begins)
{
	if (!look->key)
		return false;
	if (r->anew && begins && (!r->anew_at_ms || clock_mono_ms() - r->anew_at_ms >= ANEW_EVERY_MS))
		return true;
	return !r->output || r->jumped;
}

static struct error *pass(struct relay *r, const struct tag *t, const struct tag_look *look, int64_t at_ms)
{
	int kind = kind_of(t->type);
	bool begins = r->settings->fragment_ms && begins_fragment(r, t, look, at_ms), fine = true;

	r->codecs[kind] = look->codec;
	if (time_to_publish(r, look, begins))
		TRY(publish(r, at_ms));
	if (begins)
		r->fragment = (at_ms + look->lead_ms) / r->settings->fragment_ms;
	if (!r->output)
		return NULL;
	if (r->sent_codecs[kind] != look->codec)
		TRY(new_codec(r, kind, at_ms, &fine));
	if (!fine)
		return NULL;
	r->last_ms[kind] = at_ms;
	TRY(send(r, t, at_ms));
	if (kind == VIDEO) {
		r->report->open_keys += look->key && !tag_is_idr(t, r->nal_bytes);
		r->report->frames++;
		r->report->out_ms = at_ms + look->lead_ms - r->settings->offset_ms;
	}
	report_tick(r->report);
	return NULL;
}

/* New settings of a track that is being sent go on at once; others wait until their track is sent. */
static struct error *settings_came(struct relay *r, const struct tag *t, const struct tag_look *look)
{
	int kind = kind_of(t->type);

	keep(r, t);
	if (kind == VIDEO)
		r->nal_bytes = tag_nal_bytes(t);
	if (!r->output || kind == SCRIPT || r->sent_codecs[kind] != look->codec)
		return NULL;
	return send(r, t, r->last_ms[kind]);
}

static int32_t lead_within(int32_t lead_ms)
{
	return lead_ms < TAG_LEAD_MIN_MS || lead_ms > TAG_LEAD_MAX_MS ? 0 : lead_ms;
}

static enum timeline_step put(struct relay *r, struct tag *t, struct tag_look *look, int64_t *ret_ms)
{
	enum timeline_step step;
	struct timeline_frame f = {.track = look->type == TAG_VIDEO ? TIMELINE_VIDEO : TIMELINE_AUDIO,
				   .key = look->type == TAG_VIDEO && watch_usable(&r->watch, look),
				   .raw_ms = t->stamp_ms,
				   .lead_ms = lead_within(look->lead_ms),
				   .now_ms = clock_mono_ms()};

	if (f.lead_ms != look->lead_ms) {
		r->timeline.bridged++;
		look->lead_ms = f.lead_ms;
		tag_set_lead(t, f.lead_ms);
	}
	step = timeline_put(&r->timeline, &f, ret_ms);
	if (step == TIMELINE_JUMP)
		log_warn("relay.jump", "clock_ms=%" PRId64 " at_ms=%" PRId64 " jumps=%" PRId64, r->timeline.jump_ms,
			 *ret_ms, r->timeline.jumps);
	r->report->jumps = r->timeline.jumps;
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
		report_now(r->report, false);
	}
	if (r->report->refused)
		report_tick(r->report);
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

static struct error *take(struct relay *r, struct tag *t)
{
	struct tag_look look = tag_look(t);
	bool entry = r->settings->fragment_ms != 0;
	int64_t at_ms = 0;

	if (t->type != TAG_AUDIO && t->type != TAG_VIDEO && t->type != TAG_SCRIPT)
		return NULL;
	look.header = look.header && usable(r, t);
	if (entry && refused(r, &look))
		return NULL;
	if (look.header || t->type == TAG_SCRIPT)
		return settings_came(r, t, &look);
	if (!look.frame)
		return NULL;
	if (!entry)
		return copy(r, t, &look);
	switch (put(r, t, &look, &at_ms)) {
	case TIMELINE_JUMP:
		r->jumped = true;
		return pass(r, t, &look, at_ms);
	case TIMELINE_PASS:
		return pass(r, t, &look, at_ms);
	case TIMELINE_END:
		r->ended = true;
		return NULL;
	case TIMELINE_DROP:
		break;
	}
	return NULL;
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
	return NULL;
}

struct error *relay_run(const void *ctx, const struct relay_settings *settings, const volatile sig_atomic_t *stop,
			struct report *report)
{
	struct relay *r = mem_new(ctx, struct relay);
	struct input *input = NULL;
	struct error *e;

	r->settings = settings;
	r->stop = stop;
	r->report = report;
	r->fragment = -1;
	for (int i = 0; i < KINDS; i++)
		r->codecs[i] = r->sent_codecs[i] = -1;
	timeline_init(&r->timeline, settings->offset_ms, settings->fragment_ms ? settings->fragment_ms : 1000);
	e = input_open(r, settings->input, stop, &input);
	if (!e && input)
		e = pump(r, input);
	if (input)
		report_now(report, true);
	log_info("relay.end", "frames=%" PRId64 " jumps=%" PRId64 " bridged=%" PRId64 " signal=%d", report->frames,
		 report->jumps, report->bridged, (int)*stop);
	mem_free(r);
	return e;
}
