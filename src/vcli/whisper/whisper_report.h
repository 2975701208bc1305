/* The report of a ping run: a Markdown file, and beside it the plot as SVG. */
#ifndef DSN_VCLI_WHISPER_WHISPER_REPORT_H
#define DSN_VCLI_WHISPER_WHISPER_REPORT_H

#include "vcli/whisper/whisper_ping.h"

/* For --report: a path that ends with ".md". */
struct error *whisper_report_check(const char *path) MUST_CHECK;
/* Writes `path` and the file of the same name with ".svg", each whole or not at all. */
struct error *whisper_report_write(const char *path, struct whisper_ping *p) MUST_CHECK;

#endif
