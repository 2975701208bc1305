#include "bus/strangers.h"

#include <string.h>

#include "base/bucket.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define BURST 4
#define TELL_EVERY_MS 60000
/* More hellos than these within the life of one come from no person. */
#define HELLOS_KEPT 64
#define ID_SIZE 33

struct strangers {
	unsigned per_s;
	struct bucket buckets[STRANGERS_USES];
	uint64_t dropped[STRANGERS_USES];
	int64_t told_ms;
	char hellos[HELLOS_KEPT][ID_SIZE];
	size_t hello;
};

struct strangers *strangers_new(const void *ctx, unsigned per_s)
{
	struct strangers *s = mem_new(ctx, struct strangers);

	s->per_s = per_s;
	s->told_ms = clock_mono_ms() - TELL_EVERY_MS;
	for (size_t i = 0; i < STRANGERS_USES; i++)
		s->buckets[i] = (struct bucket){.per_s = per_s, .burst = BURST * per_s};
	return s;
}

static void tell(struct strangers *s, int64_t now_ms)
{
	if (now_ms - s->told_ms < TELL_EVERY_MS)
		return;
	log_warn("bus.strangers", "dropped_hellos=%llu dropped_messages=%llu dropped_malformed=%llu per_s=%u",
		 (unsigned long long)s->dropped[STRANGERS_HELLO], (unsigned long long)s->dropped[STRANGERS_MESSAGE],
		 (unsigned long long)s->dropped[STRANGERS_RUBBISH], s->per_s);
	memset(s->dropped, 0, sizeof(s->dropped));
	s->told_ms = now_ms;
}

bool strangers_may(struct strangers *s, enum strangers_use use)
{
	int64_t now_ms = clock_mono_ms();

	if (!s->per_s || bucket_take(&s->buckets[use], now_ms))
		return true;
	s->dropped[use]++;
	tell(s, now_ms);
	return false;
}

bool strangers_hello_is_new(struct strangers *s, const char *message_id)
{
	for (size_t i = 0; i < HELLOS_KEPT; i++) {
		if (!strncmp(s->hellos[i], message_id, ID_SIZE))
			return false;
	}
	strncpy(s->hellos[s->hello], message_id, ID_SIZE - 1);
	s->hello = (s->hello + 1) % HELLOS_KEPT;
	return true;
}
