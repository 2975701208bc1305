#include "node/job/stream.h"

#include <string.h>

#include "base/mem.h"
#include "node/node.h"

struct stream *node_stream(struct node *n, const char *application, const char *name)
{
	struct stream *s;

	for (size_t i = 0; i < n->stream_count; i++) {
		s = n->streams[i];
		if (!strcmp(s->application, application) && !strcmp(s->name, name))
			return s;
	}
	s = mem_new(n, struct stream);
	s->application = mem_strdup(s, application);
	s->name = mem_strdup(s, name);
	n->streams = mem_resize(n, n->streams, struct stream *, n->stream_count + 1);
	n->streams[n->stream_count++] = s;
	return s;
}
