/* Inside node/: what the system tells of the machine at once. For others there is node/agent/hardware.h. */
#ifndef DSN_NODE_AGENT_HARDWARE_SYSTEM_H
#define DSN_NODE_AGENT_HARDWARE_SYSTEM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* "unknown" where /proc/cpuinfo names none; ctx's. */
char *hardware_system_cpu_model(const void *ctx);
/* Processors that this process may use: its affinity and its control group's quota. */
double hardware_system_cores(void);
/* Load average of the last minute; -1: unknown. */
double hardware_system_load(void);
/* Processor time since boot, of the processors that this process may use: what was used, and what there was. False:
 * not known. */
bool hardware_system_times(int64_t *ret_busy_ms, int64_t *ret_all_ms);
/* The same of a text of /proc/stat (proc(5)), and of processors of which `uses` says so. */
bool hardware_system_read_times(const char *text, bool (*uses)(int cpu), int64_t *ret_busy_ms, int64_t *ret_all_ms);
/* Bytes, 0: unknown. */
void hardware_system_memory(int64_t *ret_total, int64_t *ret_available);
void hardware_system_disk(const char *folder, int64_t *ret_total, int64_t *ret_free);
/* Names of the network interfaces but the loopback. New reference. */
json_t *hardware_system_networks(void);

#endif
