/* Steps of messages: of owners and strangers, new and repeated, well-formed and not. After each: no stranger has
 * changed anything and has at most one answer, and a command is applied once, however often it comes. */
#include <stdio.h>
#include <string.h>

#include "api/command.h"
#include "base/json.h"
#include "base/mem.h"
#include "steps/drive.h"

static bool was_accepted(const char *id)
{
	for (size_t i = 0; i < world.accepted_count; i++) {
		if (!strcmp(world.accepted[i], id))
			return true;
	}
	return false;
}

static void deliver(const struct letter *l, bool obeyed)
{
	uint64_t all = look_all(world.agent), wanted = look_wanted(world.agent), memory = look_memory(world.agent);
	bool before = was_accepted(l->id);

	world.to_stranger = 0;
	far_deliver(l->to, l->bytes, l->n);
	must(world.to_stranger <= 1);
	if (!obeyed)
		must(look_all(world.agent) == all && look_memory(world.agent) == memory);
	if (before)
		must(look_wanted(world.agent) == wanted && look_memory(world.agent) == memory);
	if (!before && obeyed && world.accepted_count < IDS &&
	    look_count(world.agent, "select count(*) from seen where id=?", l->id))
		memcpy(world.accepted[world.accepted_count++], l->id, sizeof(l->id));
}

void drive_send(enum who who, struct message *m, enum seal_form form, const char *place)
{
	struct letter *l = &world.letters[world.letter++ % LETTERS];

	mem_free(l->bytes);
	*l = (struct letter){.who = who};
	l->bytes = people_seal(who, m, form, &l->n);
	if (!l->bytes)
		return;
	memcpy(l->id, m->id, sizeof(l->id));
	memcpy(l->to, place, strlen(place) + 1);
	deliver(l, drive_is_owner(who) || (form == SEAL_PLAIN && fixed.settings.accept_plain));
}

const char *drive_fresh_id(void)
{
	static char id[33];

	snprintf(id, sizeof(id), "%032x", ++world.number);
	return id;
}

/* A mailbox: the participant's own, or any that the agent serves. */
static const char *place_of(enum at at, bool reserved)
{
	const char *place = reserved ? far_served(drive_pick(8)) : NULL;

	return place ? place : place_id(at);
}

static const int64_t ttls_ms[] = {1000, 60000, 3600000, INT64_C(7) * 24 * 3600 * 1000};
static const int64_t ahead_ms[] = {0, -500, 1000, 240000, -3600000, 360000, INT64_C(-7) * 24 * 3600 * 1000, 0};

/* Who, how and where, for a body; takes the reference. */
static void send_body(enum message_kind kind, json_t *body)
{
	uint8_t how = drive_take(), when = drive_take();
	enum who who = how & 3;
	enum at to = (how >> 2) & 3;
	bool ephemeral = how & 16, again = how & 32;
	enum seal_form form = how & 64 ? (how & 128 ? SEAL_PLAIN : SEAL_OPEN) : SEAL_SEALED;
	const char *id =
		again && world.accepted_count ? world.accepted[drive_pick(world.accepted_count)] : drive_fresh_id();
	struct message *m = people_message(who, ephemeral, kind, to, id, body);

	m->ttl_ms = ttls_ms[when & 3];
	m->time_ms += ahead_ms[(when >> 2) & 7];
	if (kind == MESSAGE_RESULT || kind == MESSAGE_ACK)
		m->re = mem_strdup(m, id);
	if (form == SEAL_SEALED && kind == MESSAGE_HELLO)
		form = SEAL_OPEN;
	drive_send(who, m, form, place_of(to, when & 64));
	mem_free(m);
	json_decref(body);
}

static const char *const jobs[] = {"film", "film_a", "j", "0200"};
static const char *const words[] = {"distributor", "transcoder", "storage", "on", "off", "nothing", "", "process"};

