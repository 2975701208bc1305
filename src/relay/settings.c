#include "relay/settings.h"

#include "base/mem.h"
#include "media/aac.h"
#include "media/h264.h"

/* Codec and kind of packet stand before AAC's settings, the composition time too before H.264's. */
#define AAC_HEAD 2
#define AVC_HEAD 5

static struct error *check_picture(const struct tag *t)
{
	struct h264_config *config = NULL;

	TRY(h264_config_read(NULL, t->data + AVC_HEAD, t->len - AVC_HEAD, &config));
	mem_free(config);
	return NULL;
}

static struct error *check_sound(const struct tag *t)
{
	const char *fault = aac_config_fault(t->data + AAC_HEAD, t->len - AAC_HEAD);

	return fault ? error_new(ERROR_INVALID, "%s", fault) : NULL;
}

struct error *settings_check(const struct tag *t)
{
	if (t->type == TAG_VIDEO && t->len > AVC_HEAD)
		return check_picture(t);
	if (t->type == TAG_AUDIO && t->len > AAC_HEAD)
		return check_sound(t);
	return error_new(ERROR_INVALID, "settings of %zu bytes", t->len);
}
