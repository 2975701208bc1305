#include "node/agent/hardware_system.h"

#include <dirent.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#define PROC_LIMIT (4 << 20)

static char *read_proc(const void *ctx, const char *path)
{
	char *text = NULL;
	struct error *e = file_read(ctx, path, PROC_LIMIT, &text, NULL);
	error_free(e);
	return e ? mem_strdup(ctx, "") : text;
}

/* Value of "name<blanks>: value" at a line's start; NULL when there is none. */
static const char *find_value(const char *text, const char *name)
{
	size_t len = strlen(name);
	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (strncmp(line, name, len) != 0)
			continue;
		const char *value = line + len + strspn(line + len, " \t");
		if (*value == ':')
			return value + 1 + strspn(value + 1, " \t");
	}
	return NULL;
}

char *hardware_system_cpu_model(const void *ctx)
{
	/* x86 has a model name; ARM, POWER and others tell less, each under another name. */
	static const char *const names[] = {"model name", "Model", "Hardware", "cpu model", "cpu", "CPU part"};
	char *text = read_proc(NULL, "/proc/cpuinfo");
	char *model = NULL;
	for (size_t i = 0; i < sizeof names / sizeof *names && !model; i++) {
		const char *value = find_value(text, names[i]);
		if (value && strcspn(value, "\n") > 0)
			model = mem_strndup(ctx, value, strcspn(value, "\n"));
	}
	mem_free(text);
	return model ? model : mem_strdup(ctx, "unknown");
}

double hardware_system_cores(void)
{
	cpu_set_t set;
	double cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
	/* "200000 100000": two processors' time; "max 100000": all there is. */
	char *text = read_proc(NULL, "/sys/fs/cgroup/cpu.max");
	char *rest = text;
	double quota = strtod(text, &rest), period = strtod(rest, NULL);
	if (quota > 0 && period > 0 && quota / period < cores)
		cores = quota / period;
	mem_free(text);
	return cores;
}

double hardware_system_load(void)
{
	double load = 0;
	return getloadavg(&load, 1) == 1 ? load : -1;
}

/* user nice system idle iowait irq softirq steal; guests are in user and nice already. */
#define TIMES 8
#define IDLE 3
#define IOWAIT 4

bool hardware_system_read_times(const char *text, bool (*uses)(int cpu), int64_t *ret_busy_ms, int64_t *ret_all_ms)
{
	int64_t tick_ms = 1000 / sysconf(_SC_CLK_TCK);
	bool found = false;
	*ret_busy_ms = *ret_all_ms = 0;
	for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		char *at = NULL;
		long cpu = strncmp(line, "cpu", 3) == 0 && line[3] >= '0' && line[3] <= '9' ? strtol(line + 3, &at, 10)
											    : -1;
		if (cpu < 0 || cpu > INT32_MAX || !uses((int)cpu))
			continue;
		found = true;
		for (int i = 0; i < TIMES; i++) {
			int64_t ms = strtoll(at, &at, 10) * tick_ms;
			*ret_all_ms += ms;
			*ret_busy_ms += i == IDLE || i == IOWAIT ? 0 : ms;
		}
	}
	return found;
}

static bool is_ours(int cpu)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof set, &set) < 0 || (cpu < CPU_SETSIZE && CPU_ISSET(cpu, &set));
}

bool hardware_system_times(int64_t *ret_busy_ms, int64_t *ret_all_ms)
{
	char *text = read_proc(NULL, "/proc/stat");
	bool found = hardware_system_read_times(text, is_ours, ret_busy_ms, ret_all_ms);
	mem_free(text);
	return found;
}

static int64_t kilobytes(const char *meminfo, const char *name)
{
	const char *value = find_value(meminfo, name);
	return value ? strtoll(value, NULL, 10) * 1024 : 0;
}

void hardware_system_memory(int64_t *ret_total, int64_t *ret_available)
{
	char *text = read_proc(NULL, "/proc/meminfo");
	*ret_total = kilobytes(text, "MemTotal");
	*ret_available = kilobytes(text, "MemAvailable");
	mem_free(text);
}

void hardware_system_disk(const char *folder, int64_t *ret_total, int64_t *ret_free)
{
	struct statvfs st;
	bool ok = statvfs(folder, &st) == 0;
	*ret_total = ok ? (int64_t)(st.f_blocks * st.f_frsize) : 0;
	*ret_free = ok ? (int64_t)(st.f_bavail * st.f_frsize) : 0;
}

/* Not by getifaddrs(), which wants a netlink socket: the packaged service has none. */
json_t *hardware_system_networks(void)
{
	json_t *names = json_array();
	DIR *dir = opendir("/sys/class/net");
	const struct dirent *entry;
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "lo") != 0)
			json_array_append_new(names, json_string(entry->d_name));
	if (dir)
		closedir(dir);
	return names;
}
