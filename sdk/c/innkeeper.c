// Innkeeper for C: the source of innkeeper.h, in its order.
//
// What is compiled is chosen by macros:
//   IK_ABI_ONLY              the contract alone, for a language above it
//   IK_EXPORT_EVENT_SOURCED, IK_EXPORT_VALUE, IK_EXPORT_REPLICATED, IK_EXPORT_ACTION, IK_EXPORT_VIEW
//                            the exports of that interface; `about`, memory and cabi_realloc are always exported
//   IK_HAS_LIBC              without the arena and the functions of a C library: the includer brings both
//   IK_EXPORTS_ONLY          nothing but the exports of the interfaces that are named so: an object to link where it is wanted
#include "innkeeper.h"

#ifndef IK_EXPORTS_ONLY
static _Noreturn void ik_no_memory(void) {
  ik_fault("there is no memory left");
}
#endif

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
IK_SIZE(ik_due, 16);
IK_SIZE(ik_answer_to, 16);
IK_SIZE(ik_effect, 104);
IK_AT(ik_effect, due, 40);
IK_AT(ik_effect, name, 56);
IK_AT(ik_effect, has_answer, 68);
IK_AT(ik_effect, answer, 72);
IK_AT(ik_effect, has_within, 88);
IK_AT(ik_effect, within_ms, 96);
IK_SIZE(ik_command, 64);
IK_AT(ik_command, now_ms, 24);
IK_AT(ik_command, principal, 48);
IK_SIZE(ik_failure, 20);
IK_SIZE(ik_deferred, 16);
IK_AT(ik_deferred, has_within, 8);
IK_SIZE(ik_wire_reply, 36);
IK_SIZE(ik_resolution, 48);
IK_AT(ik_resolution, is_failure, 16);
IK_AT(ik_resolution, answer, 20);
IK_AT(ik_resolution, metadata, 40);
IK_SIZE(ik_log_line, 12);
IK_SIZE(ik_outcome, 80);
IK_AT(ik_outcome, effects, 40);
IK_AT(ik_outcome, logs, 56);
IK_AT(ik_outcome, cancels, 64);
IK_AT(ik_outcome, resolves, 72);
IK_SIZE(ik_decision, 88);
IK_SIZE(ik_held_state, 20);
IK_SIZE(ik_next, 24);
IK_SIZE(ik_decide_answer, 36);
IK_SIZE(ik_evolve_answer, 24);
IK_SIZE(ik_description, 40);
IK_AT(ik_description, view_services, 32);
IK_SIZE(ik_described_view, 24);
IK_SIZE(ik_described_source, 20);
IK_AT(ik_described_source, types, 12);
IK_SIZE(ik_described_service, 80);
IK_AT(ik_described_service, persistence_id, 12);
IK_AT(ik_described_service, snapshot_every, 24);
IK_AT(ik_described_service, state_type, 32);
IK_AT(ik_described_service, state_version, 44);
IK_AT(ik_described_service, views, 64);
IK_AT(ik_described_service, events, 72);
IK_SIZE(ik_method_view, 20);
IK_SIZE(ik_value_decision, 92);
IK_AT(ik_value_decision, outcome, 12);
IK_SIZE(ik_value_answer, 20);
IK_AT(ik_value_answer, is_held, 12);
IK_SIZE(ik_subscription, 24);
IK_SIZE(ik_replicated_decision, 108);
IK_AT(ik_replicated_decision, operations, 84);
IK_AT(ik_replicated_decision, is_deleted, 92);
IK_AT(ik_replicated_decision, subscribe, 96);
IK_SIZE(ik_stream_step, 96);
IK_AT(ik_stream_step, outcome, 12);
IK_AT(ik_stream_step, end, 92);
IK_SIZE(ik_input, 12);
IK_SIZE(ik_action_step, 24);
IK_AT(ik_action_step, done, 20);
IK_SIZE(ik_view_change, 64);
IK_AT(ik_view_change, what, 32);
IK_AT(ik_view_change, message, 36);
IK_AT(ik_view_change, keys, 52);
IK_SIZE(ik_row, 20);

#define IK_EXPORT(name) __attribute__((export_name(name), used))
#define IK_ABOUT "innkeeper:guest/about@0.2.0#"
#define IK_EVENT_SOURCED_ "innkeeper:guest/event-sourced@0.2.0#"
#define IK_VALUE_ "innkeeper:guest/value@0.2.0#"
#define IK_REPLICATED_ "innkeeper:guest/replicated@0.2.0#"
#define IK_ACTION_ "innkeeper:guest/action@0.2.0#"
#define IK_VIEW_ "innkeeper:guest/view@0.2.0#"

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
                                          uint32_t seed1, uint32_t seed2, uint32_t seed3, uint32_t has_principal,
                                          const uint8_t *principal, size_t principal_length) {
  ik_bytes_list *answer = IK_NEW(ik_bytes_list);
  ik_command command = {ik_argument(method, method_length),
                        ik_argument(payload, payload_length),
                        {metadata, metadata_count},
                        now_ms,
                        {seed0, seed1, seed2, seed3},
                        {has_principal != 0, ik_argument(principal, principal_length)}};
  ik_guest_replicated_reads(ik_argument(service, service_length), &command, answer);
  return answer;
}

// 20 and 22 flat values are more than 16: they come by pointer.
typedef struct {
  ik_text service;
  ik_text entity;
  ik_bytes view;
  ik_command command;
} ik_decide_tuple;
IK_SIZE(ik_decide_tuple, 88);

typedef struct {
  ik_text service;
  ik_text entity;
  ik_bytes view;
  ik_command command;
  ik_bytes note;
} ik_render_tuple;
IK_SIZE(ik_render_tuple, 96);

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

#ifdef IK_EXPORT_VIEW

const char ik_kind_view = IK_HAS_VIEWS;

#ifndef IK_ABI_ONLY

static void ik_describe_source(const ik_source *source, ik_described_source *described) {
  described->service = ik_text_of(source->service);
  described->kind = source->kind;
  described->types.items = ik_allocate_zeroed(source->take_count * sizeof(ik_bytes));
  for (size_t i = 0; i < source->take_count; i++)
    if (source->takes[i].type != NULL) described->types.items[described->types.count++] = ik_text_of(source->takes[i].type->name);
}

void ik_describe_views(ik_description *answer) {
  answer->view_services.items = ik_allocate_zeroed(ik_service_count * sizeof(ik_described_view));
  for (size_t i = 0; i < ik_service_count; i++) {
    const ik_service *view = ik_services[i];
    if (view == NULL || view->sources == NULL) continue;
    ik_described_view *described = &answer->view_services.items[answer->view_services.count++];
    described->name = ik_text_of(view->name);
    described->row_type = ik_text_of(view->state->name);
    described->sources.items = ik_allocate_zeroed(view->source_count * sizeof(ik_described_source));
    described->sources.count = view->source_count;
    for (size_t k = 0; k < view->source_count; k++) ik_describe_source(&view->sources[k], &described->sources.items[k]);
  }
}

#endif

IK_EXPORT(IK_VIEW_ "keys")
ik_keys_list *ik_export_view_keys(const uint8_t *view, size_t view_length, ik_view_change *changes, size_t count) {
  ik_keys_list *answer = IK_NEW(ik_keys_list);
  ik_view_change_list list = {changes, count};
  ik_guest_view_keys(ik_argument(view, view_length), &list, answer);
  return answer;
}

IK_EXPORT(IK_VIEW_ "project")
ik_rows_list *ik_export_view_project(const uint8_t *view, size_t view_length, ik_view_change *changes, size_t count, ik_row *rows,
                                     size_t row_count) {
  ik_rows_list *answer = IK_NEW(ik_rows_list);
  ik_view_change_list list = {changes, count};
  ik_row_list before = {rows, row_count};
  ik_guest_view_project(ik_argument(view, view_length), &list, &before, answer);
  return answer;
}

IK_EXPORT("cabi_post_" IK_VIEW_ "keys")
void ik_post_view_keys(ik_keys_list *answer) {
  (void)answer;
  ik_release();
}

IK_EXPORT("cabi_post_" IK_VIEW_ "project")
void ik_post_view_project(ik_rows_list *answer) {
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

#endif

#if !defined(IK_EXPORTS_ONLY) && !defined(IK_HAS_LIBC)

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

__attribute__((used, no_builtin)) int memcmp(const void *a, const void *b, size_t size) {
  const uint8_t *left = a, *right = b;
  for (size_t i = 0; i < size; i++)
    if (left[i] != right[i]) return left[i] < right[i] ? -1 : 1;
  return 0;
}

// no_builtin: the loop is not to become a call of itself.
__attribute__((used, no_builtin)) size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length] != 0) length++;
  return length;
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
    if (ik_pages(size - have) == NULL) ik_no_memory();
    last->end = __builtin_wasm_memory_size(0) * IK_PAGE;
    return;
  }
  size_t wanted = size + sizeof(ik_block) + 16;
  size_t twice = 2 * (last->end - last->from);
  if (wanted < size) ik_no_memory();
  ik_block *block = ik_pages(wanted < twice ? twice : wanted);
  if (block == NULL) block = ik_pages(wanted);
  if (block == NULL) ik_no_memory();
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
    if (size > SIZE_MAX - align) ik_no_memory();
    ik_extend(size + align - 1);
    at = (ik_top + align - 1) & ~(uintptr_t)(align - 1);
  }
  ik_top = at + size;
  return (void *)at;
}

__attribute__((noinline)) void ik_release(void) {
  ik_begin();
  ik_heard();
}

#endif

#else

// Natively, for tests: the same arena out of malloc.
#include <stdarg.h>
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
  if (block == NULL) ik_no_memory();
  block->next = ik_blocks;
  ik_blocks = block;
  return block->data;
}

void ik_release(void) {
  ik_heard();
  while (ik_blocks != NULL) {
    ik_block *next = ik_blocks->next;
    free(ik_blocks);
    ik_blocks = next;
  }
}

// The words go to whoever runs the tests.
_Noreturn void ik_fault_at(const char *file, int line, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "fault: %s:%d: ", file, line);
  vfprintf(stderr, format, arguments);
  fprintf(stderr, "\n");
  abort();
}

#ifndef IK_ABI_ONLY
const char ik_kind_event_sourced = IK_KIND_EVENT_SOURCED;
const char ik_kind_value = IK_KIND_VALUE;
const char ik_kind_replicated = IK_KIND_REPLICATED;
const char ik_kind_action = IK_KIND_ACTION;
const char ik_kind_view = IK_HAS_VIEWS;
#endif

#endif

#ifndef IK_EXPORTS_ONLY

void *ik_allocate_zeroed(size_t size) {
  return memset(ik_allocate(size, 8), 0, size);
}

// Text

typedef struct {
  char *data;
  size_t length;
  size_t room;
  // What is past so many bytes is cut off; 0: nothing.
  size_t most;
} ik_builder;

// So much of the text as has so many bytes at most, and ends with a whole character.
static size_t ik_cut(const char *data, size_t length, size_t most) {
  if (length <= most) return length;
  while (most > 0 && (data[most] & 0xc0) == 0x80) most--;
  return most;
}

static void ik_append(ik_builder *builder, const void *data, size_t length) {
  if (builder->most != 0) length = ik_cut(data, length, builder->most - builder->length);
  if (builder->room - builder->length < length) {
    if (length > SIZE_MAX / 4) ik_no_memory();
    size_t room = 2 * (builder->length + length) + 32;
    char *moved = ik_allocate(room, 1);
    if (builder->length != 0) memcpy(moved, builder->data, builder->length);
    builder->data = moved;
    builder->room = room;
  }
  if (length != 0) memcpy(builder->data + builder->length, data, length);
  builder->length += length;
}

