/* Stands before the C library's fsync and fdatasync: the n-th call after fail_sync_at(n) fails with EIO, as a dying card's. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>

static long left = -1;
static long failed = 0;

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
