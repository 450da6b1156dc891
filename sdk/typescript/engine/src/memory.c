// Memory: what a call allocates (innkeeper.h), and the end of a call that fails.

#ifdef __wasm__

typedef struct Block {
  struct Block *next;
  size_t size;
} Block;

// The first is kept, the others go with the call.
static Block *blocks;
static uintptr_t arena_at, arena_end;

COLD void arena_more(size_t size) {
  if (size > SIZE_MAX / 2) ik_no_memory();
  size_t room = size + 64 < 65536 ? 65536 : size + 64;
  Block *block = malloc(sizeof(Block) + room);
  if (block == NULL) ik_no_memory();
  block->next = blocks;
  block->size = room;
  blocks = block;
  arena_at = (uintptr_t)(block + 1);
  arena_end = arena_at + room;
}

void *ik_allocate(size_t size, size_t align) {
  uintptr_t at = (arena_at + align - 1) & ~(uintptr_t)(align - 1);
  if (at > arena_end || size > arena_end - at) {
    arena_more(size + align);
    at = (arena_at + align - 1) & ~(uintptr_t)(align - 1);
  }
  arena_at = at + size;
  return (void *)at;
}

void ik_release(void) {
  ik_heard();
  if (blocks == NULL) return;
  while (blocks->next != NULL) {
    Block *next = blocks->next;
    free(blocks);
    blocks = next;
  }
  arena_at = (uintptr_t)(blocks + 1);
  arena_end = arena_at + blocks->size;
}

#endif

// So many items of a size, cleared. A fault where there is no memory left.
static void *zeroed(size_t count, size_t size) {
  void *items = calloc(count + 1, size);
  if (items == NULL) ik_no_memory();
  return items;
}

// The call ends as a fault of the service: with the words of what was thrown, where the SDK's JavaScript has any.
COLD _Noreturn void give_up(void) {
  JSValue thrown = JS_GetException(ctx);
  JSValue said = JS_Call(ctx, words_of_fault, JS_UNDEFINED, 1, (JSValueConst *)&thrown);
  // What JavaScript left there by itself stays where it could not be asked any more: no memory or no stack is left, say.
  size_t length;
  const char *text = JS_IsException(said) ? NULL : JS_ToCStringLen(ctx, &length, said);
#ifdef __wasm__
  if (text != NULL) {
    innkeeper_fault.length = 0;
    ik_fault_add((ik_text){(const uint8_t *)text, length});
  }
  __builtin_trap();
#else
  test_fault(text);
#endif
}

// A value that must not be an exception.
HOT JSValue checked(JSValue value) {
  if (JS_IsException(value)) give_up();
  return value;
}
