// Innkeeper for C: write stateful services as pure functions, compiled to a WebAssembly component.
//
// One header, one source, no libc; C11, usable from C++. Three layers, each on the one before:
//   1. contract   the types of wit/*.wit as they lie in memory, an arena, and the functions that a component exports
//   2. messages   a reader and a writer for protobuf, which generated code drives
//   3. services   what an author writes against: contexts, answers, views of replicated values
// Another language's SDK builds on the first alone (IK_ABI_ONLY; README.md, "Below another language").
//
// A1. One arena: whatever a call allocates, its arguments and answers included, is gone once the host has read the answer.
//     Nothing of it may be kept between calls, least of all in a global.
// A2. No function of the host is called: a component has no imports.
#ifndef INNKEEPER_H
#define INNKEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __wasm__
#include <string.h>
#endif

#ifdef __cplusplus
#define IK_NORETURN [[noreturn]]
extern "C" {
#else
#define IK_NORETURN _Noreturn
#endif

#ifdef __wasm__
// All of the C library that there is.
void *memcpy(void *__restrict target, const void *__restrict source, size_t size);
void *memmove(void *target, const void *source, size_t size);
void *memset(void *target, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);
#endif

// ---------------------------------------------------------------------------------------------------------------------
// 1. Contract
// ---------------------------------------------------------------------------------------------------------------------

// `list<u8>`, and `string`, which is UTF-8. Not ended by 0; `data` may be anything where `length` is 0.
typedef struct ik_bytes {
  const uint8_t *data;
  size_t length;
} ik_bytes;
typedef ik_bytes ik_text;

// `option<list<u8>>`, `option<string>`.
typedef struct ik_optional_bytes {
  bool present;
  ik_bytes value;
} ik_optional_bytes;

typedef struct ik_bytes_list {
  ik_bytes *items;
  size_t count;
} ik_bytes_list;

// types.wit

typedef struct ik_metadata_entry {
  ik_text name;
  bool is_binary;
  ik_bytes value;
} ik_metadata_entry;

typedef struct ik_metadata {
  ik_metadata_entry *items;
  size_t count;
} ik_metadata;

typedef struct ik_typed {
  ik_text type_name;
  ik_bytes data;
} ik_typed;

typedef struct ik_typed_list {
  ik_typed *items;
  size_t count;
} ik_typed_list;

typedef struct ik_call {
  ik_text service;
  ik_text method;
  ik_bytes payload;
  ik_metadata metadata;
} ik_call;

typedef struct ik_command {
  ik_text method;
  ik_bytes payload;
  ik_metadata metadata;
  double now_ms;
  uint32_t seed[4];
} ik_command;

typedef struct ik_command_list {
  ik_command *items;
  size_t count;
} ik_command_list;

// google.rpc.Code without OK; the number on the wire is one more.
typedef enum ik_code {
  IK_CANCELLED,
  IK_UNKNOWN,
  IK_INVALID_ARGUMENT,
  IK_DEADLINE_EXCEEDED,
  IK_NOT_FOUND,
  IK_ALREADY_EXISTS,
  IK_PERMISSION_DENIED,
  IK_RESOURCE_EXHAUSTED,
  IK_FAILED_PRECONDITION,
  IK_ABORTED,
  IK_OUT_OF_RANGE,
  IK_UNIMPLEMENTED,
  IK_INTERNAL,
  IK_UNAVAILABLE,
  IK_DATA_LOSS,
  IK_UNAUTHENTICATED
} ik_code;

typedef struct ik_failure {
  uint8_t code;
  ik_text message;
  ik_typed_list details;
} ik_failure;

typedef struct ik_effect {
  ik_call call;
  bool synchronous;
} ik_effect;

typedef struct ik_effect_list {
  ik_effect *items;
  size_t count;
} ik_effect_list;

enum { IK_REPLY_MESSAGE, IK_REPLY_FORWARD, IK_REPLY_NONE };

typedef struct ik_wire_reply {
  uint8_t kind;
  union {
    ik_bytes message;
    ik_call forward;
  } value;
} ik_wire_reply;

typedef struct ik_outcome {
  bool is_failure;
  union {
    ik_wire_reply reply;
    ik_failure failure;
  } answer;
  ik_effect_list effects;
  ik_metadata metadata;
} ik_outcome;

typedef struct ik_outcome_list {
  ik_outcome *items;
  size_t count;
} ik_outcome_list;

// about.wit

enum { IK_KIND_EVENT_SOURCED, IK_KIND_VALUE, IK_KIND_REPLICATED, IK_KIND_ACTION };
enum { IK_VIEW_ALL, IK_VIEW_NOTHING, IK_VIEW_ELEMENT, IK_VIEW_DYNAMIC };

typedef struct ik_method_view {
  ik_text method;
  uint8_t view;
  // Of IK_VIEW_ELEMENT.
  ik_text field;
} ik_method_view;

typedef struct ik_method_view_list {
  ik_method_view *items;
  size_t count;
} ik_method_view_list;

typedef struct ik_described_service {
  ik_text name;
  uint8_t kind;
  ik_optional_bytes persistence_id;
  int32_t snapshot_every;
  uint32_t passivate_after_ms;
  ik_optional_bytes state_type;
  ik_optional_bytes state_version;
  ik_bytes_list headers;
  ik_method_view_list views;
} ik_described_service;

typedef struct ik_described_service_list {
  ik_described_service *items;
  size_t count;
} ik_described_service_list;

typedef struct ik_description {
  ik_text sdk_name;
  ik_text sdk_version;
  ik_described_service_list services;
  ik_bytes descriptors;
} ik_description;

// event-sourced.wit and value.wit

// Of an event-sourced entity: initial, state, held. Of a value: absent, value, held.
enum { IK_BASIS_NONE, IK_BASIS_BYTES, IK_BASIS_HELD };

typedef struct ik_basis {
  uint8_t kind;
  ik_bytes bytes;
  uint32_t token;
} ik_basis;

typedef struct ik_held_state {
  uint32_t token;
  uint32_t size;
  ik_optional_bytes state;
} ik_held_state;

typedef struct ik_decision {
  ik_typed_list events;
  ik_outcome outcome;
} ik_decision;

typedef struct ik_decision_list {
  ik_decision *items;
  size_t count;
} ik_decision_list;

enum { IK_NEXT_UNCHANGED, IK_NEXT_STATE, IK_NEXT_HELD };

typedef struct ik_next {
  uint8_t kind;
  union {
    ik_bytes state;
    ik_held_state held;
  } value;
} ik_next;

typedef struct ik_decide_answer {
  // The basis is no longer held; the rest is not read.
  bool unknown;
  ik_decision_list decisions;
  ik_next next;
} ik_decide_answer;

enum { IK_EVOLVED_STATE, IK_EVOLVED_HELD, IK_EVOLVED_UNKNOWN };

typedef struct ik_evolve_answer {
  uint8_t kind;
  union {
    ik_bytes state;
    ik_held_state held;
  } value;
} ik_evolve_answer;

enum { IK_CHANGE_UNCHANGED, IK_CHANGE_UPDATED, IK_CHANGE_DELETED };

typedef struct ik_value_decision {
  uint8_t change;
  // Of IK_CHANGE_UPDATED.
  ik_bytes value;
  ik_outcome outcome;
} ik_value_decision;

typedef struct ik_value_decision_list {
  ik_value_decision *items;
  size_t count;
} ik_value_decision_list;

typedef struct ik_value_answer {
  bool unknown;
  ik_value_decision_list decisions;
  bool is_held;
  uint32_t token;
} ik_value_answer;

// replicated.wit

typedef struct ik_subscription {
  ik_text id;
  ik_text method;
  ik_bytes note;
} ik_subscription;

typedef struct ik_subscription_list {
  ik_subscription *items;
  size_t count;
} ik_subscription_list;

enum { IK_ANSWER_NOW, IK_ANSWER_AFTER };

typedef struct ik_replicated_decision {
  uint8_t answer;
  union {
    ik_outcome now;
    ik_bytes after;
  } value;
  // Bytes of innkeeper.crdt.v1.Operations.
  ik_bytes operations;
  bool is_deleted;
  ik_optional_bytes subscribe;
} ik_replicated_decision;

typedef struct ik_stream_step {
  ik_text subscription;
  bool has_outcome;
  ik_outcome outcome;
  bool end;
} ik_stream_step;

typedef struct ik_stream_step_list {
  ik_stream_step *items;
  size_t count;
} ik_stream_step_list;

// action.wit

enum { IK_INPUT_START, IK_INPUT_ITEM, IK_INPUT_END, IK_INPUT_CANCELLED };

typedef struct ik_input {
  uint8_t kind;
  union {
    ik_metadata start;
    ik_bytes item;
  } value;
} ik_input;

typedef struct ik_input_list {
  ik_input *items;
  size_t count;
} ik_input_list;

typedef struct ik_action_step {
  ik_outcome_list outputs;
  ik_optional_bytes state;
  bool done;
  bool more;
} ik_action_step;

// The arena. It lies behind the program's data and grows towards the end of memory; where something else has taken memory
// meanwhile (ik_pages), it goes on behind that, in blocks that each are at least twice the one before.

// Not cleared. `align`: a power of two, at most 16. Traps where there is no memory left; never null.
void *ik_allocate(size_t size, size_t align);
// Cleared, aligned to 8.
void *ik_allocate_zeroed(size_t size);
// All that was allocated is gone. Exports do it after every call.
void ik_release(void);
// Whole pages of 64 KiB, for an allocator beside the arena; never given back. Null where there is no more.
void *ik_pages(size_t size);
// Give up: the call fails as a fault of the service.
IK_NORETURN void ik_fault(const char *why);

// What stands above the contract defines one for each function of the interfaces that it exports. Arguments are the host's,
// in the arena, and may be pointed into by the answer. `answer` is cleared; the arena has it.
void ik_guest_describe(ik_description *answer);
void ik_guest_event_sourced_decide(ik_text service, ik_text entity, const ik_basis *basis, const ik_command_list *commands,
                                   bool want_state, ik_decide_answer *answer);
void ik_guest_event_sourced_evolve(ik_text service, ik_text entity, const ik_basis *basis, const ik_typed_list *events,
                                   bool want_state, ik_evolve_answer *answer);
void ik_guest_value_decide(ik_text service, ik_text entity, const ik_basis *basis, const ik_command_list *commands,
                           ik_value_answer *answer);
void ik_guest_replicated_reads(ik_text service, const ik_command *command, ik_bytes_list *answer);
void ik_guest_replicated_decide(ik_text service, ik_text entity, ik_bytes view, const ik_command *command,
                                ik_replicated_decision *answer);
void ik_guest_replicated_render(ik_text service, ik_text entity, ik_bytes view, const ik_command *command, ik_bytes note,
                                ik_outcome *answer);
void ik_guest_replicated_changed(ik_text service, ik_text entity, ik_bytes view, const ik_subscription_list *subscriptions,
                                 double now_ms, ik_stream_step_list *answer);
void ik_guest_replicated_cancelled(ik_text service, ik_text entity, ik_bytes view, const ik_subscription *subscription,
                                   double now_ms, ik_replicated_decision *answer);
void ik_guest_action_call(ik_text service, const ik_command_list *commands, ik_outcome_list *answer);
// `state`: null where there is none yet. `seed`: four words.
void ik_guest_action_stream(ik_text service, ik_text method, const ik_bytes *state, const ik_input_list *inputs, double now_ms,
                            const uint32_t *seed, ik_action_step *answer);

#ifdef __cplusplus
}
#endif

#endif
