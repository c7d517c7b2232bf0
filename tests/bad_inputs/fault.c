/* System calls that fail on demand, for tests: LD_PRELOAD this. The file named by LAMPPOST_FAULT holds
   "call errno path-part times"; times below 0 means: until the file is gone. Only our own tests use it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int due_path(const char *path, const char *call) {
    const char *control = getenv("LAMPPOST_FAULT");
    char name[32], part[256];
    int number, times;
    if (!control) return 0;
    FILE *file = fopen(control, "r");
    if (!file) return 0;
    int read = fscanf(file, "%31s %d %255s %d", name, &number, part, &times);
    fclose(file);
    if (read != 4 || strcmp(name, call) || times == 0) return 0;
    if (!strstr(path, part)) return 0;
    if (times > 0 && (file = fopen(control, "w"))) {
        fprintf(file, "%s %d %s %d\n", name, number, part, times - 1);
        fclose(file);
    }
    errno = number;
    return 1;
}

static int due(int fd, const char *call) {
    char path[4096], link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return due_path(path, call);
}

#define REAL(type, name) static type (*real)(); if (!real) real = (type (*)())dlsym(RTLD_NEXT, name)

ssize_t write(int fd, const void *data, size_t size) {
    REAL(ssize_t, "write");
    return fd > 2 && due(fd, "write") ? -1 : real(fd, data, size);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
    return due(fd, "write") ? -1 : real(fd, data, size, at);
}
int fsync(int fd) {
    REAL(int, "fsync");
    return due(fd, "fsync") ? -1 : real(fd);
}
int fdatasync(int fd) {
    REAL(int, "fdatasync");
    return due(fd, "fsync") ? -1 : real(fd);
}
ssize_t read(int fd, void *data, size_t size) {
    REAL(ssize_t, "read");
    return fd > 2 && due(fd, "read") ? -1 : real(fd, data, size);
}
ssize_t pread64(int fd, void *data, size_t size, off64_t at) {
    static ssize_t (*real)(int, void *, size_t, off64_t);
    if (!real) real = dlsym(RTLD_NEXT, "pread64");
    return due(fd, "read") ? -1 : real(fd, data, size, at);
}
int ftruncate64(int fd, off64_t size) {
    static int (*real)(int, off64_t);
    if (!real) real = dlsym(RTLD_NEXT, "ftruncate64");
    return due(fd, "ftruncate") ? -1 : real(fd, size);
}
int open64(const char *path, int flags, ...) {
    static int (*real)(const char *, int, mode_t);
    va_list more;
    va_start(more, flags);
    mode_t mode = va_arg(more, mode_t);
    va_end(more);
    if (!real) real = dlsym(RTLD_NEXT, "open64");
    return due_path(path, "open") ? -1 : real(path, flags, mode);
}
