/* What `vcli pipeline push` and `vcli order push` run, and what became of it. */
#ifndef DSN_VCLI_PIPELINE_PUSH_H
#define DSN_VCLI_PIPELINE_PUSH_H

#include "base/child.h"
#include "media/probe.h"
#include "media/progress.h"
#include "vcli/pipeline/user_job.h"
#include "vcli/vcli.h"

struct push {
	struct vcli *v;
	const struct user_job *job;
	const char *film;
	const struct media_verdict *verdict;
	int64_t duration_ms; /* how much there is to send; 0: no end */
	int64_t from_ms;     /* where in the film this run of ffmpeg begins */

	bool stopped; /* by the user */
	struct child_exit end;
	struct media_progress last;
	char *complaints; /* what ffmpeg said, its last 4 KiB */
};

/* Where a stream that broke goes on: *ret_job with another address, or NULL when there is none (the command ends with
 * `broken` then). May wait. */
typedef struct error *push_again_fn(struct vcli *v, const struct error *broken, const struct user_job **ret_job,
				    void *arg);
/* Sends a film to the job, whose name, url, key, fragment_s and document (the source's size and bit rate) are used.
 * Where the stream breaks, `again` (may be NULL) says where it goes on; the last PUSH_BACK_MS of what was sent, which
 * may have been lost on the way, are sent once more. Answers the command. */
#define PUSH_BACK_MS 3000
struct error *push_film(struct vcli *v, const struct user_job *j, const char *film, push_again_fn *again,
			void *arg) MUST_CHECK;
/* How much of the film is out. */
int64_t push_sent_ms(const struct push *p);
/* Run ffmpeg to its end, or until the user stops it: the lower half of struct push. `lists`: text for its descriptor 0,
 * or NULL. The loop is the program's. */
struct error *push_run(struct push *p, const char *const *argv, const char *lists) MUST_CHECK;
/* What became of the film: NULL when all of it was sent, or the user had enough. */
struct error *push_outcome(const struct push *p) MUST_CHECK;
/* hh:mm:ss */
char *push_clock(const void *ctx, int64_t ms);

#endif