static void ik_append_number(ik_builder *builder, uint64_t value, bool negative, unsigned base) {
  char digits[24];
  size_t at = sizeof digits;
  do {
    digits[--at] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  if (negative) digits[--at] = '-';
  ik_append(builder, digits + at, sizeof digits - at);
}

// Faults

#ifdef __wasm__

// What the host reads after a trap (wit/types.wit): the linker exports the address.
__attribute__((used)) struct {
  uint32_t length;
  char text[4096];
} innkeeper_fault;

static ik_builder ik_fault_words(void) {
  size_t most = sizeof innkeeper_fault.text;
  return (ik_builder){innkeeper_fault.text, innkeeper_fault.length, most, most};
}

void ik_fault_add(ik_text words) {
  ik_builder all = ik_fault_words();
  ik_append(&all, words.data, words.length);
  innkeeper_fault.length = all.length;
}

void ik_fault_begin(ik_text file, uint32_t line) {
  innkeeper_fault.length = 0;
  ik_builder place = ik_fault_words();
  ik_append(&place, file.data, file.length);
  ik_append(&place, ":", 1);
  ik_append_number(&place, line, false, 10);
  ik_append(&place, ": ", 2);
  innkeeper_fault.length = place.length;
}

_Noreturn void ik_fault_end(void) {
  __builtin_trap();
}

#ifdef IK_ABI_ONLY
// Of this source and those beside it alone: nothing in their words is to be formatted.
_Noreturn void ik_fault_at(const char *file, int line, const char *words, ...) {
  ik_fault_begin((ik_text){(const uint8_t *)file, strlen(file)}, (uint32_t)line);
  ik_fault_add((ik_text){(const uint8_t *)words, strlen(words)});
  ik_fault_end();
}
#endif

#endif

// Log lines

#define IK_LOG_LINES_MAX 100
#define IK_LOG_BYTES_MAX 16384

static struct {
  bool hears;
  // The last line is one of ik_log_byte, and has not ended.
  bool is_open;
  ik_log_line_list lines;
  size_t lines_room, open_room;
  // Bytes of text that there is room for.
  size_t left;
} ik_logs;

void ik_hear(void) {
  ik_heard();
  ik_logs.hears = true;
  ik_logs.left = IK_LOG_BYTES_MAX;
}

__attribute__((noinline)) ik_log_line_list ik_heard(void) {
  ik_log_line_list lines = ik_logs.lines;
  memset(&ik_logs, 0, sizeof ik_logs);
  return lines;
}

bool ik_hears(void) {
  return ik_logs.hears && ik_logs.lines.count < IK_LOG_LINES_MAX && ik_logs.left > 0;
}

void ik_log_text(ik_level level, ik_text text) {
  if (!ik_hears()) return;
  text.length = ik_cut((const char *)text.data, text.length, ik_logs.left);
  ik_log_line_list *lines = &ik_logs.lines;
  if (lines->count == ik_logs.lines_room) {
    ik_logs.lines_room = lines->count == 0 ? 4 : 2 * lines->count;
    ik_log_line *items = ik_allocate(ik_logs.lines_room * sizeof *items, 4);
    if (lines->count != 0) memcpy(items, lines->items, lines->count * sizeof *items);
    lines->items = items;
  }
  lines->items[lines->count++] = (ik_log_line){(uint8_t)level, text};
  ik_logs.left -= text.length;
  ik_logs.is_open = false;
}

void ik_log_byte(ik_level level, uint8_t byte) {
  if (!ik_logs.is_open) {
    if (!ik_hears()) return;
    ik_log_text(level, (ik_text){NULL, 0});
    ik_logs.is_open = true;
    ik_logs.open_room = 0;
  }
  if (byte == '\n') {
    ik_logs.is_open = false;
    return;
  }
  // Of a character that does not fit as a whole nothing is taken, nor of what follows.
  if (ik_logs.left < (byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4)) ik_logs.left = 0;
  if (ik_logs.left == 0) return;
  ik_text *text = &ik_logs.lines.items[ik_logs.lines.count - 1].text;
  ik_builder line = {(char *)text->data, text->length, ik_logs.open_room, 0};
  ik_append(&line, &byte, 1);
  *text = (ik_text){(const uint8_t *)line.data, line.length};
  ik_logs.open_room = line.room;
  ik_logs.left--;
}

#ifndef IK_ABI_ONLY

#include <stdarg.h>

// ---------------------------------------------------------------------------------------------------------------------
// 2. Messages
// ---------------------------------------------------------------------------------------------------------------------

#define IK_DEPTH_MAX 100

static void *ik_allocate_array(size_t count, size_t size) {
  if (size != 0 && count > SIZE_MAX / 2 / size) ik_no_memory();
  return ik_allocate(count * size, 8);
}

int ik_compare(ik_bytes a, ik_bytes b) {
  size_t length = a.length < b.length ? a.length : b.length;
  int order = length == 0 ? 0 : memcmp(a.data, b.data, length);
  return order != 0 ? order : a.length < b.length ? -1 : a.length > b.length;
}

ik_bytes ik_copy(ik_bytes bytes) {
  uint8_t *data = ik_allocate(bytes.length, 1);
  if (bytes.length != 0) memcpy(data, bytes.data, bytes.length);
  return (ik_bytes){data, bytes.length};
}

bool ik_is_utf8(ik_bytes bytes) {
  const uint8_t *at = bytes.data, *end = bytes.data + bytes.length;
  while (at != end) {
    uint8_t first = *at++;
    if (first < 0x80) continue;
    if (first < 0xc2 || first > 0xf4) return false;
    size_t more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if ((size_t)(end - at) < more) return false;
    uint8_t second = at[0];
    // Overlong forms, surrogates, and what is above U+10FFFF show in the second byte.
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) return false;
    for (size_t i = 1; i < more; i++)
      if ((at[i] & 0xc0) != 0x80) return false;
    at += more;
  }
  return true;
}

// Before the items of an array that the arena has: how many of it are taken, by whichever copy of the array.
typedef struct {
  size_t used;
} ik_array_head;
#define IK_HEAD_SIZE 8

void *ik_grow(void *items, size_t count, size_t *capacity, size_t size) {
  if (count < *capacity) {
    ik_array_head *head = (ik_array_head *)((uint8_t *)items - IK_HEAD_SIZE);
    if (head->used == count) {
      head->used++;
      return items;
    }
  }
  if (count > SIZE_MAX / 4 / size) ik_no_memory();
  size_t room = count < 4 ? 4 : 2 * count;
  uint8_t *block = ik_allocate(IK_HEAD_SIZE + room * size, 8);
  ((ik_array_head *)block)->used = count + 1;
  if (count != 0) memcpy(block + IK_HEAD_SIZE, items, count * size);
  *capacity = room;
  return block + IK_HEAD_SIZE;
}

// Reader

static __attribute__((noinline)) uint64_t ik_fail(ik_reader *reader, const char *problem) {
  if (reader->problem == NULL) reader->problem = problem;
  reader->at = reader->end;
  return 0;
}

static const char ik_cut_off[] = "the message is cut off";

static __attribute__((noinline)) uint64_t ik_read_long_varint(ik_reader *reader) {
  const uint8_t *at = reader->at;
  uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (at == reader->end) return ik_fail(reader, ik_cut_off);
    if (shift > 63) return ik_fail(reader, "a varint has more than ten bytes");
    uint64_t byte = *at++;
    value |= (byte & 127) << shift;
    if (byte < 128) break;
  }
  reader->at = at;
  return value;
}

uint64_t ik_read_varint(ik_reader *reader) {
  if (reader->at != reader->end && *reader->at < 128) return *reader->at++;
  return ik_read_long_varint(reader);
}

uint32_t ik_read_tag(ik_reader *reader) {
  const uint8_t *start = reader->at;
  uint64_t tag = ik_read_varint(reader);
  if (reader->problem != NULL) return 0;
  if (tag > UINT32_MAX || reader->at - start > 5) return (uint32_t)ik_fail(reader, "a tag is no field number");
  if (tag < 8) return (uint32_t)ik_fail(reader, "a field has number 0");
  return (uint32_t)tag;
}

// Where so many bytes begin; null if there are fewer.
static __attribute__((noinline)) const uint8_t *ik_take(ik_reader *reader, uint64_t length) {
  const uint8_t *start = reader->at;
  if (length > (uint64_t)(reader->end - start)) {
    ik_fail(reader, ik_cut_off);
    return NULL;
  }
  reader->at = start + length;
  return start;
}

void ik_skip(ik_reader *reader, uint32_t tag) {
  switch (tag & 7) {
    case 0:
      ik_read_varint(reader);
      return;
    case 1:
      ik_take(reader, 8);
      return;
    case 2:
      ik_take(reader, ik_read_varint(reader));
      return;
    case 5:
      ik_take(reader, 4);
      return;
    case 3:
    case 4:
      if (reader->problem == NULL) ik_fail(reader, "groups are not supported");
      return;
    default:
      ik_fail(reader, "there is no such wire type");
  }
}

const uint8_t *ik_enter(ik_reader *reader) {
  const uint8_t *outer = reader->end;
  const uint8_t *start = ik_take(reader, ik_read_varint(reader));
  if (reader->problem != NULL) return outer;
  if (reader->depth == IK_DEPTH_MAX) {
    ik_fail(reader, "messages are nested more than 100 deep");
    return outer;
  }
  reader->depth++;
  reader->end = reader->at;
  reader->at = start;
  return outer;
}

void ik_leave(ik_reader *reader, const uint8_t *outer) {
  reader->end = outer;
  if (reader->problem != NULL)
    reader->at = outer;
  else
    reader->depth--;
}

int32_t ik_read_sint32(ik_reader *reader) {
  uint32_t value = (uint32_t)ik_read_varint(reader);
  return (int32_t)((value >> 1) ^ (0 - (value & 1)));
}

int64_t ik_read_sint64(ik_reader *reader) {
  uint64_t value = ik_read_varint(reader);
  return (int64_t)((value >> 1) ^ (0 - (value & 1)));
}

uint32_t ik_read_fixed32(ik_reader *reader) {
  const uint8_t *at = ik_take(reader, 4);
  if (at == NULL) return 0;
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint64_t ik_read_fixed64(ik_reader *reader) {
  const uint8_t *at = ik_take(reader, 8);
  if (at == NULL) return 0;
  uint64_t value = 0;
  for (int i = 8; i-- > 0;) value = value << 8 | at[i];
  return value;
}

float ik_read_float(ik_reader *reader) {
  uint32_t bits = ik_read_fixed32(reader);
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

double ik_read_double(ik_reader *reader) {
  uint64_t bits = ik_read_fixed64(reader);
  double value;
  memcpy(&value, &bits, 8);
  return value;
}

ik_bytes ik_read_bytes(ik_reader *reader) {
  uint64_t length = ik_read_varint(reader);
  const uint8_t *start = ik_take(reader, length);
  if (start == NULL) return (ik_bytes){NULL, 0};
  return (ik_bytes){start, (size_t)length};
}

ik_text ik_read_text(ik_reader *reader) {
  ik_text text = ik_read_bytes(reader);
  if (ik_is_utf8(text)) return text;
  ik_fail(reader, "a string is not UTF-8");
  return (ik_text){NULL, 0};
}

// Writer

#define IK_WRITER_FIRST 64

static __attribute__((noinline)) void ik_make_room(ik_writer *writer, size_t size) {
  size_t used = (size_t)(writer->end - writer->at);
  if (size > SIZE_MAX / 4 || used > SIZE_MAX / 4) ik_no_memory();
  size_t room = 2 * (used + size);
  if (room < IK_WRITER_FIRST) room = IK_WRITER_FIRST;
  uint8_t *start = ik_allocate(room, 1);
  if (used != 0) memcpy(start + room - used, writer->at, used);
  writer->start = start;
  writer->end = start + room;
  writer->at = writer->end - used;
}

static inline uint8_t *ik_put_space(ik_writer *writer, size_t size) {
  if ((size_t)(writer->at - writer->start) < size) ik_make_room(writer, size);
  return writer->at -= size;
}

void ik_put_varint(ik_writer *writer, uint64_t value) {
  size_t length = 1;
  for (uint64_t left = value >> 7; left != 0; left >>= 7) length++;
  uint8_t *at = ik_put_space(writer, length);
  for (; value > 127; value >>= 7) *at++ = (uint8_t)(value | 128);
  *at = (uint8_t)value;
}

void ik_put_number(ik_writer *writer, uint32_t tag, uint64_t value) {
  ik_put_varint(writer, value);
  ik_put_varint(writer, tag);
}

void ik_put_fixed32(ik_writer *writer, uint32_t value) {
  uint8_t *at = ik_put_space(writer, 4);
  for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> 8 * i);
}

void ik_put_fixed64(ik_writer *writer, uint64_t value) {
  uint8_t *at = ik_put_space(writer, 8);
  for (int i = 0; i < 8; i++) at[i] = (uint8_t)(value >> 8 * i);
}

void ik_put_float(ik_writer *writer, float value) {
  uint32_t bits = 0x7fc00000;
  if (value == value) memcpy(&bits, &value, 4);
  ik_put_fixed32(writer, bits);
}

void ik_put_double(ik_writer *writer, double value) {
  uint64_t bits = 0x7ff8000000000000;
  if (value == value) memcpy(&bits, &value, 8);
  ik_put_fixed64(writer, bits);
}

void ik_put_bytes(ik_writer *writer, ik_bytes value) {
  uint8_t *at = ik_put_space(writer, value.length);
  if (value.length != 0) memcpy(at, value.data, value.length);
  ik_put_varint(writer, value.length);
}

void ik_put_field(ik_writer *writer, uint32_t tag, ik_bytes value) {
  ik_put_bytes(writer, value);
  ik_put_varint(writer, tag);
}

void ik_put_text(ik_writer *writer, ik_text value) {
  if (!ik_is_utf8(value)) ik_fault("a string is not UTF-8");
  ik_put_bytes(writer, value);
}

void ik_put_text_field(ik_writer *writer, uint32_t tag, ik_text value) {
  ik_put_text(writer, value);
  ik_put_varint(writer, tag);
}

size_t ik_open(ik_writer *writer) {
  if (++writer->depth > IK_DEPTH_MAX) ik_fault("messages are nested more than 100 deep");
  return (size_t)(writer->end - writer->at);
}

void ik_close(ik_writer *writer, uint32_t tag, size_t opened) {
  writer->depth--;
  ik_put_varint(writer, (size_t)(writer->end - writer->at) - opened);
  ik_put_varint(writer, tag);
}

bool ik_float_is_set(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits != 0;
}

bool ik_double_is_set(double value) {
  uint64_t bits;
  memcpy(&bits, &value, 8);
  return bits != 0;
}

// Maps

int ik_order_text(const void *a, const void *b) {
  return ik_compare(*(const ik_text *)a, *(const ik_text *)b);
}

#define IK_ORDER(name, type)                      \
  int ik_order_##name(const void *a, const void *b) { \
    type left = *(const type *)a, right = *(const type *)b; \
    return left < right ? -1 : left > right;      \
  }
IK_ORDER(int32, int32_t)
IK_ORDER(uint32, uint32_t)
IK_ORDER(int64, int64_t)
IK_ORDER(uint64, uint64_t)
IK_ORDER(bool, bool)

static bool ik_is_ascending(const uint8_t *items, size_t count, size_t size, ik_key_order *order) {
  for (size_t i = 1; i < count; i++)
    if (order(items + (i - 1) * size, items + i * size) >= 0) return false;
  return true;
}

const void **ik_map_sorted(const void *items, size_t *count, size_t size, ik_key_order *order) {
  size_t total = *count;
  const void **sorted = ik_allocate_array(total, sizeof *sorted);
  for (size_t i = 0; i < total; i++) sorted[i] = (const uint8_t *)items + i * size;
  if (ik_is_ascending(items, total, size, order)) return sorted;
  // Merge sort: stable, so that of equal keys the last one written is the last.
  const void **merged = ik_allocate_array(total, sizeof *merged);
  for (size_t run = 1; run < total; run *= 2) {
    for (size_t from = 0; from < total; from += 2 * run) {
      size_t middle = total - from < run ? total : from + run;
      size_t end = total - middle < run ? total : middle + run;
      for (size_t to = from, left = from, right = middle; to < end; to++) {
        bool takes_right = left == middle || (right < end && order(sorted[left], sorted[right]) > 0);
        merged[to] = takes_right ? sorted[right++] : sorted[left++];
      }
    }
    const void **other = sorted;
    sorted = merged;
    merged = other;
  }
  size_t kept = 0;
  for (size_t i = 0; i < total; i++) {
    if (kept != 0 && order(sorted[kept - 1], sorted[i]) == 0) kept--;
    sorted[kept++] = sorted[i];
  }
  *count = kept;
  return sorted;
}

