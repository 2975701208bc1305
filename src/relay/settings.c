#include "relay/settings.h"

#include "base/mem.h"
#include "media/aac.h"
#include "media/h264.h"

static struct error *check_picture(const struct tag *t)
{
	struct h264_config *config = NULL;

	TRY(h264_config_read(NULL, t->data + TAG_AVC_HEAD, t->len - TAG_AVC_HEAD, &config));
	mem_free(config);
	return NULL;
}

static struct error *check_sound(const struct tag *t)
{
	const char *fault = aac_config_fault(t->data + TAG_AAC_HEAD, t->len - TAG_AAC_HEAD);

	return fault ? error_new(ERROR_INVALID, "%s", fault) : NULL;
}

struct error *settings_check(const struct tag *t)
{
	if (t->type == TAG_VIDEO && t->len > TAG_AVC_HEAD)
		return check_picture(t);
	if (t->type == TAG_AUDIO && t->len > TAG_AAC_HEAD)
		return check_sound(t);
	return error_new(ERROR_INVALID, "settings of %zu bytes", t->len);
}
