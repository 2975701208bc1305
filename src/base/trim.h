/* Give back memory that only the start has needed. */
#ifndef DSN_BASE_TRIM_H
#define DSN_BASE_TRIM_H

/* Pages of programs and libraries that were read and not changed are dropped; those still needed come back from the
 * page cache one by one. Free heap goes back too. Harmless at any time; worth it once, when all is set up. */
void trim_memory(void);

#endif
