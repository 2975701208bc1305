/* A login that somebody else wrote, and a file of segments. */
#include "base/json.h"
#include "base/mem.h"
#include "contracts/segments.h"
#include "vcli/chain/session.h"

#include "client/folders.c"
#include "vcli/chain/session.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct segments_batch batch = {.job = 1};
	struct segments *segments = NULL;
	struct session_terms terms;
	json_t *session = NULL;
	uint8_t root[KECCAK_BYTES];
	struct error *e = json_parse((const char *)data, size, SESSION_BYTES, &session);

	if (!e)
		e = session_read(session, 1000000, &terms);
	error_free(e);
	json_decref(session);
	e = segments_parse(NULL, "input", (const char *)data, size, &segments);
	if (!e)
		segments_root(segments, &batch, root);
	error_free(e);
	mem_free(segments);
	return 0;
}
