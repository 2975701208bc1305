/* What contradicts itself in a pipeline whose members were each read; of use inside the api room only. */
#ifndef DSN_API_PIPELINE_CHECK_H
#define DSN_API_PIPELINE_CHECK_H

#include "api/pipeline.h"

/* Texts, each naming its place; belongs to ctx. */
struct api_notes {
	char **texts;
	size_t count;
};
void api_note(struct api_notes *notes, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Collect what makes tasks impossible. */
void api_pipeline_problems(const struct api_pipeline *p, struct api_notes *notes);
/* Collect what is possible but seldom meant. */
void api_pipeline_remarks(const struct api_pipeline *p, struct api_notes *notes);

#endif
