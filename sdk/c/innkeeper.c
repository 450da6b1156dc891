// Innkeeper for C: the source of innkeeper.h, in its order.
//
// What is compiled is chosen by macros:
//   IK_ABI_ONLY              the contract alone, for a language above it
//   IK_EXPORT_EVENT_SOURCED, IK_EXPORT_VALUE, IK_EXPORT_REPLICATED, IK_EXPORT_ACTION
//                            the exports of that interface; `about`, memory and cabi_realloc are always exported
//   IK_EXPORTS_ONLY          nothing but the exports of the interfaces that are named so: an object to link where it is wanted
#include "innkeeper.h"

// ---------------------------------------------------------------------------------------------------------------------
// 1. Contract
// ---------------------------------------------------------------------------------------------------------------------

#ifdef __wasm__

// wit/*.wit by the canonical ABI, as host/guest/layout.ts has it.
#define IK_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type)
#define IK_AT(type, field, at) _Static_assert(offsetof(type, field) == (at), #type "." #field)
IK_SIZE(ik_bytes, 8);
IK_SIZE(ik_optional_bytes, 12);
IK_SIZE(ik_metadata_entry, 20);
IK_SIZE(ik_typed, 16);
IK_SIZE(ik_call, 32);
IK_SIZE(ik_effect, 36);
IK_SIZE(ik_command, 48);
IK_AT(ik_command, now_ms, 24);
IK_SIZE(ik_failure, 20);
IK_SIZE(ik_wire_reply, 36);
IK_SIZE(ik_outcome, 56);
IK_AT(ik_outcome, effects, 40);
IK_SIZE(ik_decision, 64);
IK_SIZE(ik_held_state, 20);
IK_SIZE(ik_next, 24);
IK_SIZE(ik_decide_answer, 36);
IK_SIZE(ik_evolve_answer, 24);
IK_SIZE(ik_description, 32);
IK_SIZE(ik_described_service, 72);
IK_AT(ik_described_service, persistence_id, 12);
IK_AT(ik_described_service, snapshot_every, 24);
IK_AT(ik_described_service, state_type, 32);
IK_AT(ik_described_service, state_version, 44);
IK_AT(ik_described_service, views, 64);
IK_SIZE(ik_method_view, 20);
IK_SIZE(ik_value_decision, 68);
IK_AT(ik_value_decision, outcome, 12);
IK_SIZE(ik_value_answer, 20);
IK_AT(ik_value_answer, is_held, 12);
IK_SIZE(ik_subscription, 24);
IK_SIZE(ik_replicated_decision, 84);
IK_AT(ik_replicated_decision, operations, 60);
IK_AT(ik_replicated_decision, is_deleted, 68);
IK_AT(ik_replicated_decision, subscribe, 72);
IK_SIZE(ik_stream_step, 72);
IK_AT(ik_stream_step, outcome, 12);
IK_AT(ik_stream_step, end, 68);
IK_SIZE(ik_input, 12);
IK_SIZE(ik_action_step, 24);
IK_AT(ik_action_step, done, 20);

#define IK_EXPORT(name) __attribute__((export_name(name), used))
#define IK_ABOUT "innkeeper:guest/about@0.1.0#"
#define IK_EVENT_SOURCED_ "innkeeper:guest/event-sourced@0.1.0#"
#define IK_VALUE_ "innkeeper:guest/value@0.1.0#"
#define IK_REPLICATED_ "innkeeper:guest/replicated@0.1.0#"
#define IK_ACTION_ "innkeeper:guest/action@0.1.0#"

#define IK_NEW(type) ((type *)ik_allocate_zeroed(sizeof(type)))

static inline ik_bytes ik_argument(const uint8_t *data, size_t length) {
  return (ik_bytes){data, length};
}

#ifdef IK_EXPORT_EVENT_SOURCED

const char ik_kind_event_sourced = IK_KIND_EVENT_SOURCED;

