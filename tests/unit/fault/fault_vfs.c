/* Between SQLite and its calls to the system (sqlite.org/vfs.html). Syncing is not done: whoever looks afterwards is on
 * the same machine, and what a power cut would take is taken by fault_vfs_power_cut(). */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"

#define DIRTY_FILES 8

struct change {
	struct change *next;
	sqlite3_int64 at; /* where, or the new size of a cut */
	int n;            /* -1: a cut */
	unsigned char bytes[];
};

/* A file as it was when it was synced last, and what was done to it since. */
struct dirty {
	char path[512];
	unsigned char *bytes;
	size_t n;
	struct change *first, **last;
};

struct file {
	sqlite3_file base;
	char path[512];
	_Alignas(8) char real[];
};

static sqlite3_vfs *unix_vfs;
static struct dirty dirties[DIRTY_FILES];

static sqlite3_file *real(sqlite3_file *file)
{
	return (sqlite3_file *)((struct file *)file)->real;
}

/* --- what is not yet synced --- */

static void clean(struct dirty *d)
{
	while (d->first) {
		struct change *c = d->first;

		d->first = c->next;
		free(c);
	}
	free(d->bytes);
	*d = (struct dirty){.n = 0};
}

void fault_vfs_forget(void)
{
	for (size_t i = 0; i < DIRTY_FILES; i++)
		clean(&dirties[i]);
}

static unsigned char *read_whole(const char *path, size_t *ret_n)
{
	FILE *in = fopen(path, "re");
	unsigned char *bytes = malloc(1);

	*ret_n = 0;
	for (int c; in && (c = fgetc(in)) != EOF;) {
		if ((*ret_n & (*ret_n - 1)) == 0)
			bytes = realloc(bytes, 2 * *ret_n + 1);
		bytes[(*ret_n)++] = (unsigned char)c;
	}
	if (in)
		fclose(in);
	return bytes;
}

static void note(struct file *f, sqlite3_int64 at, const void *bytes, int n)
{
	struct change *c;
	struct dirty *d = NULL;

	if (!fault_armed())
		return;
	for (size_t i = 0; i < DIRTY_FILES; i++) {
		if (dirties[i].bytes && strcmp(dirties[i].path, f->path) == 0)
			d = &dirties[i];
		else if (!d && !dirties[i].bytes)
			d = &dirties[i];
	}
	if (!d)
		abort();
	if (!d->bytes) {
		d->bytes = read_whole(f->path, &d->n);
		snprintf(d->path, sizeof(d->path), "%s", f->path);
		d->last = &d->first;
	}
	c = malloc(sizeof(*c) + (size_t)(n > 0 ? n : 0));
	*c = (struct change){.at = at, .n = n};
	if (n > 0)
		memcpy(c->bytes, bytes, (size_t)n);
	*d->last = c;
	d->last = &c->next;
}

static void apply(FILE *out, const struct change *c)
{
	if (c->n < 0) {
		if (ftruncate(fileno(out), c->at) < 0)
			abort();
		return;
	}
	if (fseek(out, (long)c->at, SEEK_SET) < 0 || fwrite(c->bytes, 1, (size_t)c->n, out) != (size_t)c->n)
		abort();
	fflush(out);
}

/* A disk may write in any order. */
void fault_vfs_power_cut(unsigned long seed)
{
	unsigned long random = seed * 2654435761u + 12345;

	for (size_t i = 0; i < DIRTY_FILES; i++) {
		struct dirty *d = &dirties[i];
		FILE *out = d->bytes ? fopen(d->path, "r+e") : NULL;

		if (!out)
			continue; /* removed meanwhile */
		if (ftruncate(fileno(out), 0) < 0 || fwrite(d->bytes, 1, d->n, out) != d->n)
			abort();
		fflush(out);
		for (const struct change *c = d->first; c; c = c->next) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			if (seed % 2 && random >> 63)
				apply(out, c);
		}
		fclose(out);
	}
}

/* --- files --- */

static int file_close(sqlite3_file *file)
{
	return real(file)->pMethods->xClose(real(file));
}

static int file_read(sqlite3_file *file, void *bytes, int n, sqlite3_int64 at)
{
	return fault_now(FAULT_DISK, NULL) ? SQLITE_IOERR_READ : real(file)->pMethods->xRead(real(file), bytes, n, at);
}

