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
#define IK_EXTERN extern "C"
extern "C" {
#else
#define IK_NORETURN _Noreturn
#define IK_EXTERN extern
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
  // Bytes of a message of the host's: who calls, where callers are known.
  ik_optional_bytes principal;
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

enum { IK_DUE_AT_ONCE, IK_DUE_AFTER, IK_DUE_AT };

// When an effect is delivered, in whole milliseconds: after the commit, or since 1970.
typedef struct ik_due {
  uint8_t kind;
  double ms;
} ik_due;

// The method of this entity that hears what an effect was answered, and bytes of a message that come back as they are; empty: none.
typedef struct ik_answer_to {
  ik_text method;
  ik_bytes note;
} ik_answer_to;

typedef struct ik_effect {
  ik_call call;
  bool synchronous;
  ik_due due;
  // Unique within the entity.
  ik_optional_bytes name;
  bool has_answer;
  ik_answer_to answer;
  // Milliseconds in which the answer must come.
  bool has_within;
  double within_ms;
} ik_effect;

typedef struct ik_effect_list {
  ik_effect *items;
  size_t count;
} ik_effect_list;

// Of a line for the host's log.
typedef enum ik_level { IK_DEBUG, IK_INFO, IK_WARN, IK_ERROR } ik_level;

typedef struct ik_log_line {
  uint8_t level;
  ik_text text;
} ik_log_line;

typedef struct ik_log_line_list {
  ik_log_line *items;
  size_t count;
} ik_log_line_list;

enum { IK_REPLY_MESSAGE, IK_REPLY_FORWARD, IK_REPLY_NONE, IK_REPLY_LATER };

// The caller's call stays open until a later decision of the entity resolves the ticket.
typedef struct ik_deferred {
  ik_text ticket;
  // Whole seconds, at least 1.
  bool has_within;
  uint32_t within_s;
} ik_deferred;

typedef struct ik_wire_reply {
  uint8_t kind;
  union {
    ik_bytes message;
    ik_call forward;
    ik_deferred later;
  } value;
} ik_wire_reply;

// What all who wait for a ticket are answered.
typedef struct ik_resolution {
  ik_text ticket;
  // Of the commands that deferred.
  ik_text method;
  bool is_failure;
  union {
    ik_bytes message;
    ik_failure failure;
  } answer;
  ik_metadata metadata;
} ik_resolution;

typedef struct ik_resolution_list {
  ik_resolution *items;
  size_t count;
} ik_resolution_list;

typedef struct ik_outcome {
  bool is_failure;
  union {
    ik_wire_reply reply;
    ik_failure failure;
  } answer;
  ik_effect_list effects;
  ik_metadata metadata;
  ik_log_line_list logs;
  // Names of pending effects that are dropped before `effects` act.
  ik_bytes_list cancels;
  ik_resolution_list resolves;
} ik_outcome;

typedef struct ik_outcome_list {
  ik_outcome *items;
  size_t count;
} ik_outcome_list;

// about.wit

enum { IK_KIND_EVENT_SOURCED, IK_KIND_VALUE, IK_KIND_REPLICATED, IK_KIND_ACTION };
// The bit after those of the kinds, where a build asks what a component has.
enum { IK_HAS_VIEWS = 4 };
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
  ik_bytes_list events;
} ik_described_service;

typedef struct ik_described_service_list {
  ik_described_service *items;
  size_t count;
} ik_described_service_list;

// Changes that a view takes.
typedef struct ik_described_source {
  ik_text service;
  uint8_t kind;
  // Full names of its events, or of its state.
  ik_bytes_list types;
} ik_described_source;

typedef struct ik_described_source_list {
  ik_described_source *items;
  size_t count;
} ik_described_source_list;

typedef struct ik_described_view {
  ik_text name;
  ik_text row_type;
  ik_described_source_list sources;
} ik_described_view;

typedef struct ik_described_view_list {
  ik_described_view *items;
  size_t count;
} ik_described_view_list;

