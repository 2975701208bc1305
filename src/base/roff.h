/* Texts for manual pages (man(7), roff). */
#ifndef DSN_BASE_ROFF_H
#define DSN_BASE_ROFF_H

/* `text` as roff shows it unchanged: nothing in it is taken for a request or an escape. Belongs to ctx. */
char *roff_text(const void *ctx, const char *text);

#endif
