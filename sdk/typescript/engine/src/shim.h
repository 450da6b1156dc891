// What QuickJS asks of a libc beyond memory, strings and mathematics. Nothing of it reaches a host: no clock, no output.
// Included before every source.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#define abort() __builtin_trap()
#define printf(...) ((void)0)
#define fprintf(...) ((void)0)
#define fwrite(p, size, n, file) ((void)(p), (size_t)(n))
#define fputs(text, file) ((void)(text))
#define fputc(c, file) ((void)(c))
#define putchar(c) ((void)(c))
#define puts(text) ((void)(text))
#define fflush(file) ((void)0)

// Only the prelude's refusals stand between an author and these: the same moment always, in UTC.
static inline int ik_now(struct timeval *at) {
  at->tv_sec = 1;
  at->tv_usec = 0;
  return 0;
}
static inline int ik_clock(struct timespec *at) {
  at->tv_sec = 1;
  at->tv_nsec = 0;
  return 0;
}
#define gettimeofday(at, zone) ik_now(at)
#define clock_gettime(clock, at) ik_clock(at)
#define localtime_r(at, out) (memset(out, 0, sizeof *(out)))
