#include "media/hls_measured.h"

#include <string.h>

#include "base/mem.h"

#define MAX_BPS INT64_C(100000000000)
#define MAX_RATE_MHZ 1000000

/* These texts go into a playlist: nothing but what codecs and our own marks are made of. */
static struct error *read_word(const json_t *o, const struct json_place *at, const char *key, const char *allowed,
			       char *to, size_t size)
{
	const struct json_place here = {at, key, 0};
	const char *text = NULL;

	TRY(json_read_string(o, at, key, &text));
	if (strlen(text) >= size || text[strspn(text, allowed)])
		return json_place_error(&here, "is no such word");
	memcpy(to, text, strlen(text) + 1);
	return NULL;
}

static struct error *read_members(const json_t *o, struct hls_measured *m)
{
	static const char *const known[] = {"peak", "average", "codecs", "width", "height", "rate", "settings", NULL};
	const struct json_place at = {NULL, HLS_MEASURED_NAME, 0};
	int64_t width = 0, height = 0;

	if (!json_is_object(o))
		return json_place_error(&at, "is no object");
	TRY(json_refuse_unknown(o, &at, known));
	TRY(json_read_decimal(o, &at, "peak", 1, MAX_BPS, &m->peak_bps));
	TRY(json_read_decimal(o, &at, "average", 1, MAX_BPS, &m->average_bps));
	TRY(read_word(o, &at, "codecs", "0123456789abcdefghijklmnopqrstuvwxyz.,", m->codecs, sizeof(m->codecs)));
	TRY(json_read_decimal(o, &at, "width", 1, 16384, &width));
	TRY(json_read_decimal(o, &at, "height", 1, 16384, &height));
	TRY(json_read_decimal(o, &at, "rate", 0, MAX_RATE_MHZ, &m->rate_mhz));
	TRY(read_word(o, &at, "settings", "0123456789abcdef-", m->settings, sizeof(m->settings)));
	m->size = (struct api_size){(int)width, (int)height};
	return NULL;
}

struct error *hls_measured_parse(const char *text, size_t len, struct hls_measured *ret_measured)
{
	struct hls_measured m = {0};
	json_t *o = NULL;
	struct error *e;

	TRY(json_parse(text, len, HLS_MEASURED_MAX_BYTES, &o));
	e = read_members(o, &m);
	json_decref(o);
	if (!e)
		*ret_measured = m;
	return e;
}

char *hls_measured_text(const void *ctx, const struct hls_measured *m)
{
	json_t *o = json_object();
	char *text;

	json_put_decimal(o, "peak", m->peak_bps);
	json_put_decimal(o, "average", m->average_bps);
	json_put(o, "codecs", m->codecs);
	json_put_decimal(o, "width", m->size.width);
	json_put_decimal(o, "height", m->size.height);
	json_put_decimal(o, "rate", m->rate_mhz);
	json_put(o, "settings", m->settings);
	text = json_text(ctx, o);
	json_decref(o);
	return text;
}