void *ik_map_settled(void *items, size_t *count, size_t *capacity, size_t size, ik_key_order *order) {
  if (ik_is_ascending(items, *count, size, order)) return items;
  const void **sorted = ik_map_sorted(items, count, size, order);
  uint8_t *settled = ik_allocate_array(*count, size);
  for (size_t i = 0; i < *count; i++) memcpy(settled + i * size, sorted[i], size);
  *capacity = 0;
  return settled;
}

ik_bytes ik_encode(const ik_message_type *type, const void *message) {
  ik_writer writer = {0};
  type->write(&writer, message);
  return (ik_bytes){writer.at, (size_t)(writer.end - writer.at)};
}

const char *ik_decode(const ik_message_type *type, ik_bytes bytes, void *message) {
  memset(message, 0, type->size);
  // Null and an offset of 0 are no pointer arithmetic that C knows.
  static const uint8_t none;
  const uint8_t *data = bytes.length == 0 ? &none : bytes.data;
  ik_reader reader = {data, data + bytes.length, NULL, 0};
  type->read(&reader, message);
  return reader.problem;
}

static void ik_write_nothing(ik_writer *writer, const void *message) {
  (void)writer;
  (void)message;
}

static void ik_read_nothing(ik_reader *reader, void *message) {
  (void)message;
  while (ik_more(reader)) ik_skip(reader, ik_read_tag(reader));
}

const ik_message_type ik_nothing_type = {"", sizeof(ik_nothing), ik_write_nothing, ik_read_nothing};

// Text

static void ik_format_into(ik_builder *builder, const char *format, va_list arguments) {
  for (const char *at = format; *at != 0; at++) {
    const char *from = at;
    while (*at != 0 && *at != '%') at++;
    ik_append(builder, from, (size_t)(at - from));
    if (*at == 0) break;
    at++;
    if (at[0] == '.' && at[1] == '*' && at[2] == 's') {
      int length = va_arg(arguments, int);
      const char *data = va_arg(arguments, const char *);
      ik_append(builder, data, length < 0 ? 0 : (size_t)length);
      at += 2;
      continue;
    }
    size_t width = sizeof(int);
    if (*at == 'z') {
      width = sizeof(size_t);
      at++;
    }
    if (*at == 'l') {
      width = sizeof(long);
      at++;
    }
    if (*at == 'l') {
      width = sizeof(long long);
      at++;
    }
    switch (*at) {
      case 'd':
      case 'i': {
        int64_t value = width == sizeof(int) ? va_arg(arguments, int) : va_arg(arguments, int64_t);
        ik_append_number(builder, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0, 10);
        break;
      }
      case 'u':
      case 'x': {
        uint64_t value = width == sizeof(int) ? va_arg(arguments, unsigned) : va_arg(arguments, uint64_t);
        ik_append_number(builder, value, false, *at == 'x' ? 16 : 10);
        break;
      }
      case 'c': {
        char byte = (char)va_arg(arguments, int);
        ik_append(builder, &byte, 1);
        break;
      }
      case 's': {
        const char *text = va_arg(arguments, const char *);
        ik_append(builder, text, strlen(text));
        break;
      }
      case '%':
        ik_append(builder, "%", 1);
        break;
      default:
        ik_fault("ik_format does not know the conversion %%%c", *at);
    }
  }
}

static ik_text ik_text_built(const ik_builder *builder) {
  return (ik_text){(const uint8_t *)builder->data, builder->length};
}

static ik_text ik_format_list(const char *format, va_list arguments) {
  ik_builder builder = {0};
  ik_format_into(&builder, format, arguments);
  return ik_text_built(&builder);
}

ik_text ik_format(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  ik_text text = ik_format_list(format, arguments);
  va_end(arguments);
  return text;
}

#ifdef __wasm__

_Noreturn void ik_fault_at(const char *file, int line, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  ik_fault_begin(ik_text_of(file), (uint32_t)line);
  ik_builder words = ik_fault_words();
  ik_format_into(&words, format, arguments);
  innkeeper_fault.length = words.length;
  ik_fault_end();
}

#endif

void ik_log(ik_level level, const char *format, ...) {
  if (!ik_hears()) return;
  va_list arguments;
  va_start(arguments, format);
  ik_builder line = {.most = ik_logs.left};
  ik_format_into(&line, format, arguments);
  va_end(arguments);
  // The contract's text is UTF-8, and a line is not worth a fault.
  if (!ik_is_utf8(ik_text_built(&line)))
    for (size_t i = 0; i < line.length; i++)
      if ((line.data[i] & 0x80) != 0) line.data[i] = '?';
  ik_log_text(level, ik_text_built(&line));
}

// ---------------------------------------------------------------------------------------------------------------------
// 3. Services
// ---------------------------------------------------------------------------------------------------------------------
//
// S1. A batch is decided one by one, each command on what the one before left.
// S2. What the caller got wrong (unknown method, malformed request) is a refusal; what the author got wrong is a fault.
// S3. A refusal of an entity brings nothing but itself: a state that events have changed already is made again.
// S4. An event is encoded, and what a reader makes of the bytes is folded: nothing enters a state that the journal could not
//     give back, and nothing of a handler's stack stays in it.
// S5. States are never held between calls: nothing is there to be out of date.

typedef struct {
  uint32_t a, b, c, counter;
} ik_chance;

struct ik_context {
  const ik_service *service;
  const ik_method *method;
  ik_text entity;
  double now_ms;
  // Null where there is no chance.
  const uint32_t *seed;
  const ik_metadata *metadata;
  ik_chance chance;
  bool has_chance;
  // What the handler says.
  ik_code code;
  ik_text message;
  // Of a forward, and of a ticket.
  ik_wire_reply said;
  ik_typed_list details;
  ik_typed_list events;
  ik_effect_list effects;
  ik_metadata headers;
  ik_bytes_list cancels;
  ik_resolution_list resolves;
  size_t details_room, events_room, effects_room, headers_room, cancels_room, resolves_room;
  // Event-sourced: the state that events are folded into.
  void *state;
  // Value.
  bool is_updated, is_removed;
  ik_consistency consistency;
  ik_bytes updated;
  // Elements of a stream; elements to look for.
  ik_outcome_list elements;
  ik_bytes_list reads;
  size_t elements_room, reads_room;
};

#define IK_PUSH(list, room, type) \
  ((list)->items = (type *)ik_grow((list)->items, (list)->count, (room), sizeof(type)), &(list)->items[(list)->count++])

// By number: to name ik_kind_... here would link the exports of every kind.
static const ik_service *ik_find_service(ik_text name, char kind) {
  for (size_t i = 0; i < ik_service_count; i++) {
    const ik_service *service = ik_services[i];
    if (service != NULL && *service->kind == kind && ik_is(name, service->name)) return service;
  }
  ik_fault("this component has no such service: %.*s", IK_ARG(name));
}

static const ik_method *ik_find_method(const ik_service *service, ik_text name) {
  for (size_t i = 0; i < service->method_count; i++)
    if (ik_is(name, service->methods[i].name)) return &service->methods[i];
  return NULL;
}

// Contexts

// sfc32, which mixes the seed in over its first rounds: the numbers of every SDK.
static uint32_t ik_chance_word(ik_chance *chance) {
  uint32_t sum = chance->a + chance->b + chance->counter++;
  chance->a = chance->b ^ (chance->b >> 9);
  chance->b = chance->c + (chance->c << 3);
  chance->c = (chance->c << 21 | chance->c >> 11) + sum;
  return sum;
}

static uint32_t ik_word(ik_context *context) {
  if (!context->has_chance) {
    if (context->seed == NULL) ik_fault("there is no chance where there is no command");
    context->chance = (ik_chance){context->seed[0], context->seed[1], context->seed[2], context->seed[3]};
    for (int round = 0; round < 12; round++) ik_chance_word(&context->chance);
    context->has_chance = true;
  }
  return ik_chance_word(&context->chance);
}

double ik_random(ik_context *context) {
  double high = ik_word(context) >> 5;
  return (high * 67108864 + (ik_word(context) >> 6)) / 9007199254740992;
}

ik_bytes ik_random_bytes(ik_context *context, size_t length) {
  uint8_t *data = ik_allocate(length, 1);
  for (size_t i = 0; i < length; i++) data[i] = (uint8_t)(ik_word(context) >> 24);
  return (ik_bytes){data, length};
}

ik_text ik_uuid(ik_context *context) {
  char *text = ik_allocate(36, 1);
  size_t at = 0;
  for (int i = 0; i < 16; i++) {
    uint8_t byte = (uint8_t)(ik_word(context) >> 24);
    if (i == 6) byte = (byte & 0x0f) | 0x40;
    if (i == 8) byte = (byte & 0x3f) | 0x80;
    if (i == 4 || i == 6 || i == 8 || i == 10) text[at++] = '-';
    text[at++] = "0123456789abcdef"[byte >> 4];
    text[at++] = "0123456789abcdef"[byte & 15];
  }
  return (ik_text){(const uint8_t *)text, at};
}

ik_text ik_entity(const ik_context *context) {
  return context->entity;
}

int64_t ik_now(const ik_context *context) {
  return (int64_t)context->now_ms;
}

const ik_metadata *ik_get_metadata(const ik_context *context) {
  return context->metadata;
}

bool ik_find_metadata(const ik_context *context, const char *name, ik_bytes *value) {
  for (size_t i = 0; i < context->metadata->count; i++) {
    const ik_metadata_entry *entry = &context->metadata->items[i];
    if (!ik_is(entry->name, name)) continue;
    *value = entry->value;
    return true;
  }
  return false;
}

ik_code ik_code_of(uint32_t number) {
  if (number < 1 || number > IK_UNAUTHENTICATED + 1) ik_fault("%u is no code; the codes are 1 to 16", number);
  return (ik_code)(number - 1);
}

ik_answer ik_refuse(ik_context *context, ik_code code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  context->message = ik_format_list(format, arguments);
  va_end(arguments);
  context->code = code;
  return IK_REFUSAL;
}

void ik_detail(ik_context *context, const ik_message_type *type, const void *message) {
  *IK_PUSH(&context->details, &context->details_room, ik_typed) =
      (ik_typed){ik_text_of(type->name), ik_encode(type, message)};
}

ik_answer ik_forward(ik_context *context, ik_call call) {
  context->said.kind = IK_REPLY_FORWARD;
  context->said.value.forward = call;
  return IK_FORWARD;
}

void ik_add_effect(ik_context *context, ik_call call, bool synchronous) {
  *IK_PUSH(&context->effects, &context->effects_room, ik_effect) = (ik_effect){.call = call, .synchronous = synchronous};
}

// Times and tickets
//
// T1. Times are whole milliseconds: what is no such number is a fault. A span below 0 is 0.
// T2. What only a unary method of an entity can say is a fault elsewhere, in words; so are an empty name and a call that a method does not
//     hear the answers of.

#define IK_MS_MAX 9007199254740991

static int64_t ik_span(const char *what, double count, double ms) {
  double span = count * ms;
  if (!(span >= -IK_MS_MAX && span <= IK_MS_MAX)) ik_fault("%s: that is no number of milliseconds", what);
  // Rounded up, but for what a fraction of ten is beside one of two.
  int64_t whole = (int64_t)span;
  double rest = span - (double)whole;
  return rest > 1e-6 ? whole + 1 : rest < 1e-6 - 1 ? whole - 1 : whole;
}

int64_t ik_seconds(double count) {
  return ik_span("ik_seconds", count, 1000);
}

int64_t ik_minutes(double count) {
  return ik_span("ik_minutes", count, 60000);
}

int64_t ik_hours(double count) {
  return ik_span("ik_hours", count, 3600000);
}

int64_t ik_days(double count) {
  return ik_span("ik_days", count, 86400000);
}

static double ik_whole(const char *what, int64_t ms) {
  if (ms > IK_MS_MAX) ik_fault("%s: %" IK_D64 " milliseconds are too many", what, ms);
  return ms < 0 ? 0 : (double)ms;
}

static ik_text ik_name_of(const char *what, ik_text name) {
  if (name.length == 0) ik_fault("%s is empty", what);
  if (!ik_is_utf8(name)) ik_fault("%s is not UTF-8", what);
  return ik_copy(name);
}

static void ik_of_an_entity(const ik_context *context, const char *what) {
  if (*context->service->kind == IK_KIND_ACTION) ik_fault("%s: an action has none, only entities do", what);
  if (context->method->shape != IK_UNARY) ik_fault("%s: a method that streams has none", what);
}

static ik_effect *ik_new_effect(ik_context *context, ik_call call, ik_terms terms) {
  ik_effect effect = {.call = call, .synchronous = terms.synchronous};
  if (terms.name.length != 0) {
    ik_of_an_entity(context, "names of effects");
    effect.name = (ik_optional_bytes){true, ik_name_of("the name of an effect", terms.name)};
  }
  if (terms.within_ms != 0) {
    double within = ik_whole("within_ms", terms.within_ms);
    effect.has_within = true;
    effect.within_ms = within < 1 ? 1 : within;
  }
  if (terms.after_ms > 0 && terms.at_ms > 0) ik_fault("an effect is due either after_ms or at_ms");
  if (terms.after_ms > 0) effect.due = (ik_due){IK_DUE_AFTER, ik_whole("after_ms", terms.after_ms)};
  if (terms.at_ms > 0) effect.due = (ik_due){IK_DUE_AT, ik_whole("at_ms", terms.at_ms)};
  if (terms.synchronous && effect.due.kind != IK_DUE_AT_ONCE) ik_fault("a synchronous effect is due at once");
  ik_effect *added = IK_PUSH(&context->effects, &context->effects_room, ik_effect);
  *added = effect;
  return added;
}

void ik_add_effect_on(ik_context *context, ik_call call, ik_terms terms) {
  ik_new_effect(context, call, terms);
}

static void ik_add_due(ik_context *context, const char *what, uint8_t kind, int64_t ms, ik_call call, ik_terms terms) {
  if (terms.after_ms != 0 || terms.at_ms != 0) ik_fault("%s says when it is due; its terms say it again", what);
  if (terms.synchronous) ik_fault("a synchronous effect is due at once");
  ik_new_effect(context, call, terms)->due = (ik_due){kind, ik_whole(what, ms)};
}

