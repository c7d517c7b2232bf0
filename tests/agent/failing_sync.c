/* Stands before the C library's fsync and fdatasync: the n-th call after fail_sync_at(n) fails with EIO, as a dying card's.
   After unreadable(inode) so does each read of the first page of that file. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/types.h>

static long left = -1;
static long failed = 0;
static ino_t bad = 0;

void unreadable(long inode) { bad = (ino_t)inode; }

ssize_t pread64(int handle, void *to, size_t size, off64_t at) {
    ssize_t (*real)(int, void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pread64");
    struct stat file;
    if (bad && at < 4096 && !fstat(handle, &file) && file.st_ino == bad) {
        errno = EIO;
        return -1;
    }
    return real(handle, to, size, at);
}

void fail_sync_at(long n) { left = n; }
long failed_syncs(void) { return failed; }

static int fails(void) {
    if (left > 0 && --left == 0) {
        failed++;
        errno = EIO;
        return 1;
    }
    return 0;
}

int fsync(int handle) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    return fails() ? -1 : real(handle);
}

int fdatasync(int handle) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    return fails() ? -1 : real(handle);
}
