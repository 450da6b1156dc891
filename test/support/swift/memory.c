// The allocator of sdk/swift on random requests, natively: blocks do not overlap and keep what is written to them, are aligned, and
// memory stays within what H2 of memory.c says.
#include "boundary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *ik_swift_allocate(size_t size);
void ik_swift_free(void *object);

static size_t taken;

void *ik_pages(size_t size) {
  taken += size;
  return aligned_alloc(65536, (size + 65535) / 65536 * 65536);
}

_Noreturn void ik_fault_at(const char *file, int line, const char *words, ...) {
  printf("%s:%d: %s\n", file, line, words);
  exit(1);
}

static uint64_t word = 88172645463325252u;

static uint64_t next(void) {
  word ^= word << 13;
  word ^= word >> 7;
  word ^= word << 17;
  return word;
}

#define SLOTS 500

int main(void) {
  struct {
    uint8_t *at;
    size_t size;
    uint8_t fill;
  } slots[SLOTS] = {0};
  size_t in_use = 0, most = 0, early = 0;
  for (int round = 0; round < 2000000; round++) {
    size_t i = next() % SLOTS;
    if (slots[i].at != NULL) {
      for (size_t k = 0; k < slots[i].size; k += slots[i].size / 64 + 1)
        if (slots[i].at[k] != slots[i].fill) return printf("round %d: a block was written to\n", round), 1;
      if (slots[i].size != 0 && slots[i].at[slots[i].size - 1] != slots[i].fill) return printf("the end was written to\n"), 1;
      ik_swift_free(slots[i].at);
      in_use -= slots[i].size;
      slots[i].at = NULL;
      continue;
    }
    // Mostly small; some of up to 256 KiB.
    size_t size = next() % (next() % 64 == 0 ? 262144 : next() % 8 == 0 ? 4096 : 128);
    uint8_t *at = ik_swift_allocate(size);
    if (at == NULL || (uintptr_t)at % 16 != 0) return printf("round %d: no block, or not aligned\n", round), 1;
    slots[i].at = at;
    slots[i].size = size;
    slots[i].fill = (uint8_t)next();
    memset(at, slots[i].fill, size);
    in_use += size;
    if (in_use > most) most = in_use;
    if (round == 1000000) early = taken;
  }
  if (ik_swift_allocate(SIZE_MAX) != NULL || ik_swift_allocate(SIZE_MAX / 4 + 1) != NULL) return printf("too much was given\n"), 1;
  printf("%zu in use at most, %zu after a million rounds, %zu after two\n", most, early, taken);
  // Flat, and within the classes' own bounds.
  return taken > early + early / 4 || taken > 8 * most;
}