void ik_after(ik_context *context, int64_t ms, ik_call call, ik_terms terms) {
  ik_add_due(context, "ik_after", IK_DUE_AFTER, ms, call, terms);
}

void ik_at(ik_context *context, int64_t time_ms, ik_call call, ik_terms terms) {
  ik_add_due(context, "ik_at", IK_DUE_AT, time_ms, call, terms);
}

static void ik_own_method(const ik_context *context, const char *service, const char *method) {
  ik_of_an_entity(context, "asks and tickets");
  if (!ik_is(ik_text_of(context->service->name), service))
    ik_fault("%s/%s is a method of another service than %s", service, method, context->service->name);
}

void ik_ask(ik_context *context, ik_hearer hearer, ik_call call, ik_bytes note, ik_terms terms) {
  ik_own_method(context, hearer.service, hearer.method);
  if (!ik_is(ik_format("%.*s/%.*s", IK_ARG(call.service), IK_ARG(call.method)), hearer.answers))
    ik_fault("%s hears the answers of %s, and the call is to %.*s/%.*s", hearer.method, hearer.answers, IK_ARG(call.service),
             IK_ARG(call.method));
  if (terms.synchronous) ik_fault("a synchronous effect has no answer");
  ik_effect *effect = ik_new_effect(context, call, terms);
  effect->has_answer = true;
  effect->answer = (ik_answer_to){ik_text_of(hearer.method), note};
}

void ik_cancel(ik_context *context, ik_text name) {
  ik_of_an_entity(context, "cancels");
  *IK_PUSH(&context->cancels, &context->cancels_room, ik_bytes) = ik_name_of("the name of an effect", name);
}

ik_answer ik_later(ik_context *context, ik_text ticket, int64_t within_ms) {
  ik_of_an_entity(context, "tickets");
  ik_deferred *deferred = &context->said.value.later;
  context->said.kind = IK_REPLY_LATER;
  *deferred = (ik_deferred){ik_name_of("a ticket", ticket), false, 0};
  if (within_ms == 0) return IK_LATER;
  int64_t seconds = within_ms < 1 ? 1 : (within_ms - 1) / 1000 + 1;
  if (seconds > UINT32_MAX) ik_fault("a ticket is open for %u seconds at most", UINT32_MAX);
  deferred->has_within = true;
  deferred->within_s = (uint32_t)seconds;
  return IK_LATER;
}

ik_failure ik_failure_of(ik_code code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  ik_failure failure = {(uint8_t)code, ik_format_list(format, arguments), {NULL, 0}};
  va_end(arguments);
  return failure;
}

void ik_add_failure_detail(ik_failure *failure, const ik_message_type *type, const void *message) {
  // Failures are copied about, and seldom have more than one detail: no room is kept.
  ik_typed *items = ik_allocate_array(failure->details.count + 1, sizeof *items);
  if (failure->details.count != 0) memcpy(items, failure->details.items, failure->details.count * sizeof *items);
  items[failure->details.count++] = (ik_typed){ik_text_of(type->name), ik_encode(type, message)};
  failure->details.items = items;
}

static ik_resolution *ik_new_resolution(ik_context *context, const char *service, const char *method, ik_text ticket) {
  ik_own_method(context, service, method);
  ik_resolution *added = IK_PUSH(&context->resolves, &context->resolves_room, ik_resolution);
  *added = (ik_resolution){.ticket = ik_name_of("a ticket", ticket), .method = ik_text_of(method)};
  return added;
}

void ik_resolve(ik_context *context, const char *service, const char *method, ik_text ticket, ik_bytes reply) {
  ik_new_resolution(context, service, method, ticket)->answer.message = reply;
}

void ik_resolve_refused(ik_context *context, const char *service, const char *method, ik_text ticket, ik_failure failure) {
  ik_resolution *resolution = ik_new_resolution(context, service, method, ticket);
  resolution->is_failure = true;
  resolution->answer.failure = failure;
}

// The bytes of a field that has a length, the last of several.
static ik_bytes ik_part_of(ik_bytes message, uint32_t number) {
  ik_reader reader = {message.data, message.data + message.length, NULL, 0};
  ik_bytes part = {NULL, 0};
  while (ik_more(&reader)) {
    uint32_t tag = ik_read_tag(&reader);
    if (tag == (number << 3 | 2))
      part = ik_read_bytes(&reader);
    else
      ik_skip(&reader, tag);
  }
  return reader.problem == NULL ? part : (ik_bytes){NULL, 0};
}

ik_reason ik_reason_of(ik_bytes status) {
  ik_reader reader = {status.data, status.data + status.length, NULL, 0};
  while (ik_more(&reader)) {
    uint32_t tag = ik_read_tag(&reader);
    if (tag != 26) {
      ik_skip(&reader, tag);
      continue;
    }
    ik_bytes any = ik_read_bytes(&reader), info = ik_part_of(any, 2);
    if (!ik_is(ik_part_of(any, 1), "type.googleapis.com/google.rpc.ErrorInfo") || !ik_is(ik_part_of(info, 2), "innkeeper")) continue;
    ik_text reason = ik_part_of(info, 1);
    if (ik_is(reason, "REFUSED")) return IK_REASON_REFUSED;
    if (ik_is(reason, "NOT_SENT")) return IK_REASON_NOT_SENT;
  }
  return IK_REASON_UNKNOWN;
}

static ik_metadata_entry ik_header_of(const char *name, bool is_binary, ik_bytes value) {
  ik_text copy = ik_copy(ik_text_of(name));
  uint8_t *letters = (uint8_t *)copy.data;
  for (size_t i = 0; i < copy.length; i++)
    if (letters[i] >= 'A' && letters[i] <= 'Z') letters[i] += 'a' - 'A';
  return (ik_metadata_entry){copy, is_binary, ik_copy(value)};
}

static void ik_put_header(ik_context *context, const char *name, bool is_binary, ik_bytes value) {
  *IK_PUSH(&context->headers, &context->headers_room, ik_metadata_entry) = ik_header_of(name, is_binary, value);
}

// Metadata of one call or resolution: they seldom have more than one entry, so no room is kept.
static void ik_append_entry(ik_metadata *metadata, ik_metadata_entry entry) {
  ik_metadata_entry *items = ik_allocate_array(metadata->count + 1, sizeof *items);
  if (metadata->count != 0) memcpy(items, metadata->items, metadata->count * sizeof *items);
  items[metadata->count++] = entry;
  metadata->items = items;
}

static ik_metadata *ik_last_resolution(ik_context *context) {
  if (context->resolves.count == 0) ik_fault("no ticket is resolved that metadata could be sent with");
  return &context->resolves.items[context->resolves.count - 1].metadata;
}

void ik_add_resolution_metadata(ik_context *context, const char *name, ik_text value) {
  ik_append_entry(ik_last_resolution(context), ik_header_of(name, false, value));
}

void ik_add_binary_resolution_metadata(ik_context *context, const char *name, ik_bytes value) {
  ik_append_entry(ik_last_resolution(context), ik_header_of(name, true, value));
}

void ik_add_metadata(ik_context *context, const char *name, ik_text value) {
  ik_put_header(context, name, false, value);
}

void ik_add_binary_metadata(ik_context *context, const char *name, ik_bytes value) {
  ik_put_header(context, name, true, value);
}

ik_call ik_call_of(const char *service, const char *method, const ik_message_type *type, const void *request) {
  return (ik_call){ik_text_of(service), ik_text_of(method), ik_encode(type, request), {NULL, 0}};
}

void ik_add_call_metadata(ik_call *call, const char *name, ik_text value) {
  ik_append_entry(&call->metadata, (ik_metadata_entry){ik_text_of(name), false, value});
}

void ik_update_value(ik_context *context, const void *value) {
  context->updated = ik_encode(context->service->state, value);
  context->is_updated = true;
  context->is_removed = false;
}

void ik_write_consistency(ik_context *context, ik_consistency consistency) {
  if (consistency < IK_LOCAL || consistency > IK_ALL) ik_fault("%d is no consistency", (int)consistency);
  context->consistency = consistency;
}

void ik_remove(ik_context *context) {
  context->is_removed = true;
  context->is_updated = false;
}

void ik_read(ik_context *context, ik_bytes element) {
  *IK_PUSH(&context->reads, &context->reads_room, ik_bytes) = element;
}

// Outcomes

static void ik_put_failure(ik_context *context, ik_outcome *outcome) {
  outcome->is_failure = true;
  outcome->answer.failure = (ik_failure){(uint8_t)context->code, context->message, context->details};
}

// What a handler has answered. Of an action a refusal keeps its effects.
static void ik_put_answer(ik_context *context, ik_answer answer, const void *reply, bool is_action, ik_outcome *outcome) {
  outcome->metadata = context->headers;
  if (answer != IK_REFUSAL || is_action) outcome->effects = context->effects;
  if (answer != IK_REFUSAL) {
    outcome->cancels = context->cancels;
    outcome->resolves = context->resolves;
  }
  switch (answer) {
    case IK_REFUSAL:
      ik_put_failure(context, outcome);
      return;
    case IK_REPLY:
    case IK_STREAM:
    case IK_EMIT:
    case IK_END_REPLY:
      outcome->answer.reply.kind = IK_REPLY_MESSAGE;
      outcome->answer.reply.value.message = ik_encode(context->method->reply, reply);
      return;
    case IK_FORWARD:
    case IK_LATER:
      outcome->answer.reply = context->said;
      return;
    case IK_STREAM_SILENT:
      outcome->answer.reply.kind = IK_REPLY_NONE;
      return;
    default:
      ik_fault("%s answers with what it cannot answer", context->method->name);
  }
}

static void ik_put_outcome(ik_context *context, ik_answer answer, const void *reply, bool is_action, ik_outcome *outcome) {
  ik_put_answer(context, answer, reply, is_action, outcome);
  outcome->logs = ik_heard();
}

static void ik_begin_command(ik_context *context, const ik_service *service, ik_text entity, const ik_command *command) {
  *context = (ik_context){0};
  context->service = service;
  context->entity = entity;
  context->now_ms = command->now_ms;
  context->seed = command->seed;
  context->metadata = &command->metadata;
  ik_hear();
}

// Sets the method, and decodes the request; or what to answer instead.
static ik_answer ik_request(ik_context *context, const ik_command *command, void **request) {
  context->method = ik_find_method(context->service, command->method);
  if (context->method == NULL)
    return ik_refuse(context, IK_UNIMPLEMENTED, "%s has no method %.*s", context->service->name, IK_ARG(command->method));
  const ik_message_type *type = context->method->request;
  *request = ik_allocate(type->size, 8);
  const char *problem = ik_decode(type, command->payload, *request);
  if (problem == NULL) return IK_SILENT;
  return ik_refuse(context, IK_INVALID_ARGUMENT, "the request is no %s: %s", type->name, problem);
}

static void *ik_new_reply(const ik_method *method) {
  return ik_allocate_zeroed(method->reply->size);
}

// Event-sourced

static void *ik_state_of(const ik_service *service, const ik_basis *basis) {
  void *state = ik_allocate(service->state->size, 8);
  ik_bytes bytes = basis->kind == IK_BASIS_BYTES ? basis->bytes : (ik_bytes){NULL, 0};
  const char *problem = ik_decode(service->state, bytes, state);
  if (problem != NULL) ik_fault("the stored state is no %s: %s", service->state->name, problem);
  return state;
}

static void ik_fold_event(const ik_service *service, void *state, const ik_typed *event) {
  for (size_t i = 0; i < service->event_count; i++) {
    const ik_event *known = &service->events[i];
    if (known->fold == NULL || !ik_is(event->type_name, known->type->name)) continue;
    void *decoded = ik_allocate(known->type->size, 8);
    const char *problem = ik_decode(known->type, event->data, decoded);
    if (problem != NULL) ik_fault("a stored event is no %s: %s", known->type->name, problem);
    known->fold(state, decoded);
    return;
  }
  ik_fault("the service does not fold the event %.*s", IK_ARG(event->type_name));
}

void ik_emit_event(ik_context *context, const ik_message_type *type, const void *event, ik_fold *fold) {
  if (context->state == NULL) ik_fault("the event %s is emitted where there is no command", type->name);
  ik_bytes data = ik_encode(type, event);
  *IK_PUSH(&context->events, &context->events_room, ik_typed) = (ik_typed){ik_text_of(type->name), data};
  void *decoded = ik_allocate(type->size, 8);
  const char *problem = ik_decode(type, data, decoded);
  if (problem != NULL) ik_fault("the event %s cannot be read again: %s", type->name, problem);
  fold(context->state, decoded);
}

void ik_guest_event_sourced_decide(ik_text name, ik_text entity, const ik_basis *basis, const ik_command_list *commands,
                                   bool want_state, ik_decide_answer *answer) {
  const ik_service *service = ik_find_service(name, IK_KIND_EVENT_SOURCED);
  if (basis->kind == IK_BASIS_HELD) {
    answer->unknown = true;
    return;
  }
  ik_decision *decisions = memset(ik_allocate_array(commands->count, sizeof *decisions), 0,
                                  commands->count * sizeof *decisions);
  answer->decisions = (ik_decision_list){decisions, commands->count};
  void *state = ik_state_of(service, basis);
  bool is_changed = want_state;
  for (size_t i = 0; i < commands->count; i++) {
    ik_context context;
    void *request, *reply = NULL;
    ik_begin_command(&context, service, entity, &commands->items[i]);
    context.state = state;
    ik_answer said = ik_request(&context, &commands->items[i], &request);
    if (said == IK_SILENT) {
      reply = ik_new_reply(context.method);
      said = context.method->handle(state, request, reply, &context);
    }
    ik_put_outcome(&context, said, reply, false, &decisions[i].outcome);
    if (context.events.count == 0) continue;
    if (said != IK_REFUSAL) {
      decisions[i].events = context.events;
      is_changed = true;
      continue;
    }
    // The state has the events of a refused command: from the beginning, without them.
    state = ik_state_of(service, basis);
    for (size_t before = 0; before < i; before++)
      for (size_t event = 0; event < decisions[before].events.count; event++)
        ik_fold_event(service, state, &decisions[before].events.items[event]);
  }
  if (!is_changed) return;
  answer->next.kind = IK_NEXT_STATE;
  answer->next.value.state = ik_encode(service->state, state);
}

