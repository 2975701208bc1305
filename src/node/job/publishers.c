#include "node/job/publishers.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "node/job/job.h"
#include "node/job/ready.h"

static void tell_jobs(struct node *n, struct stream *s)
{
	for (size_t i = 0; i < n->job_count; i++) {
		struct job *j = n->jobs[i];
		int input = job_find_input(j, s->application, s->name);

		if (input < 0)
			continue;
		if (s->active)
			job_published(j, (size_t)input);
		else
			job_unpublished(j, (size_t)input);
	}
	log_info(s->active ? "stream.published" : "stream.ended", "node=%s stream=%s/%s", n->row.id, s->application,
		 s->name);
	node_changed(n);
}

void stream_publish(struct node *n, struct stream *s, const char *client)
{
	s->clients = mem_resize(s, s->clients, char *, s->client_count + 1);
	s->clients[s->client_count++] = mem_strdup(s, client);
	if (s->active)
		return;
	s->active = true;
	s->since_ms = node_now();
	tell_jobs(n, s);
}

void stream_clear(struct node *n, struct stream *s)
{
	for (size_t i = 0; i < s->client_count; i++)
		mem_free(s->clients[i]);
	s->client_count = 0;
	if (!s->active)
		return;
	s->active = false;
	s->left_ms = node_now();
	tell_jobs(n, s);
}

void stream_unpublish(struct node *n, struct stream *s, const char *client)
{
	for (size_t i = 0; i < s->client_count; i++) {
		if (strcmp(s->clients[i], client) && strcmp(s->clients[i], "?"))
			continue;
		mem_free(s->clients[i]);
		s->clients[i] = s->clients[--s->client_count];
		break;
	}
	if (!s->client_count)
		stream_clear(n, s);
}

static bool is_known(const struct node *n, const struct stream *s)
{
	if (ready_waited_for(n, s))
		return true;
	for (size_t i = 0; i < n->job_count; i++) {
		const struct job *j = n->jobs[i];

		for (size_t k = 0; k < j->input_count; k++) {
			if (j->inputs[k] == s)
				return true;
		}
		for (size_t k = 0; k < j->unit_count; k++) {
			if (j->units[k]->input == s) /* also of a unit that is on its way out */
				return true;
		}
	}
	return false;
}

void streams_forget(struct node *n)
{
	for (size_t i = n->stream_count; i > 0; i--) {
		if (is_known(n, n->streams[i - 1]))
			continue;
		mem_free(n->streams[i - 1]);
		n->streams[i - 1] = n->streams[--n->stream_count];
	}
}
