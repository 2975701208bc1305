#include "dsnd/dsnd.h"

#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "client/identity.h"
#include "manager/jobs/jobs.h"
#include "manager/registry/registry.h"

const struct service_ops *const dsnd_services[] = {&registry_service, &jobs_service, NULL};

/* In this order: calls refer to what answers them. */
static int dsnd_destroy(struct dsnd *d)
{
	mem_free(d->front);
	mem_free(d->manager);
	if (d->lock >= 0)
		close(d->lock);
	return 0;
}

static struct error *ready(void *arg)
{
	return manager_health(((struct dsnd *)arg)->manager);
}

static struct error *open_manager(struct dsnd *d, uv_loop_t *loop)
{
	const struct dsnd_settings *s = d->settings;
	const struct manager_options options = {
		.client = &s->client,
		.known = dsnd_services,
		.names = s->services,
		.database = file_join(d, s->client.state.folder, "dsnd.db"),
		.start_ms = s->start_ms,
		.least_version = s->least_version,
		.suggested_version = s->suggested_version,
	};

	return manager_open(d, loop, &options, &d->manager);
}

static struct error *open_front(struct dsnd *d, uv_loop_t *loop)
{
	const struct front_options options = {
		.listen = d->settings->listen,
		.methods = manager_methods(d->manager),
		.callers = d->callers,
		.metrics = d->metrics,
		.ready = ready,
		.ready_arg = d,
	};

	metrics_add(d->metrics, manager_measure, d->manager);
	return front_open(d, loop, &options, &d->front);
}

static struct error *open_parts(struct dsnd *d, uv_loop_t *loop)
{
	const char *folder = d->settings->client.state.folder;
	char *id = NULL;

	TRY(file_mkdirs(folder, 0700));
	TRY(file_lock(file_join(d, folder, "dsnd.lock"), &d->lock));
	TRY(client_identity_id(d, &d->settings->client, &id));
	snprintf(d->id, sizeof(d->id), "%s", id);
	d->token_file = file_join(d, folder, "operator.token");
	TRY(callers_open(d, d->token_file, d->id, d->settings->callers, &d->callers));
	d->metrics = metrics_new(d, "dsnd");
	TRY(open_manager(d, loop));
	return open_front(d, loop);
}

struct error *dsnd_open(const void *ctx, uv_loop_t *loop, const struct dsnd_settings *settings, struct dsnd **ret_dsnd)
{
	struct dsnd *d = mem_new(ctx, struct dsnd);
	struct error *e;

	d->settings = settings;
	d->lock = -1;
	talloc_set_destructor(d, dsnd_destroy);
	e = open_parts(d, loop);
	if (e) {
		mem_free(d);
		return e;
	}
	*ret_dsnd = d;
	return NULL;
}
