/* Master playlists of storages: what is accepted leads nowhere but below the storage's own folder, and is accepted
 * again when it is written for one storage with its folder taken away. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "manager/play/master.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct master *m)
{
	for (size_t i = 0; i < m->count; i++) {
		const char *uri = m->variants[i].uri;

		if (strncmp(uri, "j1", 2) != 0 || strpbrk(uri, ":\\%?#\" ") || strstr(uri, ".."))
			abort();
		if (strchr(m->variants[i].attributes, '\n') || !strstr(m->variants[i].attributes, "BANDWIDTH="))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	void *scope = mem_new(NULL, char);
	struct master *m = NULL, *again = NULL;
	struct error *e = master_read(scope, "j1", (const char *)data, size, &m);

	if (!e) {
		struct master_source sources[] = {{"", "a", m}, {"http://b/", "b", m}};
		char *text = master_text(scope, sources, 1, NULL);

		look_at(m);
		e = master_read(scope, "j1", text, strlen(text), &again);
		if (e || again->count != m->count)
			abort();
		master_text(scope, sources, 2, "steering.json");
	}
	error_free(e);
	mem_free(scope);
	return 0;
}