// The second flat value of a basis is a pointer or a token.
static inline ik_basis ik_basis_of(uint32_t kind, uint32_t first, size_t length) {
  ik_basis basis = {(uint8_t)kind, {(const uint8_t *)first, length}, first};
  return basis;
}

IK_EXPORT(IK_EVENT_SOURCED_ "decide")
ik_decide_answer *ik_export_event_sourced_decide(const uint8_t *service, size_t service_length, const uint8_t *entity,
                                                 size_t entity_length, uint32_t basis, uint32_t first, size_t second,
                                                 ik_command *commands, size_t count, uint32_t want_state) {
  ik_decide_answer *answer = IK_NEW(ik_decide_answer);
  ik_basis from = ik_basis_of(basis, first, second);
  ik_command_list list = {commands, count};
  ik_guest_event_sourced_decide(ik_argument(service, service_length), ik_argument(entity, entity_length), &from, &list,
                                want_state != 0, answer);
  return answer;
}

IK_EXPORT(IK_EVENT_SOURCED_ "evolve")
ik_evolve_answer *ik_export_event_sourced_evolve(const uint8_t *service, size_t service_length, const uint8_t *entity,
                                                 size_t entity_length, uint32_t basis, uint32_t first, size_t second,
                                                 ik_typed *events, size_t count, uint32_t want_state) {
  ik_evolve_answer *answer = IK_NEW(ik_evolve_answer);
  ik_basis from = ik_basis_of(basis, first, second);
  ik_typed_list list = {events, count};
  ik_guest_event_sourced_evolve(ik_argument(service, service_length), ik_argument(entity, entity_length), &from, &list,
                                want_state != 0, answer);
  return answer;
}

IK_EXPORT("cabi_post_" IK_EVENT_SOURCED_ "decide")
void ik_post_event_sourced_decide(ik_decide_answer *answer) {
  (void)answer;
  ik_release();
}

IK_EXPORT("cabi_post_" IK_EVENT_SOURCED_ "evolve")
void ik_post_event_sourced_evolve(ik_evolve_answer *answer) {
  (void)answer;
  ik_release();
}

#endif

#ifdef IK_EXPORT_VALUE

const char ik_kind_value = IK_KIND_VALUE;

IK_EXPORT(IK_VALUE_ "decide")
ik_value_answer *ik_export_value_decide(const uint8_t *service, size_t service_length, const uint8_t *entity,
                                        size_t entity_length, uint32_t basis, uint32_t first, size_t second,
                                        ik_command *commands, size_t count) {
  ik_value_answer *answer = IK_NEW(ik_value_answer);
  ik_basis from = {(uint8_t)basis, {(const uint8_t *)first, second}, first};
  ik_command_list list = {commands, count};
  ik_guest_value_decide(ik_argument(service, service_length), ik_argument(entity, entity_length), &from, &list, answer);
  return answer;
}

IK_EXPORT("cabi_post_" IK_VALUE_ "decide")
void ik_post_value_decide(ik_value_answer *answer) {
  (void)answer;
  ik_release();
}

#endif

#ifdef IK_EXPORT_REPLICATED

const char ik_kind_replicated = IK_KIND_REPLICATED;

IK_EXPORT(IK_REPLICATED_ "reads")
ik_bytes_list *ik_export_replicated_reads(const uint8_t *service, size_t service_length, const uint8_t *method,
                                          size_t method_length, const uint8_t *payload, size_t payload_length,
                                          ik_metadata_entry *metadata, size_t metadata_count, double now_ms, uint32_t seed0,
                                          uint32_t seed1, uint32_t seed2, uint32_t seed3) {
  ik_bytes_list *answer = IK_NEW(ik_bytes_list);
  ik_command command = {ik_argument(method, method_length),
                        ik_argument(payload, payload_length),
                        {metadata, metadata_count},
                        now_ms,
                        {seed0, seed1, seed2, seed3}};
  ik_guest_replicated_reads(ik_argument(service, service_length), &command, answer);
  return answer;
}