void ik_guest_event_sourced_evolve(ik_text name, ik_text entity, const ik_basis *basis, const ik_typed_list *events,
                                   bool want_state, ik_evolve_answer *answer) {
  (void)entity;
  (void)want_state;
  const ik_service *service = ik_find_service(name, IK_KIND_EVENT_SOURCED);
  if (basis->kind == IK_BASIS_HELD) {
    answer->kind = IK_EVOLVED_UNKNOWN;
    return;
  }
  void *state = ik_state_of(service, basis);
  for (size_t i = 0; i < events->count; i++) ik_fold_event(service, state, &events->items[i]);
  answer->value.state = ik_encode(service->state, state);
}

// Value

void ik_guest_value_decide(ik_text name, ik_text entity, const ik_basis *basis, const ik_command_list *commands,
                           ik_value_answer *answer) {
  const ik_service *service = ik_find_service(name, IK_KIND_VALUE);
  if (basis->kind == IK_BASIS_HELD) {
    answer->unknown = true;
    return;
  }
  ik_value_decision *decisions = memset(ik_allocate_array(commands->count, sizeof *decisions), 0,
                                        commands->count * sizeof *decisions);
  answer->decisions = (ik_value_decision_list){decisions, commands->count};
  bool is_there = basis->kind == IK_BASIS_BYTES;
  ik_bytes bytes = basis->bytes;
  void *value = NULL;
  for (size_t i = 0; i < commands->count; i++) {
    ik_value_decision *decision = &decisions[i];
    ik_context context;
    void *request, *reply = NULL;
    ik_begin_command(&context, service, entity, &commands->items[i]);
    ik_answer said = ik_request(&context, &commands->items[i], &request);
    if (said == IK_SILENT) {
      if (is_there && value == NULL) {
        value = ik_allocate(service->state->size, 8);
        const char *problem = ik_decode(service->state, bytes, value);
        if (problem != NULL) ik_fault("the stored value is no %s: %s", service->state->name, problem);
      }
      reply = ik_new_reply(context.method);
      said = context.method->handle(is_there ? value : NULL, request, reply, &context);
    }
    ik_put_outcome(&context, said, reply, false, &decision->outcome);
    if (said == IK_REFUSAL) continue;
    if (context.is_updated) {
      decision->change = IK_CHANGE_UPDATED;
      decision->value = bytes = context.updated;
      is_there = true;
      value = NULL;
    } else if (context.is_removed) {
      decision->change = IK_CHANGE_DELETED;
      is_there = false;
      value = NULL;
    }
  }
}

// Action
//
// A1. A stream's state goes out and comes in with every step, behind one byte of flags. Nothing of it is kept here.
// A2. One `next` a call: a slow client slows the stream. What arrives in between is no answer to it: it still holds.
// A3. Inputs are taken in order, and none after the end. What a step's effects do comes before its elements.

static ik_outcome *ik_new_element(ik_context *context) {
  ik_outcome *outcome = IK_PUSH(&context->elements, &context->elements_room, ik_outcome);
  memset(outcome, 0, sizeof *outcome);
  return outcome;
}

void ik_emit_element(ik_context *context, const void *element) {
  ik_bytes data = ik_encode(context->method->reply, element);
  ik_new_element(context)->answer.reply.value.message = data;
}

void ik_emit_forward(ik_context *context, ik_call call) {
  ik_outcome *outcome = ik_new_element(context);
  outcome->answer.reply.kind = IK_REPLY_FORWARD;
  outcome->answer.reply.value.forward = call;
}

void ik_guest_action_call(ik_text name, const ik_command_list *commands, ik_outcome_list *answer) {
  const ik_service *service = ik_find_service(name, IK_KIND_ACTION);
  ik_outcome *outcomes = memset(ik_allocate_array(commands->count, sizeof *outcomes), 0,
                                commands->count * sizeof *outcomes);
  *answer = (ik_outcome_list){outcomes, commands->count};
  for (size_t i = 0; i < commands->count; i++) {
    ik_context context;
    void *request, *reply = NULL;
    ik_begin_command(&context, service, (ik_text){NULL, 0}, &commands->items[i]);
    ik_answer said = ik_request(&context, &commands->items[i], &request);
    if (said == IK_SILENT) {
      if (context.method->shape != IK_UNARY) ik_fault("%s streams, and was called as a unary method", context.method->name);
      reply = ik_new_reply(context.method);
      said = context.method->handle(NULL, request, reply, &context);
    }
    ik_put_outcome(&context, said, reply, true, &outcomes[i]);
  }
}

enum { IK_FLAG_MORE = 1, IK_FLAG_CLOSED = 2 };

typedef struct {
  ik_context context;
  const ik_method *method;
  void *state;
  ik_outcome_list outputs;
  size_t outputs_room;
  bool wants_more, is_closed, is_done;
} ik_stream;

// It comes with what was logged since the last one.
static ik_outcome *ik_new_output(ik_stream *stream) {
  ik_outcome *outcome = IK_PUSH(&stream->outputs, &stream->outputs_room, ik_outcome);
  memset(outcome, 0, sizeof *outcome);
  outcome->logs = ik_heard();
  ik_hear();
  return outcome;
}

// An output that says nothing, but for its effects.
static void ik_put_silence(ik_stream *stream, ik_effect_list effects) {
  ik_outcome *outcome = ik_new_output(stream);
  outcome->answer.reply.kind = IK_REPLY_NONE;
  outcome->effects = effects;
}

// What the handler has said becomes outputs, and the next handler begins with nothing said.
static void ik_follow(ik_stream *stream, ik_answer answer, const void *reply) {
  ik_context *context = &stream->context;
  bool is_answer = answer == IK_REPLY || answer == IK_REFUSAL || answer == IK_FORWARD;
  if (!is_answer && context->effects.count != 0) ik_put_silence(stream, context->effects);
  for (size_t i = 0; i < context->elements.count; i++)
    ik_new_output(stream)->answer = context->elements.items[i].answer;
  if (is_answer) {
    if (answer == IK_REPLY && stream->method->shape != IK_CLIENT_STREAM)
      ik_fault("%s replies; what a stream says is emitted", stream->method->name);
    ik_put_answer(context, answer, reply, true, ik_new_output(stream));
    stream->is_done = true;
  } else if (answer == IK_MORE || answer == IK_SILENT || answer == IK_END) {
    if (stream->method->shape == IK_CLIENT_STREAM && (answer != IK_SILENT || stream->is_closed))
      ik_fault("%s answers with neither a reply nor a refusal nor a forward", stream->method->name);
    stream->wants_more |= answer == IK_MORE || stream->method->shape == IK_SERVER_STREAM;
    // Nothing can come of a stream that neither gets nor gives any more.
    stream->is_done = answer == IK_END || (stream->is_closed && !stream->wants_more);
  } else {
    ik_fault("a step of %s answers with what it cannot answer", stream->method->name);
  }
  context->code = 0;
  context->message = (ik_text){NULL, 0};
  context->details = (ik_typed_list){NULL, 0};
  context->effects = (ik_effect_list){NULL, 0};
  context->headers = (ik_metadata){NULL, 0};
  context->elements = (ik_outcome_list){NULL, 0};
  context->details_room = context->effects_room = context->headers_room = context->elements_room = 0;
}

static void ik_run_next(ik_stream *stream) {
  if (!stream->wants_more && stream->method->shape != IK_SERVER_STREAM) return;
  stream->wants_more = false;
  ik_follow(stream, stream->method->next(stream->state, NULL, NULL, &stream->context), NULL);
}

// True if the stream goes on. What the start of a server stream says comes with the first step.
static bool ik_started(ik_stream *stream, ik_answer answer) {
  if (answer != IK_SILENT && answer != IK_REFUSAL)
    ik_fault("the start of %s answers with what it cannot answer", stream->method->name);
  if (answer == IK_REFUSAL || stream->method->shape != IK_SERVER_STREAM) ik_follow(stream, answer, NULL);
  return answer == IK_SILENT;
}

static void ik_take_item(ik_stream *stream, ik_bytes payload) {
  const ik_method *method = stream->method;
  void *request = ik_allocate(method->request->size, 8);
  const char *problem = ik_decode(method->request, payload, request);
  if (problem != NULL) {
    ik_answer refusal = ik_refuse(&stream->context, IK_INVALID_ARGUMENT, "the request is no %s: %s", method->request->name,
                                  problem);
    ik_follow(stream, refusal, NULL);
    return;
  }
  if (method->shape == IK_SERVER_STREAM) {
    if (ik_started(stream, method->start(stream->state, request, NULL, &stream->context))) ik_run_next(stream);
    return;
  }
  void *reply = method->shape == IK_CLIENT_STREAM ? ik_new_reply(method) : NULL;
  ik_follow(stream, method->handle(stream->state, request, reply, &stream->context), reply);
}

static void ik_take_input(ik_stream *stream, const ik_input *input) {
  const ik_method *method = stream->method;
  switch (input->kind) {
    case IK_INPUT_START:
      stream->context.metadata = &input->value.start;
      // The request of a server stream is an item that follows at once.
      if (method->shape != IK_SERVER_STREAM)
        ik_started(stream, method->start(stream->state, NULL, NULL, &stream->context));
      return;
    case IK_INPUT_ITEM:
      ik_take_item(stream, input->value.item);
      return;
    case IK_INPUT_END:
      if (method->shape == IK_SERVER_STREAM) return;
      stream->is_closed = true;
      void *reply = method->shape == IK_CLIENT_STREAM ? ik_new_reply(method) : NULL;
      ik_follow(stream, method->end(stream->state, NULL, reply, &stream->context), reply);
      return;
    default:
      stream->is_done = true;
      method->cancelled(stream->state, NULL, NULL, &stream->context);
      if (stream->context.effects.count != 0) ik_put_silence(stream, stream->context.effects);
  }
}

void ik_guest_action_stream(ik_text name, ik_text method, const ik_bytes *state, const ik_input_list *inputs, double now_ms,
                            const uint32_t *seed, ik_action_step *answer) {
  static const ik_metadata no_metadata;
  ik_stream stream = {0};
  ik_context *context = &stream.context;
  context->service = ik_find_service(name, IK_KIND_ACTION);
  context->now_ms = now_ms;
  context->seed = seed;
  context->metadata = &no_metadata;
  ik_hear();
  context->method = stream.method = ik_find_method(context->service, method);
  if (stream.method == NULL) {
    ik_answer refusal = ik_refuse(context, IK_UNIMPLEMENTED, "%s has no method %.*s", context->service->name, IK_ARG(method));
    ik_put_answer(context, refusal, NULL, true, ik_new_output(&stream));
    stream.is_done = true;
  } else {
    const ik_message_type *type = stream.method->state;
    if (stream.method->shape == IK_UNARY) ik_fault("%s does not stream, and was called as a stream", stream.method->name);
    bool has_state = state != NULL && state->length > 0;
    uint8_t flags = has_state ? state->data[0] : 0;
    ik_bytes bytes = has_state ? (ik_bytes){state->data + 1, state->length - 1} : (ik_bytes){NULL, 0};
    stream.wants_more = (flags & IK_FLAG_MORE) != 0;
    stream.is_closed = (flags & IK_FLAG_CLOSED) != 0;
    stream.state = ik_allocate(type->size, 8);
    const char *problem = ik_decode(type, bytes, stream.state);
    if (problem != NULL) ik_fault("the state of the stream is no %s: %s", type->name, problem);
    if (inputs->count == 0) ik_run_next(&stream);
    for (size_t i = 0; i < inputs->count && !stream.is_done; i++) ik_take_input(&stream, &inputs->items[i]);
  }
  if (ik_logs.lines.count != 0) ik_put_silence(&stream, (ik_effect_list){NULL, 0});
  answer->outputs = stream.outputs;
  answer->done = stream.is_done;
  if (stream.is_done) return;
  answer->more = stream.wants_more;
  ik_writer writer = {0};
  stream.method->state->write(&writer, stream.state);
  *ik_put_space(&writer, 1) = (uint8_t)((stream.wants_more ? IK_FLAG_MORE : 0) | (stream.is_closed ? IK_FLAG_CLOSED : 0));
  answer->state = (ik_optional_bytes){true, {writer.at, (size_t)(writer.end - writer.at)}};
}

// Replicated
//
// R1. A draft is the view, decoded as far as it is looked at, with the operations in it.
// R2. Whatever an operation needs and the draft has not (the entity, entries on the way, the value itself) is created first.
// R3. A look at what only the host knows makes the answer `after`: its note is the number of operations and the old view. From
//     them `render` lets the handler decide again, and puts the new view in the place of the draft at the last operation.
// R4. The note of a subscription is the request that opened it.

typedef struct ik_node ik_node;

typedef struct {
  ik_bytes key;
  // Of a map.
  ik_node *value;
} ik_entry;

struct ik_node {
  // 0: only the host knows what is there.
  uint8_t kind;
  // Not decoded yet: bytes of the message of the kind.
  bool is_lazy;
  bool is_partial;
  // The register, or the size, is known to the host alone.
  bool is_unknown;
  ik_bytes source;
  uint64_t number;
  ik_bytes bytes;
  ik_vote vote;
  // Ascending by key.
  ik_entry *entries;
  size_t count, room;
  uint64_t size;
};

typedef struct ik_place {
  const struct ik_place *outer;
  ik_bytes key;
} ik_place;

typedef struct {
  const ik_place *place;
  // The number of the field of innkeeper.crdt.v1.Operation.
  uint32_t field;
  uint64_t number;
  ik_bytes bytes;
  ik_clock clock;
} ik_operation;

typedef struct {
  ik_operation *items;
  size_t count;
} ik_operation_list;

typedef struct ik_draft {
  uint8_t kind;
  // Null: the entity does not exist.
  ik_node *root;
  bool is_partial;
  bool is_fixed;
  bool is_undecided;
  ik_operation_list operations;
  size_t operations_room;
  // At this operation the host's view takes the draft's place.
  size_t turn_at;
  ik_node *turn_to;
  size_t asked;
} ik_draft;

