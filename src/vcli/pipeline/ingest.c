#include "vcli/pipeline/ingest.h"

#include <stdio.h>

#include "base/json.h"
#include "base/mem.h"

void ingest_put(struct vcli *v, const struct user_job *j, json_t *answer)
{
	json_t *o = json_object();
	char *path = NULL;
	bool key = j->key && v->set.pipeline.show_key;

	if (j->url) {
		json_put(o, "url", j->url);
		json_put(o, "stream", j->name);
	}
	if (key) {
		json_put(o, "key", j->key);
		json_put(o, "stream_key", mem_printf(v, "%s?key=%s", j->name, j->key));
	}
	if (j->key && j->stored) {
		error_free(user_job_path(v, &v->set.client.state, j->name, &path));
		if (path)
			json_put(o, "key_file", path);
	}
	json_object_set_new(answer, "ingest", o);
	if (j->watch)
		json_put(answer, "watch", j->watch);
}

/* An encoder asks for a server and a stream key (OBS), or takes both as one URL (ffmpeg). */
static void print_publish(struct vcli *v, const struct user_job *j)
{
	const char *key = !j->key ? NULL : v->set.pipeline.show_key ? j->key : "KEY";

	printf("send a file:    vcli pipeline push %s FILE\n", j->name);
	printf("or publish to:  %s/%s%s%s\n", j->url, j->name, key ? "?key=" : "", key ? key : "");
	printf("  an encoder's server is %s, its stream key %s%s%s\n", j->url, j->name, key ? "?key=" : "",
	       key ? key : "");
	if (key && !v->set.pipeline.show_key)
		printf("  KEY is shown by \"vcli pipeline status %s --show-key\"\n", j->name);
}

void ingest_print(struct vcli *v, const struct user_job *j)
{
	if (v->set.quiet)
		return;
	if (j->url)
		print_publish(v, j);
	if (j->watch)
		printf("watch it at:    %s\n", j->watch);
}