// 17 and 19 flat values are more than 16: they come by pointer.
typedef struct {
  ik_text service;
  ik_text entity;
  ik_bytes view;
  ik_command command;
} ik_decide_tuple;
IK_SIZE(ik_decide_tuple, 72);

typedef struct {
  ik_text service;
  ik_text entity;
  ik_bytes view;
  ik_command command;
  ik_bytes note;
} ik_render_tuple;
IK_SIZE(ik_render_tuple, 80);

IK_EXPORT(IK_REPLICATED_ "decide")
ik_replicated_decision *ik_export_replicated_decide(const ik_decide_tuple *given) {
  ik_replicated_decision *answer = IK_NEW(ik_replicated_decision);
  ik_guest_replicated_decide(given->service, given->entity, given->view, &given->command, answer);
  return answer;
}

IK_EXPORT(IK_REPLICATED_ "render")
ik_outcome *ik_export_replicated_render(const ik_render_tuple *given) {
  ik_outcome *answer = IK_NEW(ik_outcome);
  ik_guest_replicated_render(given->service, given->entity, given->view, &given->command, given->note, answer);
  return answer;
}

IK_EXPORT(IK_REPLICATED_ "changed")
ik_stream_step_list *ik_export_replicated_changed(const uint8_t *service, size_t service_length, const uint8_t *entity,
                                                  size_t entity_length, const uint8_t *view, size_t view_length,
                                                  ik_subscription *subscriptions, size_t count, double now_ms) {
  ik_stream_step_list *answer = IK_NEW(ik_stream_step_list);
  ik_subscription_list list = {subscriptions, count};
  ik_guest_replicated_changed(ik_argument(service, service_length), ik_argument(entity, entity_length),
                              ik_argument(view, view_length), &list, now_ms, answer);
  return answer;
}

IK_EXPORT(IK_REPLICATED_ "cancelled")
ik_replicated_decision *ik_export_replicated_cancelled(const uint8_t *service, size_t service_length, const uint8_t *entity,
                                                       size_t entity_length, const uint8_t *view, size_t view_length,
                                                       const uint8_t *id, size_t id_length, const uint8_t *method,
                                                       size_t method_length, const uint8_t *note, size_t note_length,
                                                       double now_ms) {
  ik_replicated_decision *answer = IK_NEW(ik_replicated_decision);
  ik_subscription subscription = {ik_argument(id, id_length), ik_argument(method, method_length),
                                  ik_argument(note, note_length)};
  ik_guest_replicated_cancelled(ik_argument(service, service_length), ik_argument(entity, entity_length),
                                ik_argument(view, view_length), &subscription, now_ms, answer);
  return answer;
}

IK_EXPORT("cabi_post_" IK_REPLICATED_ "reads")
void ik_post_replicated_reads(ik_bytes_list *answer) {
  (void)answer;
  ik_release();
}

IK_EXPORT("cabi_post_" IK_REPLICATED_ "decide")
void ik_post_replicated_decide(ik_replicated_decision *answer) {
  (void)answer;
  ik_release();
}

IK_EXPORT("cabi_post_" IK_REPLICATED_ "render")
void ik_post_replicated_render(ik_outcome *answer) {
  (void)answer;
  ik_release();
}

IK_EXPORT("cabi_post_" IK_REPLICATED_ "changed")
void ik_post_replicated_changed(ik_stream_step_list *answer) {
  (void)answer;
  ik_release();
}

IK_EXPORT("cabi_post_" IK_REPLICATED_ "cancelled")
void ik_post_replicated_cancelled(ik_replicated_decision *answer) {
  (void)answer;
  ik_release();
}

#endif

#ifdef IK_EXPORT_ACTION

const char ik_kind_action = IK_KIND_ACTION;

