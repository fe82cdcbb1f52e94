/* Writes down what a program does to the files below a directory, so that a loss of power can be played back.
 *
 * Loaded in front of the C library. Each record: kind, number, offset, lengths of path and data, path, data. A sync is
 * noted when it begins and when it has returned: what was written before it began is durable once it has returned. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS 4096
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *paths[FDS];
static const char *root;
static FILE *out;
static uint32_t syncs;

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
    root = getenv("POWER_DIR");
    const char *log = getenv("POWER_LOG");
    if (root && log) {
        out = fopen(log, "w");
        setvbuf(out, NULL, _IOFBF, 1 << 20);
    }
}

static void record(char kind, uint32_t number, uint64_t offset, const char *path, const void *data, size_t length) {
    uint32_t path_length = strlen(path), data_length = length;
    fwrite(&kind, 1, 1, out);
    fwrite(&number, 4, 1, out);
    fwrite(&offset, 8, 1, out);
    fwrite(&path_length, 4, 1, out);
    fwrite(&data_length, 4, 1, out);
    fwrite(path, 1, path_length, out);
    if (length) fwrite(data, 1, length, out);
}

static const char *path_of(int fd) { return out && fd >= 0 && fd < FDS ? paths[fd] : NULL; }

static int below(const char *path) { return out && root && !strncmp(path, root, strlen(root)); }

static int opened(int fd, const char *path, int flags, int existed) {
    if (fd >= 0 && fd < FDS && below(path)) {
        paths[fd] = strdup(path);
        if (!existed) record('O', 0, 0, path, NULL, 0);
        else if (flags & O_TRUNC) record('T', 0, 0, path, NULL, 0);
    }
    return fd;
}

#define OPEN(name)                                                  \
    int name(const char *path, int flags, ...) {                    \
        REAL(name);                                                 \
        va_list arguments;                                          \
        va_start(arguments, flags);                                 \
        mode_t mode = va_arg(arguments, int);                       \
        va_end(arguments);                                          \
        pthread_mutex_lock(&lock);                                  \
        int existed = access(path, F_OK) == 0;                      \
        int fd = opened(real(path, flags, mode), path, flags, existed); \
        pthread_mutex_unlock(&lock);                                \
        return fd;                                                  \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    REAL(close);
    pthread_mutex_lock(&lock);
    if (path_of(fd)) {
        free(paths[fd]);
        paths[fd] = NULL;
    }
    int result = real(fd);
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t write(int fd, const void *data, size_t length) {
    REAL(write);
    pthread_mutex_lock(&lock);
    ssize_t done = real(fd, data, length);
    if (done > 0 && path_of(fd)) record('W', 0, lseek(fd, 0, SEEK_CUR) - done, path_of(fd), data, done);
    pthread_mutex_unlock(&lock);
    return done;
}

#define PWRITE(name, offset_type)                                                      \
    ssize_t name(int fd, const void *data, size_t length, offset_type offset) {        \
        REAL(name);                                                                    \
        pthread_mutex_lock(&lock);                                                     \
        ssize_t done = real(fd, data, length, offset);                                 \
        if (done > 0 && path_of(fd)) record('W', 0, offset, path_of(fd), data, done);  \
        pthread_mutex_unlock(&lock);                                                   \
        return done;                                                                   \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define TRUNCATE(name, offset_type)                                                  \
    int name(int fd, offset_type length) {                                           \
        REAL(name);                                                                  \
        pthread_mutex_lock(&lock);                                                   \
        int result = real(fd, length);                                               \
        if (!result && path_of(fd)) record('T', 0, length, path_of(fd), NULL, 0);    \
        pthread_mutex_unlock(&lock);                                                 \
        return result;                                                               \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

#define SYNC(name)                                                  \
    int name(int fd) {                                              \
        REAL(name);                                                 \
        pthread_mutex_lock(&lock);                                  \
        char *path = path_of(fd) ? strdup(path_of(fd)) : NULL;      \
        uint32_t number = ++syncs;                                  \
        if (path) record('B', number, 0, path, NULL, 0);            \
        pthread_mutex_unlock(&lock);                                \
        int result = real(fd);                                      \
        pthread_mutex_lock(&lock);                                  \
        if (path && !result) record('E', number, 0, path, NULL, 0); \
        pthread_mutex_unlock(&lock);                                \
        free(path);                                                 \
        return result;                                              \
    }
SYNC(fsync)
SYNC(fdatasync)

int rename(const char *from, const char *to) {
    REAL(rename);
    pthread_mutex_lock(&lock);
    int result = real(from, to);
    if (!result && below(from)) record('R', 0, 0, from, to, strlen(to));
    pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *path) {
    REAL(unlink);
    pthread_mutex_lock(&lock);
    int result = real(path);
    if (!result && below(path)) record('U', 0, 0, path, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}
