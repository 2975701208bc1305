#include <string.h>

#include "base/mem.h"
#include "manager/play/master.h"

#define LEAST_VERSION 3

static const struct master_variant *find(const struct master *m, const char *uri)
{
	for (size_t i = 0; i < m->count; i++) {
		if (strcmp(m->variants[i].uri, uri) == 0)
			return &m->variants[i];
	}
	return NULL;
}

/* One variant at every source from the nth on that has it: all with the attributes that the first of them says, which
 * makes them redundant ones. */
static char *add_variant(char *text, const struct master_source *sources, size_t count, size_t nth,
			 const struct master_variant *v)
{
	for (size_t i = nth; i < count; i++) {
		if (!find(sources[i].master, v->uri))
			continue;
		text = talloc_asprintf_append_buffer(text, "#EXT-X-STREAM-INF:%s", v->attributes);
		if (count > 1)
			text = talloc_asprintf_append_buffer(text, ",PATHWAY-ID=\"%s\"", sources[i].pathway);
		text = talloc_asprintf_append_buffer(text, "\n%s%s\n", sources[i].base, v->uri);
	}
	return text;
}

static bool was_before(const struct master_source *sources, size_t nth, const char *uri)
{
	for (size_t i = 0; i < nth; i++) {
		if (find(sources[i].master, uri))
			return true;
	}
	return false;
}

char *master_text(const void *ctx, const struct master_source *sources, size_t count, const char *steering)
{
	int version = LEAST_VERSION;
	bool independent = true;
	char *text;

	for (size_t i = 0; i < count; i++) {
		version = sources[i].master->version > version ? sources[i].master->version : version;
		independent = independent && sources[i].master->independent;
	}
	text = mem_printf(ctx, "#EXTM3U\n#EXT-X-VERSION:%d\n%s", version,
			  independent ? "#EXT-X-INDEPENDENT-SEGMENTS\n" : "");
	if (count > 1 && steering)
		text = talloc_asprintf_append_buffer(text,
						     "#EXT-X-CONTENT-STEERING:SERVER-URI=\"%s\",PATHWAY-ID=\"%s\"\n",
						     steering, sources[0].pathway);
	for (size_t i = 0; i < count; i++) {
		const struct master *m = sources[i].master;

		for (size_t k = 0; k < m->count; k++) {
			if (!was_before(sources, i, m->variants[k].uri))
				text = add_variant(text, sources, count, i, &m->variants[k]);
		}
	}
	return text;
}