typedef struct ik_description {
  ik_text sdk_name;
  ik_text sdk_version;
  ik_described_service_list services;
  ik_bytes descriptors;
  ik_described_view_list view_services;
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

// view.wit

enum { IK_WHAT_EVENT, IK_WHAT_UPDATED, IK_WHAT_DELETED };

// What became of an entity.
typedef struct ik_view_change {
  ik_text service;
  ik_text entity;
  double sequence;
  double at_ms;
  uint8_t what;
  // The event, or what is stored.
  ik_typed message;
  // Of the rows that earlier changes of this entity have put and not deleted since.
  ik_bytes_list keys;
} ik_view_change;

typedef struct ik_view_change_list {
  ik_view_change *items;
  size_t count;
} ik_view_change_list;

typedef struct ik_row {
  ik_text key;
  // None: it is not there, or is deleted.
  ik_optional_bytes row;
} ik_row;

typedef struct ik_row_list {
  ik_row *items;
  size_t count;
} ik_row_list;

// One for each change.
typedef struct ik_keys_list {
  ik_bytes_list *items;
  size_t count;
} ik_keys_list;

typedef struct ik_rows_list {
  ik_row_list *items;
  size_t count;
} ik_rows_list;

// The arena. It lies behind the program's data and grows towards the end of memory; where something else has taken memory
// meanwhile (ik_pages), it goes on behind that, in blocks that each are at least twice the one before.

// Not cleared. `align`: a power of two, at most 16. A fault where there is no memory left; never null.
void *ik_allocate(size_t size, size_t align);
// Cleared, aligned to 8.
void *ik_allocate_zeroed(size_t size);
// All that was allocated is gone. Exports do it after every call.
void ik_release(void);
// Whole pages of 64 KiB, for an allocator beside the arena; never given back. Null where there is no more.
void *ik_pages(size_t size);

// Give up: `ik_fault("%u items of %u", count, most)` fails the call as a fault of the service, with these words (as ik_format has
// them) and its place for the host's log. No caller sees them.
#define ik_fault(...) ik_fault_at(__FILE__, __LINE__, __VA_ARGS__)
IK_NORETURN void ik_fault_at(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
// The same in pieces, for another language: the place, the words, the end.
void ik_fault_begin(ik_text file, uint32_t line);
void ik_fault_add(ik_text words);
IK_NORETURN void ik_fault_end(void);

// Lines for the host's log are collected between `ik_hear`, at the beginning of what one outcome is for, and `ik_heard`, for that
// outcome. Outside of that, and past 100 lines or 16 KiB of text, they are dropped.
void ik_hear(void);
ik_log_line_list ik_heard(void);
// A line would be collected.
bool ik_hears(void);
// The text is the arena's, or constant.
void ik_log_text(ik_level level, ik_text text);
// A byte of a line that ends with '\n', or with the next line.
void ik_log_byte(ik_level level, uint8_t byte);

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
void ik_guest_view_keys(ik_text view, const ik_view_change_list *changes, ik_keys_list *answer);
void ik_guest_view_project(ik_text view, const ik_view_change_list *changes, const ik_row_list *rows, ik_rows_list *answer);

#ifndef IK_ABI_ONLY

// ---------------------------------------------------------------------------------------------------------------------
// 2. Messages
// ---------------------------------------------------------------------------------------------------------------------
//
// What `inn build` generates of a message is a struct, cleared where nothing is said:
//   scalar, enum        the value; an enum is an int32_t, open
//   string, bytes       ik_text, ik_bytes: what was decoded points into the bytes it came from
//   optional            `has_x` and `x`
//   message             a pointer, null where it is not there
//   repeated            an array: `items`, `count`; `..._add_x` appends. Set both by hand, and leave `capacity` 0, to lend it one
//   map                 an array of entries with `key` and `value`; `..._put_x` and `..._find_x`
//   oneof               `x_case`, and a union `x`
// A copy of a message shares what it points to. Appending to either leaves the other as it was; changing an element does not.

// Text out of a literal, or of what lasts until the call is over.
static inline ik_text ik_text_of(const char *text) {
  ik_text of = {(const uint8_t *)text, strlen(text)};
  return of;
}
static inline bool ik_equal(ik_bytes a, ik_bytes b) {
  return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}
static inline bool ik_is(ik_text text, const char *literal) {
  return ik_equal(text, ik_text_of(literal));
}
// Below 0, 0, above 0, by bytes.
int ik_compare(ik_bytes a, ik_bytes b);
ik_bytes ik_copy(ik_bytes bytes);
bool ik_is_utf8(ik_bytes bytes);

// As printf has it: %d %i %u %x %c %s with l, ll and z, %% and %.*s (with IK_ARG). Of int64_t and uint64_t: IK_D64, IK_U64.
#if defined(__APPLE__) || __SIZEOF_LONG__ != 8
#define IK_D64 "lld"
#define IK_U64 "llu"
#else
#define IK_D64 "ld"
#define IK_U64 "lu"
#endif
#define IK_ARG(text) ((int)(text).length), ((const char *)(text).data)
ik_text ik_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

typedef struct ik_bool_array {
  bool *items;
  size_t count, capacity;
} ik_bool_array;
typedef struct ik_int32_array {
  int32_t *items;
  size_t count, capacity;
} ik_int32_array;
typedef struct ik_uint32_array {
  uint32_t *items;
  size_t count, capacity;
} ik_uint32_array;
typedef struct ik_int64_array {
  int64_t *items;
  size_t count, capacity;
} ik_int64_array;
typedef struct ik_uint64_array {
  uint64_t *items;
  size_t count, capacity;
} ik_uint64_array;
typedef struct ik_float_array {
  float *items;
  size_t count, capacity;
} ik_float_array;
typedef struct ik_double_array {
  double *items;
  size_t count, capacity;
} ik_double_array;
typedef struct ik_bytes_array {
  ik_bytes *items;
  size_t count, capacity;
} ik_bytes_array;
typedef ik_bytes_array ik_text_array;

// Room for one more behind `count`: in place if nobody else has taken it, or in a copy of twice the size.
void *ik_grow(void *items, size_t count, size_t *capacity, size_t size);

// A cursor over protobuf bytes.
//
// R1. Never reads past `end`, the end of the innermost open message. The first thing that is wrong is noted in `problem`, and
//     everything after it reads as the end.
// R2. At most 100 messages are open at once. Nothing is allocated by a claimed length.
// R3. Strings are UTF-8: shortest form, no surrogates, nothing above U+10FFFF.
typedef struct ik_reader {
  const uint8_t *at;
  const uint8_t *end;
  const char *problem;
  uint32_t depth;
} ik_reader;

static inline bool ik_more(const ik_reader *reader) {
  return reader->at != reader->end;
}
// 0 if there is none.
uint32_t ik_read_tag(ik_reader *reader);
void ik_skip(ik_reader *reader, uint32_t tag);
// Begin an embedded message or a packed array; the answer goes to ik_leave.
const uint8_t *ik_enter(ik_reader *reader);
void ik_leave(ik_reader *reader, const uint8_t *outer);
uint64_t ik_read_varint(ik_reader *reader);
int32_t ik_read_sint32(ik_reader *reader);
int64_t ik_read_sint64(ik_reader *reader);
uint32_t ik_read_fixed32(ik_reader *reader);
uint64_t ik_read_fixed64(ik_reader *reader);
float ik_read_float(ik_reader *reader);
double ik_read_double(ik_reader *reader);
// Without copying.
ik_bytes ik_read_bytes(ik_reader *reader);
ik_text ik_read_text(ik_reader *reader);

// Writes from the end to the beginning: fields and elements last to first, so that a length is known when it is due.
typedef struct ik_writer {
  uint8_t *start;
  uint8_t *at;
  uint8_t *end;
  uint32_t depth;
} ik_writer;

void ik_put_varint(ik_writer *writer, uint64_t value);
// A varint and the tag before it.
void ik_put_number(ik_writer *writer, uint32_t tag, uint64_t value);
void ik_put_fixed32(ik_writer *writer, uint32_t value);
void ik_put_fixed64(ik_writer *writer, uint64_t value);
// Every NaN is written as one.
void ik_put_float(ik_writer *writer, float value);
void ik_put_double(ik_writer *writer, double value);
// With the length, and in ik_put_field the tag.
void ik_put_bytes(ik_writer *writer, ik_bytes value);
void ik_put_field(ik_writer *writer, uint32_t tag, ik_bytes value);
// A fault on what is not UTF-8.
void ik_put_text(ik_writer *writer, ik_text value);
void ik_put_text_field(ik_writer *writer, uint32_t tag, ik_text value);
// Behind the content, then before it.
size_t ik_open(ik_writer *writer);
void ik_close(ik_writer *writer, uint32_t tag, size_t opened);
static inline uint64_t ik_zigzag32(int32_t value) {
  return ((uint32_t)value << 1) ^ (uint32_t)(value >> 31);
}
static inline uint64_t ik_zigzag64(int64_t value) {
  return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}
// -0 is written.
bool ik_float_is_set(float value);
bool ik_double_is_set(double value);

// Entries of a map have their key first.
typedef int ik_key_order(const void *a, const void *b);
ik_key_order ik_order_text, ik_order_int32, ik_order_uint32, ik_order_int64, ik_order_uint64, ik_order_bool;
// Pointers to the entries in ascending order of their keys; of equal ones the last.
const void **ik_map_sorted(const void *items, size_t *count, size_t size, ik_key_order *order);
// The entries in that order. Those that are in it already are left alone.
void *ik_map_settled(void *items, size_t *count, size_t *capacity, size_t size, ik_key_order *order);

typedef struct ik_message_type {
  const char *name;
  size_t size;
  void (*write)(ik_writer *writer, const void *message);
  void (*read)(ik_reader *reader, void *message);
} ik_message_type;

ik_bytes ik_encode(const ik_message_type *type, const void *message);
// `message` is cleared before. Null, or what is wrong with the bytes.
const char *ik_decode(const ik_message_type *type, ik_bytes bytes, void *message);

// A message without fields, for streams that have no state.
typedef struct ik_nothing {
  uint8_t unused;
} ik_nothing;
extern const ik_message_type ik_nothing_type;

// ---------------------------------------------------------------------------------------------------------------------
// 3. Services
// ---------------------------------------------------------------------------------------------------------------------

// What a handler is told, and what it says beside its answer. Time and chance are the command's, and in the journal.
typedef struct ik_context ik_context;

// What a handler answers. Not to be made up: IK_REFUSAL and IK_FORWARD come from ik_refuse and ik_forward.
typedef enum ik_answer {
  // Nothing is sent, and a stream goes on.
  IK_SILENT,
  // `reply` is the answer.
  IK_REPLY,
  IK_REFUSAL,
  IK_FORWARD,
  // A streamed method of a replicated entity: `reply` is the first element, or nothing is said yet; the stream stays open.
  IK_STREAM,
  IK_STREAM_SILENT,
  // A step of a stream. Of a replicated entity: `reply` is sent, with IK_END_REPLY as the last element.
  IK_EMIT,
  IK_END,
  IK_END_REPLY,
  // A step of an action's stream: there is more to say, once the client has taken this.
  IK_MORE,
  // From ik_later.
  IK_LATER
} ik_answer;

// Decide against it: `return ik_refuse(context, IK_NOT_FOUND, "%.*s is not here", IK_ARG(request->id))`. Events, changes and
// operations of this command are dropped, and an entity's effects; an action's are kept. The message reaches the caller.
ik_answer ik_refuse(ik_context *context, ik_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4), warn_unused_result));
// A code by its number in google.rpc.Code, 1 to 16. A fault for any other number.
ik_code ik_code_of(uint32_t number);
// A detail of the refusal, before it is made.
void ik_detail(ik_context *context, const ik_message_type *type, const void *message);
// Let another command answer.
ik_answer ik_forward(ik_context *context, ik_call call) __attribute__((warn_unused_result));
// A command that runs once the decision is durable; its answer is thrown away. The reply waits for a synchronous one.
void ik_add_effect(ik_context *context, ik_call call, bool synchronous);