enum {
  IK_OP_CREATE = 2,
  IK_OP_INCREMENT,
  IK_OP_ADD,
  IK_OP_INSERT,
  IK_OP_REMOVE,
  IK_OP_CLEAR,
  IK_OP_ASSIGN,
  IK_OP_ENABLE,
  IK_OP_VOTE
};

static ik_node *ik_new_node(uint8_t kind) {
  ik_node *node = ik_allocate_zeroed(sizeof *node);
  node->kind = kind;
  node->vote.voters = 1;
  return node;
}

static void ik_check_view(const ik_reader *reader) {
  if (reader->problem != NULL) ik_fault("the view is no innkeeper.crdt.v1.View");
}

static ik_reader ik_reader_of(ik_bytes bytes) {
  static const uint8_t none;
  const uint8_t *data = bytes.length == 0 ? &none : bytes.data;
  return (ik_reader){data, data + bytes.length, NULL, 0};
}

// A message Value: its kind, and the bytes of what is in it. Null if it has none.
static ik_node *ik_read_value(ik_bytes bytes) {
  ik_node *node = NULL;
  ik_reader reader = ik_reader_of(bytes);
  while (ik_more(&reader)) {
    uint32_t tag = ik_read_tag(&reader);
    if ((tag & 7) == 2 && tag >> 3 <= IK_VOTE) {
      node = ik_new_node((uint8_t)(tag >> 3));
      node->is_lazy = true;
      node->source = ik_read_bytes(&reader);
    } else {
      ik_skip(&reader, tag);
    }
  }
  ik_check_view(&reader);
  return node;
}

static ik_node *ik_read_view(ik_bytes bytes, bool *is_partial) {
  ik_reader reader = ik_reader_of(bytes);
  bool exists = false;
  ik_bytes value = {NULL, 0};
  while (ik_more(&reader)) {
    uint32_t tag = ik_read_tag(&reader);
    if (tag == 8)
      exists = ik_read_varint(&reader) != 0;
    else if (tag == 18)
      value = ik_read_bytes(&reader);
    else if (tag == 24)
      *is_partial = ik_read_varint(&reader) != 0;
    else
      ik_skip(&reader, tag);
  }
  ik_check_view(&reader);
  if (!exists) return NULL;
  ik_node *root = ik_read_value(value);
  if (root == NULL) root = ik_new_node(0);
  root->is_partial = *is_partial;
  return root;
}

// Where the key is, or belongs.
static bool ik_find_entry(const ik_node *node, ik_bytes key, size_t *at) {
  size_t low = 0, high = node->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = ik_compare(node->entries[middle].key, key);
    if (order == 0) {
      *at = middle;
      return true;
    }
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  *at = low;
  return false;
}

static void ik_insert_entry(ik_node *node, size_t at, ik_entry entry) {
  node->entries = ik_grow(node->entries, node->count, &node->room, sizeof entry);
  memmove(node->entries + at + 1, node->entries + at, (node->count - at) * sizeof entry);
  node->entries[at] = entry;
  node->count++;
}

static ik_entry ik_read_entry(ik_reader *reader, bool is_map) {
  if (!is_map) return (ik_entry){ik_read_bytes(reader), NULL};
  const uint8_t *outer = ik_enter(reader);
  ik_entry entry = {{NULL, 0}, NULL};
  ik_bytes value = {NULL, 0};
  while (ik_more(reader)) {
    uint32_t tag = ik_read_tag(reader);
    if (tag == 10)
      entry.key = ik_read_bytes(reader);
    else if (tag == 18)
      value = ik_read_bytes(reader);
    else
      ik_skip(reader, tag);
  }
  ik_leave(reader, outer);
  entry.value = ik_read_value(value);
  return entry;
}

// Decode what the node holds, one level deep.
static void ik_settle(ik_node *node) {
  if (!node->is_lazy) return;
  node->is_lazy = false;
  bool has_entries = node->kind == IK_G_SET || node->kind == IK_OR_SET || node->kind == IK_OR_MAP;
  ik_reader reader = ik_reader_of(node->source);
  while (ik_more(&reader)) {
    uint32_t tag = ik_read_tag(&reader);
    if (has_entries && tag == 10) {
      ik_entry entry = ik_read_entry(&reader, node->kind == IK_OR_MAP);
      size_t at = node->count;
      // The host's are ascending; others would be put where they belong.
      bool is_next = at == 0 || ik_compare(node->entries[at - 1].key, entry.key) < 0;
      if (is_next || !ik_find_entry(node, entry.key, &at)) ik_insert_entry(node, at, entry);
    } else if (has_entries && tag == 16) {
      node->size = ik_read_varint(&reader);
    } else if (node->kind == IK_G_COUNTER && tag == 8) {
      node->number = ik_read_varint(&reader);
    } else if (node->kind == IK_PN_COUNTER && tag == 8) {
      node->number = (uint64_t)ik_read_sint64(&reader);
    } else if (node->kind == IK_LWW_REGISTER && tag == 10) {
      node->bytes = ik_read_bytes(&reader);
    } else if (node->kind == IK_FLAG && tag == 8) {
      node->number = ik_read_varint(&reader) != 0;
    } else if (node->kind == IK_VOTE && tag == 8) {
      node->vote.self = ik_read_varint(&reader) != 0;
    } else if (node->kind == IK_VOTE && tag == 16) {
      node->vote.votes_for = (uint32_t)ik_read_varint(&reader);
    } else if (node->kind == IK_VOTE && tag == 24) {
      node->vote.voters = (uint32_t)ik_read_varint(&reader);
    } else {
      ik_skip(&reader, tag);
    }
  }
  ik_check_view(&reader);
  if (node->size < node->count) node->size = node->count;
}

// What is at the place, decoded; null if nothing is.
static ik_node *ik_find_node(ik_draft *draft, const ik_place *place) {
  ik_node *node;
  if (place == NULL) {
    node = draft->root;
  } else {
    ik_node *outer = ik_find_node(draft, place->outer);
    size_t at;
    if (outer == NULL) return NULL;
    if (outer->kind == 0) return outer;
    if (outer->kind != IK_OR_MAP) ik_fault("a key of what is no map");
    node = ik_find_entry(outer, place->key, &at) ? outer->entries[at].value : NULL;
  }
  if (node != NULL) ik_settle(node);
  return node;
}

// The node, if it is of this kind.
static ik_node *ik_look(ik_view view, uint8_t kind) {
  ik_node *node = ik_find_node(view.draft, view.place);
  if (node == NULL) return NULL;
  if (node->kind == 0) {
    view.draft->is_undecided = true;
    return NULL;
  }
  if (node->kind != kind && !(kind == IK_G_SET && node->kind == IK_OR_SET)) ik_fault("the value is of another kind");
  return node;
}

bool ik_exists(ik_view view) {
  ik_node *node = ik_find_node(view.draft, view.place);
  if (node != NULL && node->kind == 0) view.draft->is_undecided = true;
  return node != NULL;
}

uint64_t ik_g_counter(ik_view view) {
  const ik_node *node = ik_look(view, IK_G_COUNTER);
  return node == NULL ? 0 : node->number;
}

int64_t ik_pn_counter(ik_view view) {
  const ik_node *node = ik_look(view, IK_PN_COUNTER);
  return node == NULL ? 0 : (int64_t)node->number;
}

static size_t ik_size(ik_view view, uint8_t kind) {
  const ik_node *node = ik_look(view, kind);
  if (node == NULL) return 0;
  if (node->is_unknown) view.draft->is_undecided = true;
  return (size_t)node->size;
}

static bool ik_has(ik_view view, uint8_t kind, ik_bytes key) {
  const ik_node *node = ik_look(view, kind);
  size_t at;
  return node != NULL && ik_find_entry(node, key, &at);
}

static bool ik_iterate(ik_view view, uint8_t kind, size_t *at, ik_bytes *key) {
  const ik_node *node = ik_look(view, kind);
  if (node == NULL || *at >= node->count) return false;
  *key = node->entries[(*at)++].key;
  return true;
}

size_t ik_set_size(ik_view view) {
  return ik_size(view, IK_G_SET);
}

bool ik_set_has(ik_view view, ik_bytes element) {
  return ik_has(view, IK_G_SET, element);
}

bool ik_set_next(ik_view view, size_t *at, ik_bytes *element) {
  return ik_iterate(view, IK_G_SET, at, element);
}

size_t ik_map_size(ik_view view) {
  return ik_size(view, IK_OR_MAP);
}

bool ik_map_has(ik_view view, ik_bytes key) {
  return ik_has(view, IK_OR_MAP, key);
}

bool ik_map_next(ik_view view, size_t *at, ik_bytes *key) {
  return ik_iterate(view, IK_OR_MAP, at, key);
}

ik_view ik_map_at(ik_view view, ik_bytes key) {
  ik_place *place = ik_allocate(sizeof *place, 8);
  *place = (ik_place){view.place, ik_copy(key)};
  return (ik_view){view.draft, place};
}

ik_bytes ik_register(ik_view view, ik_bytes otherwise) {
  const ik_node *node = ik_look(view, IK_LWW_REGISTER);
  if (node == NULL) return otherwise;
  if (node->is_unknown) view.draft->is_undecided = true;
  return node->bytes;
}

bool ik_flag(ik_view view) {
  const ik_node *node = ik_look(view, IK_FLAG);
  return node != NULL && node->number != 0;
}

ik_vote ik_votes(ik_view view) {
  const ik_node *node = ik_look(view, IK_VOTE);
  return node == NULL ? (ik_vote){false, 0, 1} : node->vote;
}

// Operations

static void ik_note_operation(ik_draft *draft, ik_operation operation) {
  *IK_PUSH(&draft->operations, &draft->operations_room, ik_operation) = operation;
}

// The node at the place for an operation of this kind, created where it is not there.
static ik_node *ik_reach(ik_draft *draft, const ik_place *place, uint8_t kind, bool *is_new) {
  *is_new = false;
  if (place == NULL) {
    if (kind != draft->kind) ik_fault("an operation of another kind than the value");
    if (draft->root == NULL) {
      draft->root = ik_new_node(kind);
      *is_new = true;
      ik_note_operation(draft, (ik_operation){NULL, IK_OP_CREATE, kind, {NULL, 0}, IK_CLOCK_DEFAULT});
    }
    ik_settle(draft->root);
    return draft->root;
  }
  ik_node *outer = ik_reach(draft, place->outer, IK_OR_MAP, is_new);
  size_t at;
  *is_new = false;
  ik_node *node = NULL;
  if (outer->kind == IK_OR_MAP && ik_find_entry(outer, place->key, &at)) {
    node = outer->entries[at].value;
  } else {
    // Of what the view does not hold nothing is known but that it is there from now on.
    bool is_known = outer->kind == IK_OR_MAP && !outer->is_partial;
    node = ik_new_node(is_known ? kind : 0);
    *is_new = is_known;
    if (outer->kind == IK_OR_MAP) {
      ik_insert_entry(outer, at, (ik_entry){place->key, node});
      outer->size++;
      if (!is_known) outer->is_unknown = true;
    }
    ik_note_operation(draft, (ik_operation){place, IK_OP_CREATE, kind, {NULL, 0}, IK_CLOCK_DEFAULT});
  }
  if (node == NULL) ik_fault("an entry of the view has no value");
  ik_settle(node);
  return node;
}

static void ik_change_node(ik_node *node, bool is_new, const ik_operation *operation) {
  if (node->kind == 0) return;
  size_t at;
  switch (operation->field) {
    case IK_OP_INCREMENT:
    case IK_OP_ADD:
      node->number += operation->number;
      return;
    case IK_OP_INSERT:
      if (ik_find_entry(node, operation->bytes, &at)) return;
      ik_insert_entry(node, at, (ik_entry){operation->bytes, NULL});
      node->size++;
      node->is_unknown |= node->is_partial;
      return;
    case IK_OP_REMOVE:
      if (!ik_find_entry(node, operation->bytes, &at)) {
        node->is_unknown |= node->is_partial;
        return;
      }
      node->count--;
      memmove(node->entries + at, node->entries + at + 1, (node->count - at) * sizeof *node->entries);
      // The room behind the last entry is taken as far as others know.
      node->room = 0;
      node->size--;
      return;
    case IK_OP_CLEAR:
      node->count = node->room = 0;
      node->size = 0;
      node->is_partial = node->is_unknown = false;
      return;
    case IK_OP_ASSIGN:
      // The default clock and the incrementing one are always later than what is there.
      node->is_unknown = !is_new && (operation->clock == IK_CLOCK_REVERSE || operation->clock == IK_CLOCK_CUSTOM);
      if (!node->is_unknown) node->bytes = operation->bytes;
      return;
    case IK_OP_ENABLE:
      node->number = 1;
      return;
    default:
      if (node->vote.self == (operation->number != 0)) return;
      node->vote.self = operation->number != 0;
      node->vote.votes_for += node->vote.self ? 1 : (uint32_t)-1;
  }
}

static void ik_operate(ik_view view, uint8_t kind, ik_operation operation) {
  ik_draft *draft = view.draft;
  if (draft->is_fixed) ik_fault("an operation where the value can only be looked at");
  bool is_new;
  operation.place = view.place;
  ik_node *node = ik_reach(draft, view.place, kind, &is_new);
  if (node->kind != kind && node->kind != 0) ik_fault("an operation of another kind than the value");
  ik_note_operation(draft, operation);
  ik_change_node(node, is_new, &operation);
  if (++draft->asked == draft->turn_at) draft->root = draft->turn_to;
}

void ik_g_counter_add(ik_view view, uint64_t amount) {
  ik_operate(view, IK_G_COUNTER, (ik_operation){.field = IK_OP_INCREMENT, .number = amount});
}

void ik_pn_counter_add(ik_view view, int64_t amount) {
  ik_operate(view, IK_PN_COUNTER, (ik_operation){.field = IK_OP_ADD, .number = (uint64_t)amount});
}

void ik_g_set_add(ik_view view, ik_bytes element) {
  ik_operate(view, IK_G_SET, (ik_operation){.field = IK_OP_INSERT, .bytes = ik_copy(element)});
}

