/* Inside base/: one value of a settings table, text to field and back. */
#ifndef DSN_BASE_CONFIG_VALUE_H
#define DSN_BASE_CONFIG_VALUE_H

#include "base/config.h"

/* Checks `text` against the row and stores it; errors do not name the place, the caller knows it. */
struct error *config_value_set(const void *ctx, const struct config_row *row, const char *text,
			       void *settings) MUST_CHECK;
/* CONFIG_LIST: the elements one by one (flags), replacing what was there. */
struct error *config_value_set_list(const void *ctx, const struct config_row *row, char **elements, size_t count,
				    void *settings) MUST_CHECK;
/* As it would be written in a file; NULL when unset. */
char *config_value_text(const void *ctx, const struct config_row *row, const void *settings);
/* What stands for the value in a help text: "DIR", or the choices. */
const char *config_placeholder(const struct config_row *row);
/* "state-dir" -> "DSN_STATE_DIR" */
char *config_environment_name(const void *ctx, const char *name);

#endif
