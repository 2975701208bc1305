/* What the two ways of the codec share. Private to codec_*.c. */
#ifndef DSN_CONTRACTS_CODEC_IMPL_H
#define DSN_CONTRACTS_CODEC_IMPL_H

#include "contracts/codec.h"

/* Does it stand behind an offset? */
bool codec_is_dynamic(const struct codec_field *f);

#endif