static json_t *config(void)
{
	uint8_t shape = drive_take(), role = ((shape >> 2) & 3) % 3;
	json_t *o = json_object(), *part, *list = json_array();
	const char *job = jobs[shape & 3];

	json_put(o, "command", "config");
	json_put(o, "type", words[role]);
	json_object_set_new(o, "nginx-rtmp-core",
			    json_pack("{s:s,s:s}", "listen", shape & 128 ? "1936" : "1935", "application", job));
	json_object_set_new(o, "nginx-rtmp-live", json_pack("{s:s}", "live", "on"));
	for (int i = 0; i <= ((shape >> 4) & 3); i++) {
		char variant[8];

		snprintf(variant, sizeof(variant), "_%dp", i + (shape & 64 ? 2 : 1));
		part = role == 0 ? json_pack("{s:s,s:s,s:s}", "ip", "127.0.0.1", "failover_ip", "127.0.0.2", "variant",
					     variant)
				 : json_pack("{s:s,s:s}", "variant", variant, "params",
					     "BANDWIDTH=800000,RESOLUTION=640x360");
		json_array_append_new(list, part);
	}
	if (role == 0)
		part = json_pack("{s:O}", "outputs", list);
	else if (role == 1)
		part = json_pack("{s:{s:s,s:s,s:s,s:s,s:s,s:s,s:s}}", "output", "application", job, "variant", "_360p",
				 "codec", "libx264", "bitrate", "800000", "resolution", "640x360", "ip", "127.0.0.1",
				 "failover_ip", "127.0.0.2");
	else
		part = json_pack("{s:s,s:s,s:O}", "hls_fragment", "5", "hls_playlist_length", "30", "hls_variant",
				 list);
	json_object_set_new(o, role == 2 ? "nginx-rtmp-hls" : "ffmpeg-rtmp", part);
	json_decref(list);
	return o;
}

void drive_step_command(void)
{
	uint8_t what = drive_take(), more = drive_take();
	enum api_verb verb = what % API_VERB_COUNT;
	const char *node = more & 4 ? place_id(more & 3) : NULL;
	json_t *o;

	if (verb == API_CONFIG) {
		send_body(MESSAGE_COMMAND, config());
		return;
	}
	o = api_command_document(verb, node, (what >> 4) & 1 ? jobs[more >> 6] : NULL,
				 (what >> 5) & 1 ? words[(more >> 3) & 7] : NULL);
	if (verb == API_NODE_CREATE) {
		json_put(o, "params", words[((more >> 3) & 3) % 3]);
		if (what & 64)
			json_put(o, "name", more & 128 ? "front" : "back");
		if (what & 128)
			json_object_set_new(o, "spec",
					    json_pack("{s:s,s:s}", "runtime", more & 64 ? "docker" : "process", "mode",
						      more & 128 ? "classic" : "managed"));
	}
	send_body(MESSAGE_COMMAND, o);
}

void drive_step_written(void)
{
	size_t len;
	const char *text = drive_text(&len);
	json_t *o = NULL;
	struct error *e = json_parse(text, len, MESSAGE_LIMIT, &o);

	error_free(e);
	if (!e)
		send_body(MESSAGE_COMMAND, o);
}

void drive_step_other(void)
{
	uint8_t how = drive_take();

	send_body(how & 8 ? MESSAGE_HELLO : (enum message_kind)(how % 6),
		  json_pack("{s:s,s:s}", how & 16 ? "ask" : "state", how & 32 ? "yes" : "no", "x", "y"));
}

void drive_step_bytes(void)
{
	struct letter l = {.who = MALLORY};
	const char *place = place_of(drive_pick(PLACES), drive_take() & 1), *text;

	memcpy(l.to, place, strlen(place) + 1);
	text = drive_text(&l.n);
	l.bytes = (uint8_t *)text;
	deliver(&l, fixed.settings.accept_plain);
}

void drive_step_again(void)
{
	const struct letter *l = &world.letters[drive_pick(LETTERS)];

	if (l->bytes)
		deliver(l, drive_is_owner(l->who) || fixed.settings.accept_plain);
}
