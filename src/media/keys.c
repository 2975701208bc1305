/* Publishers' keys in files of their own, read by ffmpeg as an option preset: so no process list shows them. */
#include <inttypes.h>
#include <string.h>

#include "base/beneath.h"
#include "base/mem.h"
#include "media/ffmpeg.h"

/* FNV-1a: tells targets of one stream apart; file names need not be secret or collision proof against an attacker,
 * since targets come from one document. */
static uint64_t hash(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return (h ^ 0xff) * UINT64_C(0x100000001b3);
}

char *media_key_name(const void *ctx, const char *host, int port, const char *application, const char *stream)
{
	uint64_t h = hash(UINT64_C(0xcbf29ce484222325), host);

	h = hash(h ^ (uint64_t)port, application);
	return mem_printf(ctx, "%s-%016" PRIx64 ".key", stream, h);
}

struct visitor {
	const char *folder;
	struct error *(*visit)(const struct visitor *v, const char *name, const char *stream, const char *key);
	gid_t readers;
};

static struct error *visit_one(const struct visitor *v, const char *host, int port, const char *application,
			       const char *stream, const char *key)
{
	void *scope;
	struct error *e;

	if (!host || !key)
		return NULL;
	scope = mem_new(NULL, char);
	e = v->visit(v, media_key_name(scope, host, port, application, stream), stream, key);
	mem_free(scope);
	return e;
}

static struct error *visit_target(const struct visitor *v, const char *job, const struct api_target *t,
				  const char *default_application)
{
	const char *application = media_application(t, job, default_application);

	TRY(visit_one(v, t->ip, t->port, application, t->stream, t->key));
	return visit_one(v, t->failover_ip, t->failover_port ? t->failover_port : t->port, application, t->stream,
			 t->key);
}

static struct error *visit_all(const struct visitor *v, const struct api_task *task, int rtmp_port,
			       const char *default_application)
{
	TRY(visit_one(v, "127.0.0.1", rtmp_port, MEDIA_LIVE, task->job, task->key));
	if (task->role == API_DISTRIBUTOR)
		TRY(visit_one(v, "127.0.0.1", rtmp_port, MEDIA_CLEAN, task->job, task->key));
	for (size_t i = 0; i < task->output_count; i++)
		TRY(visit_target(v, task->job, &task->outputs[i], default_application));
	for (size_t i = 0; i < task->rendition_count; i++) {
		const struct api_target *t = &task->renditions[i].target;

		TRY(visit_one(v, "127.0.0.1", rtmp_port, MEDIA_CLEAN, t->stream, task->key));
		TRY(visit_target(v, task->job, t, default_application));
	}
	return NULL;
}

static struct error *write_one(const struct visitor *v, const char *name, const char *stream, const char *key)
{
	char *text = mem_printf(NULL, "rtmp_playpath=%s?key=%s\n", stream, key);
	/* Written anew from the stored task before each start of the job, so a power cut may take it. */
	struct error *e = beneath_write(v->folder, name, text, strlen(text), v->readers == (gid_t)-1 ? 0600 : 0640,
					(struct beneath_owner){(uid_t)-1, v->readers}, false);

	mem_free(text);
	return e;
}

static struct error *remove_one(const struct visitor *v, const char *name, const char *stream, const char *key)
{
	(void)stream, (void)key;
	return beneath_remove(v->folder, name);
}

struct error *media_keys_write(const char *folder, const struct api_task *task, int rtmp_port,
			       const char *default_application, gid_t readers)
{
	return visit_all(&(struct visitor){folder, write_one, readers}, task, rtmp_port, default_application);
}

struct error *media_keys_remove(const char *folder, const struct api_task *task, int rtmp_port,
				const char *default_application)
{
	return visit_all(&(struct visitor){folder, remove_one, (gid_t)-1}, task, rtmp_port, default_application);
}
