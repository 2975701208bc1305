/* AAC's settings as RTMP carries them: an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). The bytes are a stranger's.
 * Pure. */
#ifndef DSN_MEDIA_AAC_H
#define DSN_MEDIA_AAC_H

#include <stddef.h>
#include <stdint.h>

/* What no decoder could make anything of, in words of static life; NULL: nothing is wrong with its head. Whether HLS
 * can carry it is another question (media/probe.h). */
const char *aac_config_fault(const uint8_t *config, size_t len);

#endif
