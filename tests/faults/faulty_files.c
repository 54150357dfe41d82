/* A file layer that fails: loaded into a process by LD_PRELOAD, it makes one change to files fail, or ends or stops the
   process there. It counts every change under one folder, whichever library makes it: Python, SQLite or Arrow. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FAIL = 1, SHORT = 2, KILL = 3, STOP = 4 };

static char root[4096];
static size_t root_length;
static int action, error, always, writes_only;
static long at = -1, count;
static long clock_at = -1, clock_count;
static double clock_jump;
static char log_text[1 << 16];
static size_t log_length;

/* What to do: from the change number `number` on, once or always. */
void faults_set(const char *folder, int what, int code, long number, int every, int only_writes) {
    snprintf(root, sizeof root, "%s", folder);
    root_length = strlen(root);
    action = what, error = code, at = number, always = every, writes_only = only_writes, count = 0;
}

/* The clock jumps by some seconds after a number of readings. */
void faults_clock(long number, double seconds) { clock_at = number, clock_jump = seconds, clock_count = 0; }

long faults_count(void) { return count; }

const char *faults_log(void) { return log_text; }

static int inside(const char *path) {
    char here[4096];
    if (!root_length || !path) return 0;
    if (path[0] != '/') {
        if (!getcwd(here, sizeof here)) return 0;
        size_t length = strlen(here);
        if (length + strlen(path) + 2 > sizeof here) return 0;
        snprintf(here + length, sizeof here - length, "/%s", path);
        path = here;
    }
    return !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

static int inside_handle(int handle) {
    char name[64], path[4096];
    if (!root_length) return 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return inside(path);
}

/* Count a change; return FAIL or SHORT if it is the one to change. */
static int meets(const char *name, int is_write) {
    if (writes_only && !is_write) return 0;
    long number = count++;
    if (log_length + 32 < sizeof log_text)
        log_length += snprintf(log_text + log_length, sizeof log_text - log_length, "%s ", name);
    if (at < 0 || (always ? number < at : number != at)) return 0;
    if (action == KILL) kill(getpid(), SIGKILL);
    if (action == STOP) { kill(getpid(), SIGSTOP); return 0; }
    errno = error;
    return action;
}

#define REAL(name, type, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t write(int handle, const void *data, size_t size) {
    REAL("write", ssize_t, int, const void *, size_t);
    if (inside_handle(handle)) {
        int what = meets("write", 1);
        if (what == FAIL) return -1;
        if (what == SHORT && size > 1) size /= 2;
    }
    return real(handle, data, size);
}

static ssize_t at_place(ssize_t (*real)(int, const void *, size_t, off_t), int h, const void *d, size_t n, off_t o) {
    if (inside_handle(h)) {
        int what = meets("pwrite", 1);
        if (what == FAIL) return -1;
        if (what == SHORT && n > 1) n /= 2;
    }
    return real(h, d, n, o);
}

ssize_t pwrite(int h, const void *d, size_t n, off_t o) {
    REAL("pwrite", ssize_t, int, const void *, size_t, off_t);
    return at_place(real, h, d, n, o);
}

ssize_t pwrite64(int h, const void *d, size_t n, off64_t o) {
    REAL("pwrite64", ssize_t, int, const void *, size_t, off_t);
    return at_place(real, h, d, n, o);
}

#define ON_HANDLE(name) \
    int name(int handle) { \
        REAL(#name, int, int); \
        if (inside_handle(handle) && meets(#name, 0) == FAIL) return -1; \
        return real(handle); \
    }
ON_HANDLE(fsync)
ON_HANDLE(fdatasync)

#define TRUNCATE(name, offset) \
    int name(int handle, offset size) { \
        REAL(#name, int, int, offset); \
        if (inside_handle(handle) && meets(#name, 0) == FAIL) return -1; \
        return real(handle, size); \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define TWO_PATHS(name) \
    int name(const char *from, const char *to) { \
        REAL(#name, int, const char *, const char *); \
        if (inside(to) && meets(#name, 0) == FAIL) return -1; \
        return real(from, to); \
    }
TWO_PATHS(rename)
TWO_PATHS(link)

int unlink(const char *path) {
    REAL("unlink", int, const char *);
    /* A removal that fails is no write; it can be the last thing a process does. */
    if (inside(path) && (action == KILL || action == STOP || always) && meets("unlink", 0) == FAIL) return -1;
    return real(path);
}

int mkdir(const char *path, mode_t mode) {
    REAL("mkdir", int, const char *, mode_t);
    if (inside(path) && meets("mkdir", 0) == FAIL) return -1;
    return real(path, mode);
}

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(#name, int, const char *, int, ...); \
        va_list more; \
        va_start(more, flags); \
        mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0; \
        va_end(more); \
        if ((flags & O_CREAT) && inside(path) && meets("create", 0) == FAIL) return -1; \
        return real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

int clock_gettime(clockid_t which, struct timespec *now) {
    REAL("clock_gettime", int, clockid_t, struct timespec *);
    int result = real(which, now);
    if (which == CLOCK_REALTIME && clock_at >= 0 && clock_count++ >= clock_at) now->tv_sec += (time_t)clock_jump;
    return result;
}
