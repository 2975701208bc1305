/* The password that a symmetric Whisper key is made of. */
#ifndef DSN_VCLI_WHISPER_WHISPER_PASSWORD_H
#define DSN_VCLI_WHISPER_WHISPER_PASSWORD_H

#include "base/error.h"
#include "vcli/options.h"

/* From --whisper-password-file (mode 0600), $DSN_WHISPER_PASSWORD, or typed at the terminal without being shown; ctx's,
 * for the caller to wipe. ERROR_INVALID: both are given, or none and there is no terminal. */
struct error *whisper_password(const void *ctx, const struct vcli_whisper_options *o, char **ret_password) MUST_CHECK;
void whisper_password_wipe(char *password);

#endif