void ik_or_set_add(ik_view view, ik_bytes element) {
  ik_operate(view, IK_OR_SET, (ik_operation){.field = IK_OP_INSERT, .bytes = ik_copy(element)});
}

void ik_or_set_remove(ik_view view, ik_bytes element) {
  ik_operate(view, IK_OR_SET, (ik_operation){.field = IK_OP_REMOVE, .bytes = ik_copy(element)});
}

void ik_or_set_clear(ik_view view) {
  ik_operate(view, IK_OR_SET, (ik_operation){.field = IK_OP_CLEAR, .number = 1});
}

void ik_register_set(ik_view view, ik_bytes value) {
  ik_register_set_with(view, value, IK_CLOCK_DEFAULT, 0);
}

void ik_register_set_with(ik_view view, ik_bytes value, ik_clock clock, int64_t custom_clock) {
  ik_operate(view, IK_LWW_REGISTER,
             (ik_operation){.field = IK_OP_ASSIGN, .number = (uint64_t)custom_clock, .bytes = ik_copy(value), .clock = clock});
}

void ik_flag_enable(ik_view view) {
  ik_operate(view, IK_FLAG, (ik_operation){.field = IK_OP_ENABLE, .number = 1});
}

void ik_map_create(ik_view view, ik_bytes key, ik_crdt kind) {
  ik_draft *draft = view.draft;
  if (draft->is_fixed) ik_fault("an operation where the value can only be looked at");
  bool is_new;
  ik_node *node = ik_reach(draft, ik_map_at(view, key).place, kind, &is_new);
  if (node->kind != kind && node->kind != 0) ik_fault("an operation of another kind than the value");
  if (++draft->asked == draft->turn_at) draft->root = draft->turn_to;
}

void ik_map_remove(ik_view view, ik_bytes key) {
  ik_operate(view, IK_OR_MAP, (ik_operation){.field = IK_OP_REMOVE, .bytes = ik_copy(key)});
}

void ik_map_clear(ik_view view) {
  ik_operate(view, IK_OR_MAP, (ik_operation){.field = IK_OP_CLEAR, .number = 1});
}

void ik_vote_set(ik_view view, bool self) {
  ik_operate(view, IK_VOTE, (ik_operation){.field = IK_OP_VOTE, .number = self});
}

// Messages of innkeeper.crdt.v1; everything last to first (ik_writer).
static void ik_put_operation(ik_writer *writer, const ik_operation *operation) {
  size_t opened = ik_open(writer);
  switch (operation->field) {
    case IK_OP_INSERT:
    case IK_OP_REMOVE:
      ik_put_field(writer, operation->field << 3 | 2, operation->bytes);
      break;
    case IK_OP_ADD:
      ik_put_number(writer, operation->field << 3, ik_zigzag64((int64_t)operation->number));
      break;
    case IK_OP_ASSIGN: {
      size_t assign = ik_open(writer);
      if (operation->number != 0) ik_put_number(writer, 24, operation->number);
      if (operation->clock != IK_CLOCK_DEFAULT) ik_put_number(writer, 16, operation->clock);
      if (operation->bytes.length != 0) ik_put_field(writer, 10, operation->bytes);
      ik_close(writer, IK_OP_ASSIGN << 3 | 2, assign);
      break;
    }
    default:
      ik_put_number(writer, operation->field << 3, operation->number);
  }
  for (const ik_place *place = operation->place; place != NULL; place = place->outer) ik_put_field(writer, 10, place->key);
  ik_close(writer, 10, opened);
}

static ik_bytes ik_encode_operations(const ik_operation_list *operations, ik_consistency consistency) {
  ik_writer writer = {0};
  if (consistency != IK_LOCAL) ik_put_number(&writer, 16, consistency);
  for (size_t i = operations->count; i-- > 0;) ik_put_operation(&writer, &operations->items[i]);
  return (ik_bytes){writer.at, (size_t)(writer.end - writer.at)};
}

static ik_draft ik_draft_of(const ik_service *service, ik_bytes view) {
  ik_draft draft = {.kind = service->crdt};
  draft.root = ik_read_view(view, &draft.is_partial);
  // `nothing` holds no value: what is there is not known, but for its size.
  if (draft.root != NULL && draft.root->kind == 0) draft.root->is_partial = true;
  return draft;
}

void ik_guest_replicated_reads(ik_text name, const ik_command *command, ik_bytes_list *answer) {
  const ik_service *service = ik_find_service(name, IK_KIND_REPLICATED);
  ik_context context;
  void *request;
  ik_begin_command(&context, service, (ik_text){NULL, 0}, command);
  // `decide` refuses what is no request.
  if (ik_request(&context, command, &request) != IK_SILENT) return;
  context.method->reads(NULL, request, NULL, &context);
  *answer = context.reads;
}

void ik_guest_replicated_decide(ik_text name, ik_text entity, ik_bytes view, const ik_command *command,
                                ik_replicated_decision *answer) {
  const ik_service *service = ik_find_service(name, IK_KIND_REPLICATED);
  ik_context context;
  ik_draft draft;
  void *request, *reply = NULL;
  ik_begin_command(&context, service, entity, command);
  ik_answer said = ik_request(&context, command, &request);
  if (said == IK_SILENT) {
    draft = ik_draft_of(service, view);
    ik_view root = {&draft, NULL};
    reply = ik_new_reply(context.method);
    said = context.method->handle(&root, request, reply, &context);
    if ((said == IK_STREAM || said == IK_STREAM_SILENT) && context.method->shape != IK_SERVER_STREAM)
      ik_fault("%s does not stream, and answers with a stream", context.method->name);
  }
  if (said == IK_REFUSAL) {
    ik_put_outcome(&context, said, NULL, false, &answer->value.now);
    return;
  }
  answer->is_deleted = context.is_removed;
  if (!context.is_removed) {
    if (draft.root == NULL && service->crdt == IK_LWW_REGISTER) {
      // A register's first value is a write: a decision on a new one that sets none sets the initial value.
      ik_register_set((ik_view){&draft, NULL}, service->options.initial);
    }
    if (said == IK_STREAM || said == IK_STREAM_SILENT) answer->subscribe = (ik_optional_bytes){true, command->payload};
  }
  answer->operations = ik_encode_operations(&draft.operations, context.consistency);
  if (!draft.is_undecided || draft.asked == 0) {
    if (draft.is_undecided && !context.is_removed) ik_fault("%s looks at what its view does not hold", context.method->name);
    ik_put_outcome(&context, said, reply, false, &answer->value.now);
    return;
  }
  ik_writer note = {0};
  memcpy(ik_put_space(&note, view.length), view.data, view.length);
  ik_put_fixed32(&note, (uint32_t)draft.asked);
  answer->answer = IK_ANSWER_AFTER;
  answer->value.after = (ik_bytes){note.at, (size_t)(note.end - note.at)};
}

void ik_guest_replicated_render(ik_text name, ik_text entity, ik_bytes view, const ik_command *command, ik_bytes note,
                                ik_outcome *answer) {
  const ik_service *service = ik_find_service(name, IK_KIND_REPLICATED);
  ik_context context;
  void *request;
  ik_begin_command(&context, service, entity, command);
  if (ik_request(&context, command, &request) != IK_SILENT) ik_fault("a command is to be rendered that was refused");
  ik_reader reader = ik_reader_of(note);
  uint32_t turn_at = ik_read_fixed32(&reader);
  ik_check_view(&reader);
  ik_draft draft = ik_draft_of(service, (ik_bytes){reader.at, (size_t)(reader.end - reader.at)});
  ik_draft after = ik_draft_of(service, view);
  draft.turn_at = turn_at;
  draft.turn_to = after.root;
  ik_view root = {&draft, NULL};
  void *reply = ik_new_reply(context.method);
  ik_answer said = context.method->handle(&root, request, reply, &context);
  ik_put_outcome(&context, said, reply, false, answer);
}

static const ik_method *ik_subscribed(const ik_service *service, ik_text name) {
  const ik_method *method = ik_find_method(service, name);
  if (method == NULL || method->changed == NULL) ik_fault("%.*s has no streams", IK_ARG(name));
  return method;
}

static void *ik_request_of(const ik_method *method, ik_bytes note) {
  void *request = ik_allocate(method->request->size, 8);
  const char *problem = ik_decode(method->request, note, request);
  if (problem != NULL) ik_fault("the note of the stream is no %s: %s", method->request->name, problem);
  return request;
}

static void ik_begin_occasion(ik_context *context, const ik_service *service, const ik_method *method, ik_text entity,
                              double now_ms) {
  static const ik_metadata no_metadata;
  *context = (ik_context){0};
  context->service = service;
  context->method = method;
  context->entity = entity;
  context->now_ms = now_ms;
  context->metadata = &no_metadata;
  ik_hear();
}

void ik_guest_replicated_changed(ik_text name, ik_text entity, ik_bytes view, const ik_subscription_list *subscriptions,
                                 double now_ms, ik_stream_step_list *answer) {
  const ik_service *service = ik_find_service(name, IK_KIND_REPLICATED);
  ik_stream_step *steps = memset(ik_allocate_array(subscriptions->count, sizeof *steps), 0,
                                 subscriptions->count * sizeof *steps);
  *answer = (ik_stream_step_list){steps, subscriptions->count};
  ik_draft draft = ik_draft_of(service, view);
  draft.is_fixed = true;
  ik_view root = {&draft, NULL};
  for (size_t i = 0; i < subscriptions->count; i++) {
    const ik_subscription *subscription = &subscriptions->items[i];
    ik_stream_step *step = &steps[i];
    ik_context context;
    ik_begin_occasion(&context, service, ik_subscribed(service, subscription->method), entity, now_ms);
    void *reply = ik_new_reply(context.method);
    void *request = ik_request_of(context.method, subscription->note);
    ik_answer said = context.method->changed(&root, request, reply, &context);
    step->subscription = subscription->id;
    step->end = said == IK_REFUSAL || said == IK_END || said == IK_END_REPLY;
    step->has_outcome = said == IK_REFUSAL || said == IK_EMIT || said == IK_END_REPLY || context.effects.count != 0 ||
                        ik_logs.lines.count != 0;
    if (!step->has_outcome && said != IK_SILENT && said != IK_END)
      ik_fault("%s answers a change with what it cannot answer", context.method->name);
    if (step->has_outcome)
      ik_put_outcome(&context, said == IK_SILENT || said == IK_END ? IK_STREAM_SILENT : said, reply, false, &step->outcome);
  }
}

void ik_guest_replicated_cancelled(ik_text name, ik_text entity, ik_bytes view, const ik_subscription *subscription,
                                   double now_ms, ik_replicated_decision *answer) {
  const ik_service *service = ik_find_service(name, IK_KIND_REPLICATED);
  ik_context context;
  ik_begin_occasion(&context, service, ik_subscribed(service, subscription->method), entity, now_ms);
  ik_draft draft = ik_draft_of(service, view);
  ik_view root = {&draft, NULL};
  context.method->cancelled(&root, ik_request_of(context.method, subscription->note), NULL, &context);
  ik_put_outcome(&context, IK_STREAM_SILENT, NULL, false, &answer->value.now);
  answer->is_deleted = context.is_removed;
  answer->operations = ik_encode_operations(&draft.operations, context.consistency);
}

// Elements: a message with the value as field 1, and no bytes at all for a default.

static ik_bytes ik_wrap(ik_writer *writer) {
  return (ik_bytes){writer->at, (size_t)(writer->end - writer->at)};
}

ik_bytes ik_text_element(ik_text text) {
  return ik_bytes_element(text);
}

ik_bytes ik_bytes_element(ik_bytes bytes) {
  ik_writer writer = {0};
  if (bytes.length != 0) ik_put_field(&writer, 10, bytes);
  return ik_wrap(&writer);
}

ik_bytes ik_int64_element(int64_t number) {
  ik_writer writer = {0};
  if (number != 0) ik_put_number(&writer, 8, (uint64_t)number);
  return ik_wrap(&writer);
}

ik_bytes ik_bool_element(bool value) {
  return ik_int64_element(value);
}

ik_bytes ik_element_bytes(ik_bytes element) {
  ik_reader reader = ik_reader_of(element);
  ik_bytes found = {NULL, 0};
  while (ik_more(&reader)) {
    uint32_t tag = ik_read_tag(&reader);
    if (tag == 10)
      found = ik_read_bytes(&reader);
    else
      ik_skip(&reader, tag);
  }
  return reader.problem == NULL ? found : (ik_bytes){NULL, 0};
}

ik_text ik_element_text(ik_bytes element) {
  ik_text text = ik_element_bytes(element);
  return ik_is_utf8(text) ? text : (ik_text){NULL, 0};
}

int64_t ik_element_int64(ik_bytes element) {
  ik_reader reader = ik_reader_of(element);
  int64_t found = 0;
  while (ik_more(&reader)) {
    uint32_t tag = ik_read_tag(&reader);
    if (tag == 8)
      found = (int64_t)ik_read_varint(&reader);
    else
      ik_skip(&reader, tag);
  }
  return reader.problem == NULL ? found : 0;
}

bool ik_element_bool(ik_bytes element) {
  return ik_element_int64(element) != 0;
}

// Views
//
// P1. A batch is projected change by change, each on the rows that the one before left, and these pass through bytes (law L7).
// P2. A change touches only rows that its keys name, and those that its entity has put: else a batch would be another than its changes.
// P3. Of a value, what its entity has put and does not put again is deleted; of an event nothing goes by itself.

// Finds what is in a list by a hash: slots that are at most half full, each with the index of an item plus 1.
typedef struct ik_slot {
  uint32_t hash;
  uint32_t index;
} ik_slot;

typedef struct ik_finder {
  ik_slot *slots;
  size_t size, count;
} ik_finder;

static uint32_t ik_hash(uint32_t hash, ik_text text) {
  for (size_t i = 0; i < text.length; i++) hash = (hash ^ text.data[i]) * 16777619u;
  return hash;
}

static const uint32_t ik_hash_start = 2166136261u;

