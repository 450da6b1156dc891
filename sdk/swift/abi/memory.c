// Memory for Swift's objects: what its runtime calls `posix_memalign` and `free`.
//
// Objects outlive a call (a global that is made when it is first used does), so they cannot lie in the arena of the contract,
// which every call empties. They come from pages of their own (ik_pages).
//
// H1. A block has 16 bytes before it, with the class of its size; blocks are aligned to 16. Two classes to a doubling: at most a
//     third of a block is unused.
// H2. A freed block goes to the list of its class and is taken from there first. Blocks are neither split nor joined: memory is
//     bounded by the sum, over all classes, of the most that was in use in each at once.
// H3. Classes up to 16 KiB are cut from chunks of a page; a larger block takes pages of its own, and what is left of them is
//     the next chunk if it is more than the last chunk has. A large one also takes a free block of up to four times its size.
// H4. A block that is freed twice, or is none, is a fault, and so is an object that there is no room for.
//
// Leaves to others: the arena (innkeeper.c).
#include "boundary.h"

#define UNIT 16u
#define CLASSES 56u
#define PAGE 65536u
#define LARGE 16384u

typedef struct block {
  _Alignas(16) uint32_t class_of;
  uint32_t mark;
  // Of a free block.
  struct block *next;
} block;

_Static_assert(sizeof(block) == UNIT, "the payload lies behind the block");

enum { TAKEN = 0x51a7b10c, FREE = 0x0f4eeb10 };

static block *lists[CLASSES];
static uintptr_t chunk_at, chunk_end;

// 16, 32, 48, 64, 96, 128, 192, 256, 384 ...
static size_t size_of(uint32_t class) {
  if (class < 2) return UNIT << class;
  size_t base = (size_t)32 << (class / 2 - 1);
  return class % 2 == 0 ? base + base / 2 : base * 2;
}

static uint32_t class_for(size_t size) {
  if (size <= 16) return 0;
  if (size <= 32) return 1;
  // The base is the power of two below: 32 for 33 to 64.
  uint32_t log = 63 - (uint32_t)__builtin_clzll((unsigned long long)(size - 1));
  size_t base = (size_t)1 << log;
  return 2 * (log - 4) + (size > base + base / 2 ? 1 : 0);
}

static void *payload(block *taken, uint32_t class) {
  taken->class_of = class;
  taken->mark = TAKEN;
  return (uint8_t *)taken + UNIT;
}

static void *take(uint32_t class) {
  block *found = lists[class];
  if (found == NULL) return NULL;
  lists[class] = found->next;
  return payload(found, found->class_of);
}

void *ik_swift_allocate(size_t size) {
  if (size > SIZE_MAX / 4) return NULL;
  uint32_t class = class_for(size);
  void *object = take(class);
  if (object != NULL) return object;
  size_t room = size_of(class) + UNIT;
  if (room > LARGE) {
    for (uint32_t larger = class + 1; larger < class + 4 && larger < CLASSES; larger++)
      if ((object = take(larger)) != NULL) return object;
  }
  if (room > chunk_end - chunk_at) {
    size_t pages = (room + PAGE - 1) / PAGE * PAGE;
    uintptr_t start = (uintptr_t)ik_pages(pages);
    if (start == 0) return NULL;
    if (start == chunk_end) {
      // Behind the chunk: it goes on.
      chunk_end = start + pages;
    } else if (pages - room >= chunk_end - chunk_at) {
      chunk_at = start;
      chunk_end = start + pages;
    } else {
      return payload((block *)start, class);
    }
  }
  block *fresh = (block *)chunk_at;
  chunk_at += room;
  return payload(fresh, class);
}

void ik_swift_free(void *object) {
  if (object == NULL) return;
  block *freed = (block *)((uint8_t *)object - UNIT);
  if (freed->mark != TAKEN || freed->class_of >= CLASSES) ik_fault("an object is freed twice, or is none");
  freed->mark = FREE;
  freed->next = lists[freed->class_of];
  lists[freed->class_of] = freed;
}

#ifdef __wasm__

int posix_memalign(void **object, size_t align, size_t size) {
  // The runtime would give up without a word.
  if (align > UNIT) ik_fault("an object is to be aligned to more than 16 bytes");
  *object = ik_swift_allocate(size);
  if (*object == NULL) ik_fault("there is no memory left");
  return 0;
}

void free(void *object) {
  ik_swift_free(object);
}

#endif
