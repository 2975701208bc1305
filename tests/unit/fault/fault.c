/* Counting, and what happens at the nth. */
#include "fault.h"

#include <jansson.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

static struct {
	bool armed, fired;
	enum fault_site site;
	enum fault_act act;
	unsigned long nth, calls[FAULT_SITES];
} f;

static sqlite3_mem_methods plain;
static long blocks;

void fault_arm(enum fault_site site, enum fault_act act, unsigned long nth)
{
	fault_vfs_forget();
	unsynced_forget();
	f.armed = true;
	f.fired = false;
	f.site = site;
	f.act = act;
	f.nth = nth;
	for (int i = 0; i < FAULT_SITES; i++)
		f.calls[i] = 0;
}

void fault_disarm(void)
{
	f.armed = false;
}

bool fault_armed(void)
{
	return f.armed;
}

bool fault_fired(void)
{
	return f.fired;
}

unsigned long fault_calls(enum fault_site site)
{
	return f.calls[site];
}

void fault_end(void)
{
	f.armed = false;
	if (f.act == FAULT_POWER)
		fault_power_cut();
	raise(SIGKILL);
	_exit(99); /* not reached */
}

void fault_power_cut(void)
{
	f.armed = false;
	fault_vfs_power_cut(f.nth);
	unsynced_power_cut(f.nth);
	raise(SIGKILL);
	_exit(99); /* not reached */
}

bool fault_now(enum fault_site site, bool *ret_half)
{
	bool now;

	if (!f.armed)
		return false;
	f.calls[site]++;
	if (site != f.site)
		return false;
	now = f.act == FAULT_ON ? f.calls[site] >= f.nth : f.calls[site] == f.nth;
	if (!now)
		return false;
	f.fired = true;
	if (f.act == FAULT_ONCE || f.act == FAULT_ON)
		return true;
	if (!ret_half)
		fault_end();
	*ret_half = true;
	return true;
}

/* --- memory --- */

static void *sqlite_malloc(int n)
{
	void *p = fault_now(FAULT_SQLITE_MEMORY, NULL) ? NULL : plain.xMalloc(n);

	blocks += p != NULL;
	return p;
}

static void *sqlite_realloc(void *p, int n)
{
	return fault_now(FAULT_SQLITE_MEMORY, NULL) ? NULL : plain.xRealloc(p, n);
}

static void sqlite_free(void *p)
{
	blocks -= p != NULL;
	plain.xFree(p);
}

static void *json_malloc(size_t n)
{
	blocks++;
	return malloc(n ? n : 1);
}

static void json_free(void *p)
{
	blocks -= p != NULL;
	free(p);
}

long fault_blocks(void)
{
	return blocks;
}

void fault_install(void)
{
	sqlite3_mem_methods methods;

	sqlite3_config(SQLITE_CONFIG_GETMALLOC, &plain);
	methods = plain;
	methods.xMalloc = sqlite_malloc;
	methods.xRealloc = sqlite_realloc;
	methods.xFree = sqlite_free;
	sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
	/* Small pieces would come from a block that is there already, and never fail. */
	sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
	json_set_alloc_funcs(json_malloc, json_free);
	fault_vfs_install();
}

/* --- time --- */

int64_t __wrap_clock_wall_ms(void);

int64_t __wrap_clock_wall_ms(void)
{
	return FAULT_NOW_MS;
}
