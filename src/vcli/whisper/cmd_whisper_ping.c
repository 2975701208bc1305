/* vcli whisper ping: asymmetric pings to all nodes of a list. */
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "vcli/commands.h"
#include "vcli/progress.h"
#include "vcli/whisper/whisper_message.h"
#include "vcli/whisper/whisper_ping.h"
#include "vcli/whisper/whisper_report.h"
#include "vcli/whisper/whisper_table.h"

struct watching {
	struct whisper_live *live;
	struct progress *progress; /* where there is no live table */
};

static void on_each(struct whisper_ping *p, void *arg)
{
	struct watching *w = arg;

	whisper_live_draw(w->live, p);
	if (w->progress)
		progress_say(w->progress, "%zu of %zu pings sent, %zu answered, %zu lost", p->sent, p->planned,
			     p->answered, p->lost);
}

static json_t *answer(struct whisper_ping *p)
{
	json_t *o = json_object(), *nodes = json_array();

	json_put_decimal(o, "senders", (int64_t)p->senders->count);
	json_put_decimal(o, "sent", (int64_t)p->sent);
	json_put_decimal(o, "answered", (int64_t)p->answered);
	json_put_decimal(o, "lost", (int64_t)p->lost);
	json_put_decimal(o, "took", p->took_ms);
	json_object_set_new(o, "round_trip_ms", whisper_summary_json(&p->times));
	json_object_set_new(o, "post_ms", whisper_summary_json(&p->post_times));
	for (size_t i = 0; i < p->target_count; i++) {
		struct whisper_target *t = &p->targets[i];
		json_t *node = json_object();

		json_put(node, "address", t->entry->address);
		json_put_decimal(node, "sent", (int64_t)t->sent);
		json_put_decimal(node, "answered", (int64_t)t->answered);
		json_put_decimal(node, "lost", (int64_t)t->lost);
		json_object_set_new(node, "round_trip_ms", whisper_summary_json(&t->times));
		json_array_append_new(nodes, node);
	}
	json_object_set_new(o, "nodes", nodes);
	return o;
}

static struct error *run(struct vcli *v, struct whisper_ping *p)
{
	struct watching w = {.live = whisper_live_new(v, v)};
	struct error *e;

	if (!w.live)
		w.progress = progress_new(v, v);
	e = whisper_ping_run(p, on_each, &w);
	mem_free(w.progress);
	whisper_live_wipe(w.live);
	if (!v->set.json)
		whisper_table_print(stdout, p, 0);
	else
		vcli_answer(v, answer(p));
	TRY(e);
	if (v->set.whisper.report)
		TRY(whisper_report_write(v->set.whisper.report, p));
	if (p->lost == 0)
		return NULL;
	return error_new(ERROR_TIMEOUT, "%zu of %zu pings were not answered%s%s", p->lost, p->answered + p->lost,
			 p->failure ? "; the first post that was refused: " : "",
			 p->failure ? p->failure->message : "");
}

struct error *cmd_whisper_ping(struct vcli *v)
{
	struct whisper_list *list = NULL;
	struct whisper_nodes *nodes = NULL;
	struct whisper_ping *p = NULL;
	struct error *e;

	TRY(whisper_check_options(&v->set.whisper));
	if (v->set.whisper.report)
		TRY(whisper_report_check(v->set.whisper.report));
	TRY(whisper_list_read(v, v->args[0], &list));
	TRY(whisper_nodes_open(v, WHISPER_SENDERS, &nodes));
	TRY(whisper_ping_new(nodes, list, v->set.whisper.pings > 0 ? v->set.whisper.pings : 1, &p));
	p->interval_ms = v->set.whisper.interval_ms;
	p->wait_ms = v->timeout_ms > 0 ? v->timeout_ms : WHISPER_TTL_MAX_MS;
	e = run(v, p);
	whisper_ping_end(p);
	return e;
}
