/* Words that people know from elsewhere, and what they are called here. Threads: any. */
#ifndef DSN_VCLI_WORDS_SYNONYMS_H
#define DSN_VCLI_WORDS_SYNONYMS_H

#include <stddef.h>

/* What "node ls", "order" or "start" is called: a command's words, ctx's, maybe several with ", " between them and in
 * quotation marks; NULL: nothing near. */
char *synonym_command(const void *ctx, char **words, size_t count);
/* What "-q" or "--verbose" (with its dashes) is called; NULL: nothing near. */
const char *synonym_flag(const char *flag, size_t len);

#endif