IK_EXPORT(IK_ACTION_ "call")
ik_outcome_list *ik_export_action_call(const uint8_t *service, size_t service_length, ik_command *commands, size_t count) {
  ik_outcome_list *answer = IK_NEW(ik_outcome_list);
  ik_command_list list = {commands, count};
  ik_guest_action_call(ik_argument(service, service_length), &list, answer);
  return answer;
}

IK_EXPORT(IK_ACTION_ "stream")
ik_action_step *ik_export_action_stream(const uint8_t *service, size_t service_length, const uint8_t *method,
                                        size_t method_length, uint32_t has_state, const uint8_t *state, size_t state_length,
                                        ik_input *inputs, size_t count, double now_ms, uint32_t seed0, uint32_t seed1,
                                        uint32_t seed2, uint32_t seed3) {
  ik_action_step *answer = IK_NEW(ik_action_step);
  ik_bytes before = ik_argument(state, state_length);
  ik_input_list list = {inputs, count};
  uint32_t seed[4] = {seed0, seed1, seed2, seed3};
  ik_guest_action_stream(ik_argument(service, service_length), ik_argument(method, method_length),
                         has_state != 0 ? &before : NULL, &list, now_ms, seed, answer);
  return answer;
}

IK_EXPORT("cabi_post_" IK_ACTION_ "call")
void ik_post_action_call(ik_outcome_list *answer) {
  (void)answer;
  ik_release();
}

IK_EXPORT("cabi_post_" IK_ACTION_ "stream")
void ik_post_action_stream(ik_action_step *answer) {
  (void)answer;
  ik_release();
}

#endif

#ifndef IK_EXPORTS_ONLY

IK_EXPORT(IK_ABOUT "describe")
ik_description *ik_export_describe(void) {
  ik_description *answer = IK_NEW(ik_description);
  ik_guest_describe(answer);
  return answer;
}

IK_EXPORT("cabi_post_" IK_ABOUT "describe")
void ik_post_describe(ik_description *answer) {
  (void)answer;
  ik_release();
}

IK_EXPORT("cabi_realloc")
void *ik_export_realloc(void *old, size_t old_size, size_t align, size_t size) {
  if (size == 0) return (void *)align;
  void *moved = ik_allocate(size, align);
  if (old_size != 0) memcpy(moved, old, old_size < size ? old_size : size);
  return moved;
}

// What a compiler may call. With -mbulk-memory the first three become single instructions wherever they are called.
// `used`: link-time optimization finds the calls that it makes itself only when it has already dropped what nobody called.
__attribute__((used)) void *memcpy(void *restrict target, const void *restrict source, size_t size) {
  return __builtin_memcpy(target, source, size);
}

__attribute__((used)) void *memmove(void *target, const void *source, size_t size) {
  return __builtin_memmove(target, source, size);
}

__attribute__((used)) void *memset(void *target, int byte, size_t size) {
  return __builtin_memset(target, byte, size);
}

__attribute__((used)) int memcmp(const void *a, const void *b, size_t size) {
  const uint8_t *left = a, *right = b;
  for (size_t i = 0; i < size; i++)
    if (left[i] != right[i]) return left[i] < right[i] ? -1 : 1;
  return 0;
}

__attribute__((used)) size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length] != 0) length++;
  return length;
}

_Noreturn void ik_fault(const char *why) {
  // A component has nowhere to say it; the native test kit does.
  (void)why;
  __builtin_trap();
}

// A block of the arena; the first lies behind the program's data, the others behind a header like this in pages of their own.
typedef struct ik_block {
  uintptr_t from;
  uintptr_t end;
  struct ik_block *next;
} ik_block;

extern uint8_t __heap_base;

#define IK_PAGE 65536u

static ik_block ik_first_block;
static ik_block *ik_block_now;
static uintptr_t ik_top;

