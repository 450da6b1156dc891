/* Slow sync: every sync of a file takes longer, by the milliseconds that a file says. Loaded by LD_PRELOAD (test/support/slow-disk.ts).
 *
 * The file is read anew for each sync, so that a disk can become slow or quick while a process runs. Each sync adds a byte to
 * another file when it begins: so a test knows that one is under way.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static void begin(void)
{
    const char *began = getenv("SLOW_SYNC_BEGAN");
    const char *name = getenv("SLOW_SYNC_FILE");
    char text[32];
    ssize_t length = 0;
    int file;

    if (began != NULL && (file = open(began, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)) >= 0) {
        if (write(file, "s", 1) < 0) { /* The test will wait for it in vain, and say so. */ }
        close(file);
    }
    if (name == NULL || (file = open(name, O_RDONLY | O_CLOEXEC)) < 0)
        return;
    length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0)
        return;
    text[length] = 0;
    const long ms = strtol(text, NULL, 10);
    struct timespec rest = {ms / 1000, ms % 1000 * 1000000L};
    while (ms > 0 && nanosleep(&rest, &rest) != 0) { /* A signal: it sleeps on. */ }
}

int fsync(int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    begin();
    return real(fd);
}

int fdatasync(int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    begin();
    return real(fd);
}

int sync_file_range(int fd, off_t offset, off_t bytes, unsigned int flags)
{
    int (*real)(int, off_t, off_t, unsigned int) =
        (int (*)(int, off_t, off_t, unsigned int))dlsym(RTLD_NEXT, "sync_file_range");
    begin();
    return real(fd, offset, bytes, flags);
}

int msync(void *address, size_t length, int flags)
{
    int (*real)(void *, size_t, int) = (int (*)(void *, size_t, int))dlsym(RTLD_NEXT, "msync");
    begin();
    return real(address, length, flags);
}