// Room for one more.
static void ik_finder_grow(ik_finder *finder) {
  if ((finder->count + 1) * 2 <= finder->size) return;
  ik_finder grown = {NULL, finder->size == 0 ? 64 : finder->size * 2, finder->count};
  grown.slots = ik_allocate_zeroed(grown.size * sizeof *grown.slots);
  for (size_t i = 0; i < finder->size; i++) {
    ik_slot slot = finder->slots[i];
    if (slot.index == 0) continue;
    size_t at = slot.hash & (grown.size - 1);
    while (grown.slots[at].index != 0) at = (at + 1) & (grown.size - 1);
    grown.slots[at] = slot;
  }
  *finder = grown;
}

struct ik_rows {
  const ik_service *view;
  // Of the whole batch.
  ik_row_list table;
  size_t table_room;
  ik_finder finder;
  // Of one change.
  ik_bytes_list allowed;
  size_t allowed_room;
  // In the order in which they were touched first.
  ik_row_list puts;
  size_t puts_room;
  bool names_keys;
};

static ik_row *ik_row_at(const ik_row_list *list, ik_text key) {
  for (size_t i = 0; i < list->count; i++)
    if (ik_equal(list->items[i].key, key)) return &list->items[i];
  return NULL;
}

// The row in the table, or a new one that is not there.
static ik_row *ik_table_row(ik_rows *rows, ik_text key) {
  ik_finder_grow(&rows->finder);
  uint32_t hash = ik_hash(ik_hash_start, key);
  size_t mask = rows->finder.size - 1, at = hash & mask;
  for (; rows->finder.slots[at].index != 0; at = (at + 1) & mask) {
    ik_row *row = &rows->table.items[rows->finder.slots[at].index - 1];
    if (rows->finder.slots[at].hash == hash && ik_equal(row->key, key)) return row;
  }
  ik_row *added = IK_PUSH(&rows->table, &rows->table_room, ik_row);
  *added = (ik_row){ik_copy(key), {false, {NULL, 0}}};
  rows->finder.slots[at] = (ik_slot){hash, (uint32_t)rows->table.count};
  rows->finder.count++;
  return added;
}

static bool ik_has_key(const ik_bytes_list *keys, ik_text key) {
  for (size_t i = 0; i < keys->count; i++)
    if (ik_equal(keys->items[i], key)) return true;
  return false;
}

static void ik_add_key(ik_rows *rows, ik_text key) {
  if (!ik_has_key(&rows->allowed, key)) *IK_PUSH(&rows->allowed, &rows->allowed_room, ik_bytes) = key;
}

void ik_row_key(ik_rows *rows, ik_text key) {
  if (!rows->names_keys) ik_fault("keys are named by the function that is for them");
  ik_add_key(rows, ik_copy(key));
}

static void ik_check_key(const ik_rows *rows, ik_text key) {
  if (rows->names_keys) ik_fault("a function that names keys changes no rows");
  if (!ik_has_key(&rows->allowed, key)) ik_fault("the row \"%.*s\" is none that the change may touch; name its key", IK_ARG(key));
}

static void ik_set_row(ik_rows *rows, ik_text key, ik_optional_bytes bytes) {
  ik_check_key(rows, key);
  ik_row *there = ik_table_row(rows, key), *put = ik_row_at(&rows->puts, key);
  there->row = bytes;
  if (put == NULL) put = IK_PUSH(&rows->puts, &rows->puts_room, ik_row);
  *put = *there;
}

void ik_row_put(ik_rows *rows, ik_text key, const void *row) {
  ik_set_row(rows, key, (ik_optional_bytes){true, ik_encode(rows->view->state, row)});
}

void ik_row_delete(ik_rows *rows, ik_text key) {
  ik_set_row(rows, key, (ik_optional_bytes){false, {NULL, 0}});
}

// A message in the arena.
static void *ik_decoded(const ik_message_type *type, ik_bytes bytes) {
  void *message = ik_allocate_zeroed(type->size);
  const char *problem = ik_decode(type, bytes, message);
  if (problem != NULL) ik_fault("a view is given what is no %s: %s", type->name, problem);
  return message;
}

const void *ik_row_get(ik_rows *rows, ik_text key) {
  ik_check_key(rows, key);
  const ik_row *there = ik_table_row(rows, key);
  return there->row.present ? ik_decoded(rows->view->state, there->row.value) : NULL;
}

bool ik_row_next(ik_rows *rows, size_t *at, ik_text *key) {
  while (*at < rows->allowed.count) {
    *key = rows->allowed.items[(*at)++];
    if (ik_table_row(rows, *key)->row.present) return true;
  }
  return false;
}

static const ik_service *ik_view_named(ik_text name) {
  for (size_t i = 0; i < ik_service_count; i++)
    if (ik_services[i] != NULL && ik_services[i]->sources != NULL && ik_is(name, ik_services[i]->name)) return ik_services[i];
  ik_fault("the host asks only for views that were described");
}

static const ik_source *ik_source_of(const ik_service *view, const ik_view_change *came) {
  for (size_t i = 0; i < view->source_count; i++)
    if (ik_is(came->service, view->sources[i].service)) return &view->sources[i];
  ik_fault("the host brings changes only of sources that were described");
}

// Null: nothing comes of it.
static const ik_taken *ik_taken_of(const ik_service *view, const ik_view_change *came) {
  const ik_source *source = ik_source_of(view, came);
  for (size_t i = 0; i < source->take_count; i++) {
    const ik_message_type *type = source->takes[i].type;
    bool is_deleted = came->what == IK_WHAT_DELETED;
    if (is_deleted ? type == NULL : type != NULL && ik_is(came->message.type_name, type->name)) return &source->takes[i];
  }
  return NULL;
}

static ik_change ik_change_of(const ik_view_change *came) {
  return (ik_change){came->service, came->entity, (int64_t)came->sequence, (int64_t)came->at_ms};
}

static const void *ik_message_of(const ik_taken *take, const ik_view_change *came) {
  return take->type == NULL ? NULL : ik_decoded(take->type, came->message.data);
}

const ik_message_type ik_replica_type = {.name = "innkeeper.crdt.v1.View"};

// The value of a replicated entity, to look at.
static ik_draft ik_seen(const ik_taken *take, const ik_view_change *came) {
  ik_draft draft = {.kind = (uint8_t)take->crdt, .is_fixed = true};
  draft.root = ik_read_view(came->message.data, &draft.is_partial);
  return draft;
}

// The rows that the change may touch: its own, and then the former ones.
static void ik_allow(ik_rows *rows, const ik_view_change *came, const ik_bytes_list *former) {
  const ik_taken *take = ik_taken_of(rows->view, came);
  rows->allowed = (ik_bytes_list){NULL, 0};
  rows->allowed_room = 0;
  ik_change change = ik_change_of(came);
  rows->names_keys = true;
  if (take != NULL && (take->one != NULL || take->one_of != NULL)) ik_add_key(rows, came->entity);
  if (take != NULL && take->keys != NULL) take->keys(ik_message_of(take, came), &change, rows);
  if (take != NULL && take->keys_of != NULL) {
    ik_draft draft = ik_seen(take, came);
    take->keys_of((ik_view){&draft, NULL}, &change, rows);
  }
  rows->names_keys = false;
  for (size_t i = 0; i < former->count; i++) ik_add_key(rows, former->items[i]);
}

// The change before this one of the same entity, or -1; this one is then the last.
static ptrdiff_t ik_before(ik_finder *finder, const ik_view_change_list *changes, size_t index) {
  const ik_view_change *came = &changes->items[index];
  ik_finder_grow(finder);
  uint32_t hash = ik_hash(ik_hash(ik_hash_start, came->service), came->entity);
  size_t mask = finder->size - 1, at = hash & mask;
  for (; finder->slots[at].index != 0; at = (at + 1) & mask) {
    const ik_view_change *other = &changes->items[finder->slots[at].index - 1];
    if (finder->slots[at].hash == hash && ik_equal(other->entity, came->entity) && ik_equal(other->service, came->service)) break;
  }
  ik_slot before = finder->slots[at];
  if (before.index == 0) finder->count++;
  finder->slots[at] = (ik_slot){hash, (uint32_t)index + 1};
  return (ptrdiff_t)before.index - 1;
}

void ik_guest_view_keys(ik_text view, const ik_view_change_list *changes, ik_keys_list *answer) {
  ik_rows rows = {.view = ik_view_named(view)};
  answer->items = ik_allocate_array(changes->count, sizeof *answer->items);
  answer->count = changes->count;
  ik_finder entities = {NULL, 0, 0};
  for (size_t i = 0; i < changes->count; i++) {
    ik_allow(&rows, &changes->items[i], &changes->items[i].keys);
    // What an earlier change of the same call may put, a later one of its entity may find.
    ptrdiff_t before = ik_before(&entities, changes, i);
    for (size_t k = 0; before >= 0 && k < answer->items[before].count; k++) ik_add_key(&rows, answer->items[before].items[k]);
    answer->items[i] = rows.allowed;
  }
}

static void ik_run_taken(const ik_taken *take, ik_rows *rows, const ik_view_change *came) {
  ik_change change = ik_change_of(came);
  bool is_replica = take->type == &ik_replica_type;
  ik_draft draft = is_replica ? ik_seen(take, came) : (ik_draft){0};
  ik_view value = {&draft, NULL};
  if (take->one == NULL && take->one_of == NULL) {
    if (is_replica)
      take->project_of(value, &change, rows);
    else
      take->project(ik_message_of(take, came), &change, rows);
    return;
  }
  const void *there = ik_row_get(rows, came->entity);
  void *row = there == NULL ? ik_allocate_zeroed(rows->view->state->size) : (void *)there;
  ik_row_answer answer = is_replica ? take->one_of(value, row, &change) : take->one(ik_message_of(take, came), row, &change);
  if (answer == IK_PUT_ROW) ik_row_put(rows, came->entity, row);
  if (answer == IK_DELETE_ROW) ik_row_delete(rows, came->entity);
}

static void ik_project(ik_rows *rows, const ik_view_change *came, const ik_bytes_list *former) {
  const ik_taken *take = ik_taken_of(rows->view, came);
  if (take != NULL) ik_run_taken(take, rows, came);
  bool is_state = came->what == IK_WHAT_UPDATED ? take != NULL : came->what == IK_WHAT_DELETED && take == NULL;
  for (size_t i = 0; is_state && i < former->count; i++)
    if (ik_row_at(&rows->puts, former->items[i]) == NULL) ik_row_delete(rows, former->items[i]);
}

// The keys of the rows that an entity has put, after these puts.
static ik_bytes_list ik_keys_after(const ik_bytes_list *former, const ik_row_list *puts) {
  ik_bytes_list keys = {NULL, 0};
  size_t room = 0;
  for (size_t i = 0; i < former->count; i++)
    if (ik_row_at(puts, former->items[i]) == NULL) *IK_PUSH(&keys, &room, ik_bytes) = former->items[i];
  for (size_t i = 0; i < puts->count; i++)
    if (puts->items[i].row.present) *IK_PUSH(&keys, &room, ik_bytes) = puts->items[i].key;
  return keys;
}

void ik_guest_view_project(ik_text view, const ik_view_change_list *changes, const ik_row_list *before, ik_rows_list *answer) {
  ik_rows rows = {.view = ik_view_named(view)};
  for (size_t i = 0; i < before->count; i++) ik_table_row(&rows, before->items[i].key)->row = before->items[i].row;
  ik_bytes_list *after = ik_allocate_array(changes->count, sizeof *after);
  answer->items = ik_allocate_array(changes->count, sizeof *answer->items);
  answer->count = changes->count;
  ik_finder entities = {NULL, 0, 0};
  for (size_t i = 0; i < changes->count; i++) {
    ptrdiff_t earlier = ik_before(&entities, changes, i);
    const ik_bytes_list *former = earlier < 0 ? &changes->items[i].keys : &after[earlier];
    rows.puts = (ik_row_list){NULL, 0};
    rows.puts_room = 0;
    ik_allow(&rows, &changes->items[i], former);
    ik_project(&rows, &changes->items[i], former);
    answer->items[i] = rows.puts;
    after[i] = ik_keys_after(former, &rows.puts);
  }
}

// Description

// Beside the exports of views: a component without them has not even its code.
extern void ik_describe_views(ik_description *answer) __attribute__((weak));

static ik_optional_bytes ik_optional_text(const char *text) {
  if (text == NULL) return (ik_optional_bytes){false, {NULL, 0}};
  return (ik_optional_bytes){true, ik_text_of(text)};
}

static void ik_describe(const ik_service *service, ik_described_service *described) {
  const ik_options *options = &service->options;
  described->name = ik_text_of(service->name);
  described->kind = (uint8_t)*service->kind;
  described->persistence_id = ik_optional_text(options->persistence_id);
  described->snapshot_every = options->snapshot_every;
  described->passivate_after_ms = options->passivate_after_ms;
  described->state_type = ik_optional_text(service->state == NULL ? NULL : service->state->name);
  described->state_version = ik_optional_text(options->state_version);
  size_t room = 0;
  for (const char *const *header = options->headers; header != NULL && *header != NULL; header++)
    *IK_PUSH(&described->headers, &room, ik_bytes) = ik_text_of(*header);
  room = 0;
  for (const ik_view_option *view = options->views; view != NULL && view->method != NULL; view++) {
    ik_text field = view->field == NULL ? (ik_text){NULL, 0} : ik_text_of(view->field);
    *IK_PUSH(&described->views, &room, ik_method_view) = (ik_method_view){ik_text_of(view->method), view->view, field};
  }
  room = 0;
  for (size_t i = 0; i < service->event_count; i++)
    if (service->events[i].fold != NULL)
      *IK_PUSH(&described->events, &room, ik_bytes) = ik_text_of(service->events[i].type->name);
}

void ik_guest_describe(ik_description *answer) {
  answer->sdk_name = ik_text_of("innkeeper-c");
  answer->sdk_version = ik_text_of("0.1.0");
  answer->descriptors = (ik_bytes){ik_descriptors, ik_descriptors_length};
  if (ik_describe_views != NULL) ik_describe_views(answer);
  size_t room = 0;
  for (size_t i = 0; i < ik_service_count; i++) {
    if (ik_services[i] == NULL || ik_services[i]->sources != NULL) continue;
    ik_described_service *described = IK_PUSH(&answer->services, &room, ik_described_service);
    memset(described, 0, sizeof *described);
    ik_describe(ik_services[i], described);
  }
}

#endif
#endif