/* A disk that is full and one that is broken take turns. */
static int write_error(void)
{
	return fault_calls(FAULT_DISK) % 2 ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

static int file_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
	bool half = false;

	if (fault_now(FAULT_DISK, &half) && !half)
		return write_error();
	note((struct file *)file, at, bytes, half ? n / 2 : n);
	int rc = real(file)->pMethods->xWrite(real(file), bytes, half ? n / 2 : n, at);
	if (half)
		fault_end();
	return rc;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	if (fault_now(FAULT_DISK, NULL))
		return SQLITE_IOERR_TRUNCATE;
	note((struct file *)file, size, NULL, -1);
	return real(file)->pMethods->xTruncate(real(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
	(void)flags;
	if (fault_now(FAULT_DISK, NULL))
		return SQLITE_IOERR_FSYNC;
	for (size_t i = 0; i < DIRTY_FILES; i++) {
		if (dirties[i].bytes && strcmp(dirties[i].path, ((struct file *)file)->path) == 0)
			clean(&dirties[i]);
	}
	return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
	return real(file)->pMethods->xFileSize(real(file), ret);
}

static int file_lock(sqlite3_file *file, int level)
{
	return real(file)->pMethods->xLock(real(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
	return real(file)->pMethods->xUnlock(real(file), level);
}

static int file_check_lock(sqlite3_file *file, int *ret)
{
	return real(file)->pMethods->xCheckReservedLock(real(file), ret);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
	return real(file)->pMethods->xFileControl(real(file), op, arg);
}

static int file_sector(sqlite3_file *file)
{
	return real(file)->pMethods->xSectorSize(real(file));
}

/* Less is promised than the file system may: a sector can be lost, whatever is written beside it. */
static int file_device(sqlite3_file *file)
{
	return real(file)->pMethods->xDeviceCharacteristics(real(file)) & SQLITE_IOCAP_UNDELETABLE_WHEN_OPEN;
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
	if (fault_now(FAULT_DISK, NULL))
		return SQLITE_IOERR_SHMMAP;
	return real(file)->pMethods->xShmMap(real(file), page, size, extend, ret);
}

static int file_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
	real(file)->pMethods->xShmBarrier(real(file));
}

static int file_shm_unmap(sqlite3_file *file, int remove)
{
	return real(file)->pMethods->xShmUnmap(real(file), remove);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2, /* no mapping of the database: its writes are seen */
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_check_lock,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_device,
	.xShmMap = file_shm_map,
	.xShmLock = file_shm_lock,
	.xShmBarrier = file_shm_barrier,
	.xShmUnmap = file_shm_unmap,
};

/* --- the file system --- */

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	struct file *f = (struct file *)file;
	int rc;

	(void)vfs;
	f->base.pMethods = NULL;
	if (fault_now(FAULT_DISK, NULL))
		return SQLITE_CANTOPEN;
	rc = unix_vfs->xOpen(unix_vfs, name, real(file), flags, ret_flags);
	if (rc != SQLITE_OK)
		return rc;
	snprintf(f->path, sizeof(f->path), "%s", name ? name : "");
	f->base.pMethods = &methods;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	(void)sync;
	return fault_now(FAULT_DISK, NULL) ? SQLITE_IOERR_DELETE : unix_vfs->xDelete(unix_vfs, name, 0);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
	(void)vfs;
	return unix_vfs->xAccess(unix_vfs, name, flags, ret);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int n, char *ret)
{
	(void)vfs;
	return unix_vfs->xFullPathname(unix_vfs, name, n, ret);
}

void fault_vfs_install(void)
{
	static sqlite3_vfs shim;

	sqlite3_initialize();
	unix_vfs = sqlite3_vfs_find("unix");
	shim = *unix_vfs;
	shim.pNext = NULL;
	shim.zName = "fault";
	shim.szOsFile = (int)sizeof(struct file) + unix_vfs->szOsFile;
	shim.xOpen = vfs_open;
	shim.xDelete = vfs_delete;
	shim.xAccess = vfs_access;
	shim.xFullPathname = vfs_full_path;
	sqlite3_vfs_register(&shim, 1);
}