void *ik_pages(size_t size) {
  size_t pages = size / IK_PAGE + (size % IK_PAGE != 0);
  size_t before = __builtin_wasm_memory_grow(0, pages);
  return before == SIZE_MAX ? NULL : (void *)(before * IK_PAGE);
}

static void ik_begin(void) {
  if (ik_first_block.from == 0) {
    ik_first_block.from = (uintptr_t)&__heap_base;
    // To the end of its page: the pages after it may be another allocator's by now.
    ik_first_block.end = (ik_first_block.from + IK_PAGE - 1) & ~(uintptr_t)(IK_PAGE - 1);
  }
  ik_block_now = &ik_first_block;
  ik_top = ik_first_block.from;
}

// More room: the next block that is kept and large enough, the pages behind this one, or a new block.
static __attribute__((noinline)) void ik_extend(size_t size) {
  if (ik_block_now == NULL) {
    ik_begin();
    if (size <= ik_first_block.end - ik_top) return;
  }
  while (ik_block_now->next != NULL) {
    ik_block_now = ik_block_now->next;
    ik_top = ik_block_now->from;
    if (size <= ik_block_now->end - ik_top) return;
  }
  ik_block *last = ik_block_now;
  size_t have = last->end - ik_top;
  if (last->end == __builtin_wasm_memory_size(0) * IK_PAGE) {
    if (ik_pages(size - have) == NULL) ik_fault("there is no memory left");
    last->end = __builtin_wasm_memory_size(0) * IK_PAGE;
    return;
  }
  size_t wanted = size + sizeof(ik_block) + 16;
  size_t twice = 2 * (last->end - last->from);
  if (wanted < size) ik_fault("there is no memory left");
  ik_block *block = ik_pages(wanted < twice ? twice : wanted);
  if (block == NULL) block = ik_pages(wanted);
  if (block == NULL) ik_fault("there is no memory left");
  block->from = (uintptr_t)block + ((sizeof(ik_block) + 15) & ~(uintptr_t)15);
  block->end = __builtin_wasm_memory_size(0) * IK_PAGE;
  block->next = NULL;
  last->next = block;
  ik_block_now = block;
  ik_top = block->from;
}

void *ik_allocate(size_t size, size_t align) {
  uintptr_t at = (ik_top + align - 1) & ~(uintptr_t)(align - 1);
  if (ik_block_now == NULL || at > ik_block_now->end || size > ik_block_now->end - at) {
    if (size > SIZE_MAX - align) ik_fault("there is no memory left");
    ik_extend(size + align - 1);
    at = (ik_top + align - 1) & ~(uintptr_t)(align - 1);
  }
  ik_top = at + size;
  return (void *)at;
}

void ik_release(void) {
  ik_begin();
}

#endif

#else

// Natively, for tests: the same arena out of malloc.
#include <stdio.h>
#include <stdlib.h>

// Each allocation is a block of its own: a sanitizer finds what reads past one.
typedef struct ik_block {
  struct ik_block *next;
  _Alignas(16) uint8_t data[];
} ik_block;

static ik_block *ik_blocks;

void *ik_pages(size_t size) {
  return malloc(size);
}

void *ik_allocate(size_t size, size_t align) {
  (void)align;
  ik_block *block = size > SIZE_MAX / 2 ? NULL : malloc(sizeof *block + size);
  if (block == NULL) ik_fault("there is no memory left");
  block->next = ik_blocks;
  ik_blocks = block;
  return block->data;
}

void ik_release(void) {
  while (ik_blocks != NULL) {
    ik_block *next = ik_blocks->next;
    free(ik_blocks);
    ik_blocks = next;
  }
}

_Noreturn void ik_fault(const char *why) {
  fprintf(stderr, "fault: %s\n", why);
  abort();
}

#endif

#ifndef IK_EXPORTS_ONLY

void *ik_allocate_zeroed(size_t size) {
  return memset(ik_allocate(size, 8), 0, size);
}

#endif
