/* What a network needs on a broker. Everything is looked for first, all at once: a participant with the rights of `vcli
 * broker setup` finds it all there and may declare nothing. */
#include "base/log.h"
#include "bus/amqp_limits.h"
#include "bus/amqp_link.h"
#include "bus/amqp_owner.h"

static struct error *scratch_reopen(struct amqp_owner *o)
{
	return amqp_link_open_channel(o->link, CHANNEL_SCRATCH);
}

/* Any answer but a lost connection leaves a usable scratch channel. */
static struct error *scratch_check(struct amqp_owner *o, const char *what, struct error **ret_refusal)
{
	struct error *e = amqp_link_check(o->link, CHANNEL_SCRATCH, what);

	if (e && e->code == ERROR_UNAVAILABLE)
		return e;
	if (e) {
		struct error *reopen = scratch_reopen(o);

		if (reopen) {
			error_free(e);
			return reopen;
		}
	}
	*ret_refusal = e;
	return NULL;
}

static void report_missing(struct error *refusal, const char *name)
{
	if (!refusal)
		return;
	log_warn("bus.undeclared", "name=%s why=%s", name, log_q(refusal->message));
	error_free(refusal);
}

static struct error *declare_exchange(struct amqp_owner *o, const char *name, const char *type)
{
	struct error *refusal;

	amqp_exchange_declare(o->link, CHANNEL_SCRATCH, amqp_cstring_bytes(name), amqp_cstring_bytes(type), 1, 1, 0, 0,
			      amqp_empty_table);
	TRY(scratch_check(o, name, &refusal));
	if (!refusal)
		return NULL;
	error_free(refusal);
	amqp_exchange_declare(o->link, CHANNEL_SCRATCH, amqp_cstring_bytes(name), amqp_cstring_bytes(type), 0, 1, 0, 0,
			      amqp_empty_table);
	TRY(scratch_check(o, name, &refusal));
	report_missing(refusal, name);
	return NULL;
}

static struct error *declare_dead_queue(struct amqp_owner *o)
{
	amqp_table_entry_t entries[] = {
		{amqp_cstring_bytes("x-queue-type"),
		 {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes("quorum")}},
		{amqp_cstring_bytes("x-message-ttl"), {.kind = AMQP_FIELD_KIND_I32, .value.i32 = AMQP_DEAD_TTL_MS}},
		{amqp_cstring_bytes("x-max-length"), {.kind = AMQP_FIELD_KIND_I32, .value.i32 = AMQP_DEAD_LENGTH}},
		{amqp_cstring_bytes("x-max-length-bytes"), {.kind = AMQP_FIELD_KIND_I32, .value.i32 = AMQP_DEAD_BYTES}},
	};
	amqp_table_t arguments = {sizeof(entries) / sizeof(entries[0]), entries};
	amqp_bytes_t name = amqp_cstring_bytes(o->dead_exchange);
	struct error *refusal;

	amqp_queue_declare(o->link, CHANNEL_SCRATCH, name, 1, 1, 0, 0, amqp_empty_table);
	TRY(scratch_check(o, o->dead_exchange, &refusal));
	if (!refusal)
		return NULL;
	error_free(refusal);
	amqp_queue_declare(o->link, CHANNEL_SCRATCH, name, 0, 1, 0, 0, arguments);
	TRY(scratch_check(o, o->dead_exchange, &refusal));
	if (!refusal) {
		amqp_queue_bind(o->link, CHANNEL_SCRATCH, name, name, amqp_cstring_bytes("#"), amqp_empty_table);
		TRY(scratch_check(o, o->dead_exchange, &refusal));
	}
	report_missing(refusal, o->dead_exchange);
	return NULL;
}

static struct error *look_for_exchange(struct amqp_owner *o, const char *name, const char *type)
{
	amqp_exchange_declare_t declare = {.exchange = amqp_cstring_bytes(name),
					   .type = amqp_cstring_bytes(type),
					   .passive = 1,
					   .durable = 1,
					   .nowait = 1};

	return amqp_link_send_method(o->link, CHANNEL_SCRATCH, AMQP_EXCHANGE_DECLARE_METHOD, &declare);
}

static struct error *look_for_all(struct amqp_owner *o)
{
	TRY(look_for_exchange(o, o->exchange, "direct"));
	TRY(look_for_exchange(o, o->status_exchange, "topic"));
	TRY(look_for_exchange(o, o->dead_exchange, "fanout"));
	amqp_queue_declare(o->link, CHANNEL_SCRATCH, amqp_cstring_bytes(o->dead_exchange), 1, 1, 0, 0,
			   amqp_empty_table);
	return NULL;
}

struct error *amqp_owner_declare_network(struct amqp_owner *o)
{
	struct error *refusal;

	TRY(look_for_all(o));
	TRY(scratch_check(o, o->network, &refusal));
	if (!refusal)
		return NULL;
	error_free(refusal);
	TRY(declare_exchange(o, o->exchange, "direct"));
	TRY(declare_exchange(o, o->status_exchange, "topic"));
	TRY(declare_exchange(o, o->dead_exchange, "fanout"));
	return declare_dead_queue(o);
}