// Spans in whole milliseconds, rounded up; what is no such number is a fault.
int64_t ik_seconds(double count);
int64_t ik_minutes(double count);
int64_t ik_hours(double count);
int64_t ik_days(double count);

// What else is said of an effect; what is cleared is not said: IK_TERMS(.name = ik_text_of("expiry")), IK_NO_TERMS.
typedef struct ik_terms {
  // Unique within the entity: an effect of this name that is still pending is replaced, and ik_cancel drops it. Unary methods of entities.
  ik_text name;
  // In so many milliseconds from when it is due it must be answered; then it has failed.
  int64_t within_ms;
  // The reply waits for it: one that is due at once, and whose answer nobody hears.
  bool synchronous;
  // When it is due: so long after the commit, or at this time since 1970. Below 1: at once.
  int64_t after_ms, at_ms;
} ik_terms;
#define IK_TERMS(...) ((ik_terms){__VA_ARGS__})
#define IK_NO_TERMS ((ik_terms){.name = {NULL, 0}})

// An effect on these terms.
void ik_add_effect_on(ik_context *context, ik_call call, ik_terms terms);
// One that is due so many milliseconds after the commit (below 0 counts as 0), or at this time since 1970. Late rather than never.
void ik_after(ik_context *context, int64_t ms, ik_call call, ik_terms terms);
void ik_at(ik_context *context, int64_t time_ms, ik_call call, ik_terms terms);

// The rest is for unary methods of entities.

// Drop the pending effect of this name, before the effects of this command act. Nothing where there is none.
void ik_cancel(ik_context *context, ik_text name);
// The caller's call stays open until a later command of the entity resolves the ticket; another caller of this method joins one that is open.
// After `within_ms`, in whole seconds, the answer is DEADLINE_EXCEEDED; 0: as long as the host waits.
ik_answer ik_later(ik_context *context, ik_text ticket, int64_t within_ms) __attribute__((warn_unused_result));

// A refusal for those who wait for a ticket, and a detail of it.
ik_failure ik_failure_of(ik_code code, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ik_add_failure_detail(ik_failure *failure, const ik_message_type *type, const void *message);

// For generated code. `..._ask` of a method with `answers`: it hears what the call was answered. `..._resolve` and `..._resolve_refused` answer
// all who wait for a ticket of that method.
typedef struct ik_hearer {
  // Of the entity, and whose answers it hears, as SERVICE/METHOD.
  const char *service, *method, *answers;
} ik_hearer;
void ik_ask(ik_context *context, ik_hearer hearer, ik_call call, ik_bytes note, ik_terms terms);
void ik_resolve(ik_context *context, const char *service, const char *method, ik_text ticket, ik_bytes reply);
void ik_resolve_refused(ik_context *context, const char *service, const char *method, ik_text ticket, ik_failure failure);

// Sent with the resolution that was said last; as ik_add_metadata has it.
void ik_add_resolution_metadata(ik_context *context, const char *name, ik_text value);
void ik_add_binary_resolution_metadata(ik_context *context, const char *name, ik_bytes value);

// Why an ask failed. Refused and not sent: it did not happen. Else it may have.
typedef enum ik_reason { IK_REASON_UNKNOWN, IK_REASON_REFUSED, IK_REASON_NOT_SENT } ik_reason;
// Of the `failure` of an answer: rpc_status_reason(request->outcome.failure), or of the bytes of a google.rpc.Status.
ik_reason ik_reason_of(ik_bytes status);

// Response headers, made lower case. Those that end in -bin have bytes.
void ik_add_metadata(ik_context *context, const char *name, ik_text value);
void ik_add_binary_metadata(ik_context *context, const char *name, ik_bytes value);

// The entity's key; empty in an action.
ik_text ik_entity(const ik_context *context);
// Whole milliseconds since 1970, never backwards for an entity.
int64_t ik_now(const ik_context *context);
// At least 0, below 1. The sequence starts anew with every command. Not where there is no command (changed, cancelled).
double ik_random(ik_context *context);
// Not for secrets.
ik_bytes ik_random_bytes(ik_context *context, size_t length);
// A version 4 UUID.
ik_text ik_uuid(ik_context *context);
// What the caller sent along, in order.
const ik_metadata *ik_get_metadata(const ik_context *context);
// The first value of a name, text or bytes; false if there is none.
bool ik_find_metadata(const ik_context *context, const char *name, ik_bytes *value);

// A line for the host's log: `ik_log_info("%u items", count)`, as ik_format has it. It comes with the command's outcome, a refusal
// too; what a fold says while history is folded anew is dropped.
#define ik_log_debug(...) ik_log(IK_DEBUG, __VA_ARGS__)
#define ik_log_info(...) ik_log(IK_INFO, __VA_ARGS__)
#define ik_log_warn(...) ik_log(IK_WARN, __VA_ARGS__)
#define ik_log_error(...) ik_log(IK_ERROR, __VA_ARGS__)
void ik_log(ik_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

// What must hold: where it does not, a fault that names it.
#define ik_assert(condition) ((condition) ? (void)0 : ik_fault("assertion failed: %s", #condition))

// For generated code: `..._emit_x` of an event, `..._update` of a value, `..._emit` of an element of a stream.
typedef void ik_fold(void *state, const void *event);
void ik_emit_event(ik_context *context, const ik_message_type *type, const void *event, ik_fold *fold);
void ik_update_value(ik_context *context, const void *value);
void ik_emit_element(ik_context *context, const void *element);

// Delete the value, or the replicated entity for good. Operations of the same command come first: the reply and subscribers see them.
void ik_remove(ik_context *context);

// How far the changes of a replicated entity must be written before the answer: here (the default), on most hosts that have the
// entity, on all. A host that is alone meets each of them by its own commit.
typedef enum ik_consistency { IK_LOCAL, IK_MAJORITY, IK_ALL } ik_consistency;
void ik_write_consistency(ik_context *context, ik_consistency consistency);

// An element of a stream that another command answers.
void ik_emit_forward(ik_context *context, ik_call call);
ik_call ik_call_of(const char *service, const char *method, const ik_message_type *type, const void *request);
void ik_add_call_metadata(ik_call *call, const char *name, ik_text value);

// Views: a replicated value and places inside it. What does not exist reads as its default, and the first operation creates it.
//
// V1. An operation is at once in what is read after it: a reply is made from the value after the operations. What only the host
//     knows (which of two writes with a custom clock won, the size of a set that the view does not hold) is asked of the host:
//     the handler then runs a second time, from the same view, and reads the true value after its last operation.
// V2. Elements and keys are bytes. Text, numbers and booleans are written as protobuf's field 1 (ik_text_element and its like),
//     as every SDK does; a message is its own bytes. They come in the order of these bytes.
// V3. A view that a method declared to see in part (`views`) holds what was looked for, and everything else reads as not there.
typedef struct ik_view {
  struct ik_draft *draft;
  const struct ik_place *place;
} ik_view;

typedef enum ik_crdt {
  IK_G_COUNTER = 1,
  IK_PN_COUNTER,
  IK_G_SET,
  IK_OR_SET,
  IK_LWW_REGISTER,
  IK_FLAG,
  IK_OR_MAP,
  IK_VOTE
} ik_crdt;

typedef enum ik_clock { IK_CLOCK_DEFAULT, IK_CLOCK_REVERSE, IK_CLOCK_CUSTOM, IK_CLOCK_CUSTOM_AUTO_INCREMENT } ik_clock;

ik_bytes ik_text_element(ik_text text);
ik_bytes ik_bytes_element(ik_bytes bytes);
ik_bytes ik_int64_element(int64_t number);
ik_bytes ik_bool_element(bool value);
// An element that is none of its kind reads as the default.
ik_text ik_element_text(ik_bytes element);
ik_bytes ik_element_bytes(ik_bytes element);
int64_t ik_element_int64(ik_bytes element);
bool ik_element_bool(ik_bytes element);

// The entity, or the entry of a map, is there.
bool ik_exists(ik_view view);

uint64_t ik_g_counter(ik_view view);
void ik_g_counter_add(ik_view view, uint64_t amount);
int64_t ik_pn_counter(ik_view view);
void ik_pn_counter_add(ik_view view, int64_t amount);

// GSet and ORSet; `kind` says which, for a set that is not there yet.
size_t ik_set_size(ik_view view);
bool ik_set_has(ik_view view, ik_bytes element);
// The elements that the view holds: `for (size_t i = 0; ik_set_next(view, &i, &element);)`.
bool ik_set_next(ik_view view, size_t *at, ik_bytes *element);
void ik_g_set_add(ik_view view, ik_bytes element);
void ik_or_set_add(ik_view view, ik_bytes element);
void ik_or_set_remove(ik_view view, ik_bytes element);
void ik_or_set_clear(ik_view view);

// The bytes of a register, or `otherwise` where nothing was ever written.
ik_bytes ik_register(ik_view view, ik_bytes otherwise);
void ik_register_set(ik_view view, ik_bytes value);
void ik_register_set_with(ik_view view, ik_bytes value, ik_clock clock, int64_t custom_clock);

bool ik_flag(ik_view view);
// For good.
void ik_flag_enable(ik_view view);

size_t ik_map_size(ik_view view);
bool ik_map_has(ik_view view, ik_bytes key);
// The value of a key; of one that is not there, a place to create it.
ik_view ik_map_at(ik_view view, ik_bytes key);
// Adds a key with the default of this kind; nothing where it is there. Any operation on `ik_map_at` adds it, too.
void ik_map_create(ik_view view, ik_bytes key, ik_crdt kind);
// `for (size_t i = 0; ik_map_next(view, &i, &key);)`.
bool ik_map_next(ik_view view, size_t *at, ik_bytes *key);
void ik_map_remove(ik_view view, ik_bytes key);
void ik_map_clear(ik_view view);

// A vote of each node, not of each client.
typedef struct ik_vote {
  bool self;
  uint32_t votes_for;
  uint32_t voters;
} ik_vote;
ik_vote ik_votes(ik_view view);
void ik_vote_set(ik_view view, bool self);

// In `..._reads` of a method with a dynamic view: look for this element or key.
void ik_read(ik_context *context, ik_bytes element);

// Views: rows of a table that follow from what entities have committed. Generated headers have a macro for each service with the option
// innkeeper.view, and `..._row`, `..._put` of its rows:
//
//   NOTES_VIEW(IK_EVENTS(events_name, NOTES_ROW(conformance_noted, noted), NOTES_ROW(conformance_cleared, cleared)))
//
// Rows must not depend on the order of changes of different entities, nor on values between an entity's newest ones (law L7): a rebuild brings them
// in another order, and without those.

// Of which entity a change is, and when it was committed.
typedef struct ik_change {
  // Full name of the entity's service.
  ik_text service;
  ik_text entity;
  // Of the event, or of the record that changed the value: it rises.
  int64_t sequence;
  // Milliseconds since 1970.
  int64_t at_ms;
} ik_change;

// What becomes of the one row of an entity, whose key is the entity's.
typedef enum ik_row_answer { IK_PUT_ROW, IK_DELETE_ROW } ik_row_answer;

// The rows that a change may touch: those that its keys name, and those that earlier changes of its entity have put. Another key is a fault.
typedef struct ik_rows ik_rows;
// In the function that names keys: the change may touch this row.
void ik_row_key(ik_rows *rows, ik_text key);
// The keys of those that are there: `for (size_t i = 0; ik_row_next(rows, &i, &key);)`.
bool ik_row_next(ik_rows *rows, size_t *at, ik_text *key);
void ik_row_delete(ik_rows *rows, ik_text key);
// For generated code. Null where there is no such row.
const void *ik_row_get(ik_rows *rows, ik_text key);
void ik_row_put(ik_rows *rows, ik_text key, const void *row);

// `row`: as it is, or with all defaults. It is put as it is left, by IK_PUT_ROW.
typedef ik_row_answer ik_one_row(const void *message, void *row, const ik_change *change);
typedef void ik_row_function(const void *message, const ik_change *change, ik_rows *rows);
// The same of a replicated value, which can only be looked at.
typedef ik_row_answer ik_one_of_replica(ik_view value, void *row, const ik_change *change);
typedef void ik_replica_function(ik_view value, const ik_change *change, ik_rows *rows);

// A message that a source takes, and what comes of it.
typedef struct ik_taken {
  // Null: nothing is left of the entity.
  const ik_message_type *type;
  ik_one_row *one;
  ik_row_function *keys, *project;
  // Of replicated values, in place of those: `type` is ik_replica_type.
  ik_crdt crdt;
  ik_one_of_replica *one_of;
  ik_replica_function *keys_of, *project_of;
} ik_taken;

// A replicated value, as it crosses the boundary.
extern const ik_message_type ik_replica_type;

// Whose changes a view takes. Of messages that are not named nothing comes.
typedef struct ik_source {
  uint8_t kind;
  const char *service;
  const ik_taken *takes;
  size_t take_count;
} ik_source;

#define IK_SOURCE(kind, service, ...)                             \
  {                                                               \
    kind, service, (const ik_taken[]){__VA_ARGS__}, sizeof((const ik_taken[]){__VA_ARGS__}) / sizeof(ik_taken) \
  }
// Events of the entities of an event-sourced service.
#define IK_EVENTS(service, ...) IK_SOURCE(IK_KIND_EVENT_SOURCED, service, __VA_ARGS__)
// The newest values of the entities of a value service. Rows that an entity has put and does not put again are deleted; so are all of them if the
// value is, unless IK_DELETED says otherwise.
#define IK_VALUES(service, ...) IK_SOURCE(IK_KIND_VALUE, service, __VA_ARGS__)
// The newest values of the entities of a replicated service, of the kind that it has: CROWD_REPLICA(IK_OR_SET, function). What was said of IK_VALUES
// holds here, too.
#define IK_REPLICAS(service, ...) IK_SOURCE(IK_KIND_REPLICATED, service, __VA_ARGS__)
// For generated macros: a function of another type does not compile.
#define IK_TYPED_FUNCTION(function, ...) ((void (*)(void))_Generic((function), __VA_ARGS__: (function)))
// What is done when nothing is left of an entity, instead of deleting its rows. The message is null.
#define IK_DELETED(function) \
  {.project = function}

// What a service is, besides its handlers. Made by the macros of generated headers, as in
// `COUNTER_EVENT_SOURCED(counter_value, .snapshot_every = 50)`.
typedef struct ik_view_option {
  const char *method;
  // IK_VIEW_ALL, IK_VIEW_NOTHING, IK_VIEW_ELEMENT with the field of the request, IK_VIEW_DYNAMIC with `..._reads`.
  uint8_t view;
  const char *field;
} ik_view_option;

typedef struct ik_options {
  uint8_t unused;
  // The name that stored data hangs on. Default: the service's.
  const char *persistence_id;
  // Events between two snapshots; 0: the host's default, below 0: never. Event-sourced.
  int32_t snapshot_every;
  // 0: the host's default.
  uint32_t passivate_after_ms;
  // Default: the component's hash, so that an upgrade folds again. Event-sourced.
  const char *state_version;
  // Request headers that reach the service besides ce-* and x-*: IK_HEADERS("a", "b").
  const char *const *headers;
  // What methods see of the value: IK_VIEWS({"Size", IK_VIEW_NOTHING}, {"Has", IK_VIEW_ELEMENT, "user"}). Replicated.
  const ik_view_option *views;
  // The first value of an entity that is a register. Replicated.
  ik_bytes initial;
} ik_options;

#define IK_HEADERS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define IK_VIEWS(...) ((const ik_view_option[]){__VA_ARGS__, {NULL, 0, NULL}})

enum { IK_UNARY, IK_SERVER_STREAM, IK_CLIENT_STREAM, IK_BIDI };

// `self`: the state, the value or null, the view, the state of a stream.
typedef ik_answer ik_handler(void *self, const void *request, void *reply, ik_context *context);

typedef struct ik_method {
  const char *name;
  const ik_message_type *request;
  const ik_message_type *reply;
  uint8_t shape;
  // Of a stream that the client sends: of an item.
  ik_handler *handle;
  ik_handler *changed, *cancelled, *reads;
  // Of an action's streams. `state`: its message.
  const ik_message_type *state;
  ik_handler *start, *next, *end;
} ik_method;

typedef struct ik_event {
  const ik_message_type *type;
  // Null: the service has no fold for it.
  ik_fold *fold;
} ik_event;

typedef struct ik_service {
  // One of ik_kind_...: what refers to it brings along the exports of that kind.
  const char *kind;
  const char *name;
  // State or value; null: another kind.
  const ik_message_type *state;
  const ik_method *methods;
  size_t method_count;
  // By name.
  const ik_event *events;
  size_t event_count;
  uint8_t crdt;
  ik_options options;
  // Of a view; `state` is its row.
  const ik_source *sources;
  size_t source_count;
} ik_service;

extern const char ik_kind_event_sourced, ik_kind_value, ik_kind_replicated, ik_kind_action, ik_kind_view;

// gen/component.c: what the component has. Null for a service that no source defines.
extern const ik_service *const ik_services[];
extern const size_t ik_service_count;
extern const uint8_t ik_descriptors[];
extern const size_t ik_descriptors_length;

#endif

#ifdef __cplusplus
}
#endif

#endif
