// The test kit of innkeeper_test.h. It has the SDK in it: a program of tests compiles this instead of innkeeper.c.
#include "innkeeper.c"

#include "innkeeper_test.h"

static ik_test *tests;
static const char *test_name, *here_file;
static int here_line, failures;
static bool has_failed;

// An entity of a service, or an action, and what it has come to.
typedef struct ik_subject {
  struct ik_subject *next;
  const ik_service *service;
  ik_text entity;
  // By the test, by a request.
  bool is_given, is_asked;
  // Event-sourced: the history; the first of it is given, what follows was decided.
  ik_typed_list history, given_events;
  size_t history_room;
  ik_command_list commands;
  size_t commands_room;
  // Value.
  bool has_value;
  ik_bytes value;
  // Replicated.
  ik_draft replica;
  bool is_deleted;
} ik_subject;

// What is being tested. Everything lives until the test is over.
static ik_subject *about;
static int64_t now_ms;
static ik_metadata sent;
static size_t sent_room;
typedef struct ik_parked {
  ik_call call;
  ik_failure failure;
} ik_parked;

typedef struct ik_parked_list {
  ik_parked *items;
  size_t count, room;
} ik_parked_list;

// Of an action there is no entity.
typedef struct ik_member {
  ik_text service, entity;
} ik_member;

// Who hears what an effect comes to. Where nobody asked, a refusal is parked.
typedef struct ik_hearing {
  struct ik_hearing *next;
  ik_effect effect;
  ik_member from;
  uint32_t hops;
  bool has_heard;
} ik_hearing;

// What a caller gets, now or later.
struct ik_came {
  bool is_settled;
  ik_outcome outcome;
  ik_hearing *hearing;
};

// A caller whose ticket is open.
typedef struct ik_waiting {
  struct ik_waiting *next;
  ik_member at;
  ik_text method, ticket;
  ik_came *came;
} ik_waiting;

// What is due at a time: an effect; or the end of a ticket's time, or of an ask's.
typedef struct ik_timer {
  struct ik_timer *next;
  double at_ms;
  ik_effect effect;
  ik_member from;
  ik_came *ticket;
  ik_hearing *ask;
} ik_timer;

// Several services: which (null: there is one), their entities so far, and how many commands they were given.
static const ik_service *const *members;
static ik_subject *entities;
static uint32_t asked;
// What waits for time, the first that is due first, and who waits for another command.
static ik_timer *timers;
static ik_waiting *waiting;
static const ik_timer *pending_said;
// What the last command came to, and how much of it was said.
static bool is_open, is_answered, was_silent, has_ended, is_streaming;
static ik_typed_list events;
static uint8_t change;
static ik_bytes updated;
static ik_outcome outcome;
static size_t events_said, effects_said, cancels_said, resolves_said;
static bool change_said, subscribed, end_said;
// Of services together: effects on services that are not here, and those that were refused, in order.
static ik_parked_list outside, parked;
static size_t outside_said, parked_said;
// An action's stream.
static const char *stream_method;
static ik_optional_bytes stream_state;
static ik_outcome_list outputs;
static size_t outputs_said;
static bool stream_done, stream_more;

void ik_test_register(ik_test *test) {
  // At the end, so that they run in their order.
  ik_test **last = &tests;
  while (*last != NULL) last = &(*last)->next;
  *last = test;
}

void ik_test_at(const char *file, int line) {
  here_file = file;
  here_line = line;
}

static void fail(const char *what) {
  if (has_failed) return;
  has_failed = true;
  failures++;
  fprintf(stderr, "%s:%d: %s: %s\n", here_file, here_line, test_name, what);
}

void ik_test_check(const char *file, int line, bool holds, const char *what) {
  ik_test_at(file, line);
  if (!holds) fail(what);
}

const void *ik_test_copy(const void *message, size_t size) {
  return memcpy(ik_allocate(size, 8), message, size);
}

static const char *c_string(ik_text text) {
  return (const char *)ik_format("%.*s%c", IK_ARG(text), 0).data;
}

static const char *shown(ik_bytes bytes) {
  ik_builder text = {0};
  for (size_t i = 0; i < bytes.length && i < 200; i++) {
    static const char digits[] = "0123456789abcdef";
    char pair[2] = {digits[bytes.data[i] >> 4], digits[bytes.data[i] & 15]};
    ik_append(&text, pair, 2);
  }
  ik_append(&text, "", 1);
  return text.data;
}

static const char *printed(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  ik_text text = ik_format_list(format, arguments);
  va_end(arguments);
  return c_string(text);
}

static void differs(const char *what, ik_bytes expected, ik_bytes actual) {
  if (!ik_equal(expected, actual)) fail(printed("%s is not what was expected: %s, expected %s", what, shown(actual), shown(expected)));
}

// What the service logged, for whoever runs the tests.
static void print_logs(const ik_log_line_list *logs) {
  static const char *const levels[] = {"debug", "info", "warn", "error"};
  for (size_t i = 0; i < logs->count; i++)
    printf("%s: %s: %.*s\n", test_name, levels[logs->items[i].level], IK_ARG(logs->items[i].text));
}

// There is nothing in it that a test would say: it brings log lines alone.
static bool says_nothing(const ik_outcome *of) {
  return !of->is_failure && of->answer.reply.kind == IK_REPLY_NONE && of->effects.count == 0 && of->cancels.count == 0 &&
         of->resolves.count == 0;
}

// Outcomes as bytes, to compare two.
static void put(ik_builder *to, ik_bytes bytes) {
  uint64_t length = bytes.length;
  ik_append(to, &length, sizeof length);
  ik_append(to, bytes.data, bytes.length);
}

static void put_metadata(ik_builder *to, const ik_metadata *metadata) {
  for (size_t i = 0; i < metadata->count; i++) {
    put(to, metadata->items[i].name);
    put(to, metadata->items[i].value);
  }
}

static void put_call(ik_builder *to, const ik_call *call) {
  put(to, call->service);
  put(to, call->method);
  put(to, call->payload);
  put_metadata(to, &call->metadata);
}

static void put_typed(ik_builder *to, const ik_typed_list *list) {
  ik_append(to, &list->count, sizeof list->count);
  for (size_t i = 0; i < list->count; i++) {
    put(to, list->items[i].type_name);
    put(to, list->items[i].data);
  }
}

static void put_failure(ik_builder *to, const ik_failure *failure) {
  ik_append(to, &failure->code, 1);
  put(to, failure->message);
  put_typed(to, &failure->details);
}

// A flag, and a number where it is set.
static void put_optional(ik_builder *to, bool present, double number) {
  ik_append(to, &present, 1);
  if (present) ik_append(to, &number, sizeof number);
}

static void put_effect(ik_builder *to, const ik_effect *effect) {
  put_call(to, &effect->call);
  ik_append(to, &effect->synchronous, 1);
  ik_append(to, &effect->due.kind, 1);
  put_optional(to, effect->due.kind != IK_DUE_AT_ONCE, effect->due.ms);
  put(to, effect->name.present ? effect->name.value : (ik_text){NULL, 0});
  put(to, effect->has_answer ? effect->answer.method : (ik_text){NULL, 0});
  put(to, effect->has_answer ? effect->answer.note : (ik_bytes){NULL, 0});
  put_optional(to, effect->has_within, effect->within_ms);
}

static void put_resolution(ik_builder *to, const ik_resolution *resolution) {
  put(to, resolution->ticket);
  put(to, resolution->method);
  ik_append(to, &resolution->is_failure, 1);
  if (resolution->is_failure)
    put_failure(to, &resolution->answer.failure);
  else
    put(to, resolution->answer.message);
  put_metadata(to, &resolution->metadata);
}

static void put_outcome(ik_builder *to, const ik_outcome *of) {
  if (of->is_failure) {
    put_failure(to, &of->answer.failure);
  } else {
    ik_append(to, &of->answer.reply.kind, 1);
    if (of->answer.reply.kind == IK_REPLY_MESSAGE) put(to, of->answer.reply.value.message);
    if (of->answer.reply.kind == IK_REPLY_FORWARD) put_call(to, &of->answer.reply.value.forward);
    if (of->answer.reply.kind == IK_REPLY_LATER) {
      put(to, of->answer.reply.value.later.ticket);
      put_optional(to, of->answer.reply.value.later.has_within, of->answer.reply.value.later.within_s);
    }
  }
  for (size_t i = 0; i < of->effects.count; i++) put_effect(to, &of->effects.items[i]);
  for (size_t i = 0; i < of->cancels.count; i++) put(to, of->cancels.items[i]);
  for (size_t i = 0; i < of->resolves.count; i++) put_resolution(to, &of->resolves.items[i]);
  put_metadata(to, &of->metadata);
}

static bool same_decision(const ik_decision *a, const ik_decision *b) {
  ik_builder left = {0}, right = {0};
  put_typed(&left, &a->events);
  put_typed(&right, &b->events);
  put_outcome(&left, &a->outcome);
  put_outcome(&right, &b->outcome);
  return left.length == right.length && memcmp(left.data, right.data, left.length) == 0;
}

// Given

// `key`: null where a request is to name it.
static ik_subject *subject_of(const ik_service *of, const char *key) {
  ik_subject *subject = ik_allocate_zeroed(sizeof *subject);
  subject->service = of;
  subject->entity = ik_text_of(key == NULL ? "entity" : key);
  subject->is_given = key != NULL;
  subject->replica.kind = of == NULL ? 0 : of->crdt;
  return subject;
}

static const ik_service *view;

static void begin(const ik_service *of, const char *key) {
  view = NULL;
  about = subject_of(of, key);
  members = NULL;
  entities = NULL;
  asked = 0;
  timers = NULL;
  waiting = NULL;
  now_ms = 1700000000000;
  sent = (ik_metadata){NULL, 0};
  sent_room = 0;
  is_open = is_streaming = false;
  outputs = (ik_outcome_list){NULL, 0};
  outputs_said = 0;
  stream_method = NULL;
  events = (ik_typed_list){NULL, 0};
  outside = parked = (ik_parked_list){NULL, 0, 0};
  memset(&outcome, 0, sizeof outcome);
}

static void finish_view(void);

// All that the last command came to has been said.
static void finish(void) {
  finish_view();
  if (is_streaming && outputs_said != outputs.count) fail("the stream has sent more than was said");
  if (!is_open) return;
  is_open = false;
  if (events_said != events.count) fail(printed("there is an event that was not said: %s", c_string(events.items[events_said].type_name)));
  if (effects_said != outcome.effects.count) fail("there is an effect that was not said");
  if (cancels_said != outcome.cancels.count) fail(printed("an effect is cancelled, and that was not said: %s", c_string(outcome.cancels.items[cancels_said])));
  if (resolves_said != outcome.resolves.count) fail(printed("a ticket is resolved, and that was not said: %s", c_string(outcome.resolves.items[resolves_said].ticket)));
  if (change != IK_CHANGE_UNCHANGED && !change_said) fail("the value changes, and that was not said");
  if (!is_answered && !was_silent) fail("the answer was not said");
  if (has_ended && !end_said && !outcome.is_failure) fail("the stream ends, and that was not said");
  if (outside_said != outside.count) {
    const ik_call *call = &outside.items[outside_said].call;
    fail(printed("an effect on %.*s/%.*s, which is not here, was not said", IK_ARG(call->service), IK_ARG(call->method)));
  }
  if (parked_said != parked.count) {
    const ik_parked *first = &parked.items[parked_said];
    fail(printed("a parked effect was not said: %.*s/%.*s refuses: %.*s", IK_ARG(first->call.service),
                 IK_ARG(first->call.method), IK_ARG(first->failure.message)));
  }
}

void ik_test_given(const ik_service *of, const char *key) {
  finish();
  begin(of, key);
}

void ik_test_given_event(ik_value event) {
  if (about->commands.count != 0) fail("events are given before the first command");
  *IK_PUSH(&about->history, &about->history_room, ik_typed) = (ik_typed){ik_text_of(event.type->name), ik_encode(event.type, event.message)};
  about->given_events = about->history;
}

void ik_test_given_value(ik_value of) {
  about->has_value = true;
  about->value = ik_encode(of.type, of.message);
}

ik_view ik_test_view(void) {
  return (ik_view){&about->replica, NULL};
}

void ik_test_at_time(int64_t ms) {
  now_ms = ms;
}

// What a host passes on to no function, whatever a service lists: a kit that did would test what cannot be. A copy of
// host/header-names.ts, since the SDK is a file of its own; test/sdk/kept-headers.test.ts compares them.
static const char *const credentials[] = {"authorization", "cookie", "set-cookie", NULL};
static const char *const credentials_prefixes[] = {"proxy-", NULL};
static const char *const of_transport[] = {
    "connection", "content-length", "content-encoding", "content-type", "date", "expect", "host", "http2-settings",
    "idempotency-key", "keep-alive", "server", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
    "x-innkeeper-commit", "x-request-id", NULL
};
static const char *const of_transport_prefixes[] = {"grpc-", ":", NULL};

// Without regard to case. `whole`: up to its end, else its beginning.
static bool is_one_of(const char *const *names, const char *name, bool whole) {
  for (; *names != NULL; names++) {
    size_t i = 0;
    while ((*names)[i] != 0 && (*names)[i] == (name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i])) i++;
    if ((*names)[i] == 0 && (!whole || name[i] == 0)) return true;
  }
  return false;
}

static void check_reaches(const char *name) {
  if (is_one_of(credentials, name, true) || is_one_of(credentials_prefixes, name, false))
    fail(printed("the header %s never reaches a function"
                 "; callers send a token in x-token or x-api-key, which are not journaled (setting never-stored-headers); "
                 "to check who calls is the host's job, once it has access control", name));
  if (is_one_of(of_transport, name, true) || is_one_of(of_transport_prefixes, name, false))
    fail(printed("the header %s never reaches a function"
                 ", since it belongs to the transport; "
                 "callers send what a function needs under another name, which begins with x-", name));
}

void ik_test_with_metadata(const char *name, const char *text) {
  check_reaches(name);
  *IK_PUSH(&sent, &sent_room, ik_metadata_entry) = (ik_metadata_entry){ik_text_of(name), false, ik_text_of(text)};
}

// Keys: which entity a request is for, by the descriptors that the component has (host/schema/entity-key.ts says the same).

// The next field of this number that has a length.
static bool next_part(ik_reader *reader, uint32_t number, ik_bytes *part) {
  while (ik_more(reader)) {
    uint32_t tag = ik_read_tag(reader);
    if (tag == (number << 3 | 2)) {
      *part = ik_read_bytes(reader);
      return true;
    }
    ik_skip(reader, tag);
  }
  return false;
}

static ik_bytes part_of(ik_bytes message, uint32_t number) {
  ik_reader reader = ik_reader_of(message);
  ik_bytes part = {NULL, 0};
  next_part(&reader, number, &part);
  return part;
}

static uint64_t number_of(ik_bytes message, uint32_t number) {
  ik_reader reader = ik_reader_of(message);
  uint64_t value = 0;
  while (ik_more(&reader)) {
    uint32_t tag = ik_read_tag(&reader);
    if (tag == number << 3)
      value = ik_read_varint(&reader);
    else
      ik_skip(&reader, tag);
  }
  return value;
}

// Of a FileDescriptorProto (`field` 4) or a DescriptorProto (3): the message of that name in it.
static bool find_message(ik_bytes within, uint32_t field, ik_text prefix, const char *name, ik_bytes *found) {
  ik_reader reader = ik_reader_of(within);
  while (next_part(&reader, field, found)) {
    ik_bytes message = *found;
    const char *dot = prefix.length == 0 ? "" : ".";
    ik_text full = ik_format("%.*s%s%.*s", IK_ARG(prefix), dot, IK_ARG(part_of(message, 1)));
    if (ik_is(full, name) || find_message(message, 3, full, name, found)) return true;
  }
  return false;
}

static ik_text base64(ik_bytes bytes) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  ik_builder text = {0};
  for (size_t i = 0; i < bytes.length; i += 3) {
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; k++) bits = bits << 8 | (i + k < bytes.length ? bytes.data[i + k] : 0);
    for (size_t k = 0; k < 4; k++) ik_append(&text, i + k <= bytes.length ? &letters[bits >> (18 - 6 * k) & 63] : "=", 1);
  }
  return (ik_text){(const uint8_t *)text.data, text.length};
}

// By FieldDescriptorProto.Type.
enum { OF_FIXED64 = 6, OF_FIXED32 = 7, OF_BOOL = 8, OF_STRING = 9, OF_BYTES = 12, OF_SFIXED32 = 15, OF_SFIXED64 = 16 };

static uint32_t wire_of(uint64_t type) {
  if (type == OF_STRING || type == OF_BYTES) return 2;
  if (type == OF_FIXED64 || type == OF_SFIXED64) return 1;
  return type == OF_FIXED32 || type == OF_SFIXED32 ? 5 : 0;
}

static ik_text read_key(ik_reader *reader, uint64_t type) {
  switch (type) {
    case OF_STRING:
      return ik_read_text(reader);
    case OF_BYTES:
      return base64(ik_read_bytes(reader));
    case OF_BOOL:
      return ik_text_of(ik_read_varint(reader) == 0 ? "false" : "true");
    case 4:
      return ik_format("%" IK_U64, ik_read_varint(reader));
    case OF_FIXED64:
      return ik_format("%" IK_U64, ik_read_fixed64(reader));
    case OF_SFIXED64:
      return ik_format("%" IK_D64, (int64_t)ik_read_fixed64(reader));
    case OF_FIXED32:
      return ik_format("%u", ik_read_fixed32(reader));
    case OF_SFIXED32:
      return ik_format("%d", (int32_t)ik_read_fixed32(reader));
    case 3:
      return ik_format("%" IK_D64, (int64_t)ik_read_varint(reader));
    case 13:
      return ik_format("%u", (uint32_t)ik_read_varint(reader));
    case 17:
      return ik_format("%d", ik_read_sint32(reader));
    case 18:
      return ik_format("%" IK_D64, ik_read_sint64(reader));
    default:
      return ik_format("%d", (int32_t)ik_read_varint(reader));
  }
}

// The last of several counts.
static ik_text key_part(ik_bytes payload, uint32_t number, uint64_t type) {
  ik_reader reader = ik_reader_of(payload);
  bool may_be_empty = type == OF_STRING || type == OF_BYTES;
  ik_text text = ik_text_of(may_be_empty ? "" : type == OF_BOOL ? "false" : "0");
  while (ik_more(&reader)) {
    uint32_t tag = ik_read_tag(&reader);
    if (tag == (number << 3 | wire_of(type)))
      text = read_key(&reader, type);
    else
      ik_skip(&reader, tag);
  }
  return text;
}

typedef struct ik_key {
  ik_text text;
  // Why no request can name an entity; null where one can.
  const char *impossible;
  // As a host refuses it: a field is empty, and may not be. Null where each is as it must be.
  const char *forgotten;
} ik_key;

static ik_key key_of(const ik_service *of, const ik_method *method, ik_bytes payload) {
  ik_reader files = ik_reader_of((ik_bytes){ik_descriptors, ik_descriptors_length});
  ik_bytes file, field, message = {NULL, 0};
  while (next_part(&files, 1, &file) && !find_message(file, 4, part_of(file, 2), method->request->name, &message))
    message.length = 0;
  ik_reader fields = ik_reader_of(message);
  ik_key key = {{NULL, 0}, NULL, NULL};
  size_t count = 0;
  while (next_part(&fields, 2, &field)) {
    ik_bytes options = part_of(field, 8);
    if (number_of(options, 51080) == 0 && number_of(options, 1080) == 0 && number_of(options, 50002) == 0) continue;
    uint64_t type = number_of(field, 5);
    // 1, 2: a double, a float. Their text is that of JavaScript, which the kit does not have.
    if (type <= 2)
      key.impossible = printed("%s/%s: name the entity by given_entity, since its key is a fraction", of->name, method->name);
    ik_text part = key_part(payload, (uint32_t)number_of(field, 3), type);
    if (part.length == 0 && number_of(options, 51082) == 0 && key.forgotten == NULL)
      key.forgotten = printed("%s/%s: the field %.*s names the entity and is empty; set it in the request", of->name,
                              method->name, IK_ARG(part_of(field, 1)));
    key.text = count++ == 0 ? part : ik_format("%.*s-%.*s", IK_ARG(key.text), IK_ARG(part));
  }
  if (count == 0)
    key.impossible = printed("%s/%s names no entity: no field of %s is marked (innkeeper.entity_key) = true", of->name,
                             method->name, method->request->name);
  return key;
}

static const ik_method *method_of(const ik_service *of, ik_text name) {
  for (size_t i = 0; i < of->method_count; i++)
    if (ik_is(name, of->methods[i].name)) return &of->methods[i];
  return NULL;
}

// The test is about the entity that its requests name. Those of given_entity may leave it out.
static void name_entity(const char *name, ik_value request) {
  const ik_method *method = method_of(about->service, ik_text_of(name));
  if (*about->service->kind == IK_KIND_ACTION || method == NULL) return;
  ik_key key = key_of(about->service, method, ik_encode(request.type, request.message));
  const char *problem = key.impossible != NULL ? key.impossible : key.forgotten;
  if (about->is_given && (problem != NULL || key.text.length == 0)) return;
  if (problem != NULL)
    fail(problem);
  else if ((about->is_given || about->is_asked) && !ik_equal(about->entity, key.text))
    fail(printed("%s is asked of %.*s, but the test is about %.*s; begin another one with given", name, IK_ARG(key.text),
                 IK_ARG(about->entity)));
  else
    about->entity = key.text;
  about->is_asked = true;
}

// When

static ik_command command_of(const char *method, ik_value request) {
  ik_command command = {ik_text_of(method), ik_encode(request.type, request.message), sent, (double)now_ms, {1, 2, 3, 4}, {false, {NULL, 0}}};
  sent = (ik_metadata){NULL, 0};
  sent_room = 0;
  return command;
}

static void open_step(void) {
  finish();
  is_open = true;
  is_answered = was_silent = has_ended = change_said = subscribed = end_said = false;
  events_said = effects_said = cancels_said = resolves_said = 0;
  events = (ik_typed_list){NULL, 0};
  change = IK_CHANGE_UNCHANGED;
  outside = parked = (ik_parked_list){NULL, 0, 0};
  outside_said = parked_said = 0;
  pending_said = NULL;
  memset(&outcome, 0, sizeof outcome);
}

static ik_bytes evolved(const ik_basis *basis, const ik_typed_list *list) {
  ik_evolve_answer answer = {0};
  ik_guest_event_sourced_evolve(ik_text_of(about->service->name), about->entity, basis, list, true, &answer);
  return answer.value.state;
}

static void when_event_sourced(const ik_command *command) {
  ik_text name = ik_text_of(about->service->name);
  ik_basis nothing = {0};
  ik_basis before = {IK_BASIS_BYTES, evolved(&nothing, &about->history), 0};
  ik_command_list one = {(ik_command *)command, 1};
  ik_decide_answer answer = {0}, again = {0}, batch = {0};
  ik_guest_event_sourced_decide(name, about->entity, &before, &one, true, &answer);
  ik_guest_event_sourced_decide(name, about->entity, &before, &one, true, &again);
  const ik_decision *decision = &answer.decisions.items[0];
  if (!same_decision(decision, &again.decisions.items[0])) fail("decided twice, a command comes to something else: what is kept between calls?");
  differs("the state after the events (law L2)", evolved(&before, &decision->events), answer.next.value.state);
  *IK_PUSH(&about->commands, &about->commands_room, ik_command) = *command;
  ik_basis from = {IK_BASIS_BYTES, evolved(&nothing, &about->given_events), 0};
  ik_guest_event_sourced_decide(name, about->entity, &from, &about->commands, true, &batch);
  if (!same_decision(decision, &batch.decisions.items[about->commands.count - 1])) fail("in a batch, the command comes to something else (law L1)");
  differs("the state after a batch (law L1)", answer.next.value.state, batch.next.value.state);
  events = decision->events;
  outcome = decision->outcome;
  for (size_t i = 0; i < events.count; i++) *IK_PUSH(&about->history, &about->history_room, ik_typed) = events.items[i];
}

static void when_value(const ik_command *command) {
  ik_basis basis = {about->has_value ? IK_BASIS_BYTES : IK_BASIS_NONE, about->has_value ? about->value : (ik_bytes){NULL, 0}, 0};
  ik_command_list one = {(ik_command *)command, 1};
  ik_value_answer answer = {0}, again = {0};
  ik_guest_value_decide(ik_text_of(about->service->name), about->entity, &basis, &one, &answer);
  ik_guest_value_decide(ik_text_of(about->service->name), about->entity, &basis, &one, &again);
  const ik_value_decision *decision = &answer.decisions.items[0];
  ik_decision first = {{NULL, 0}, decision->outcome}, second = {{NULL, 0}, again.decisions.items[0].outcome};
  if (!same_decision(&first, &second)) fail("decided twice, a command comes to something else: what is kept between calls?");
  change = decision->change;
  updated = decision->value;
  outcome = decision->outcome;
  if (change == IK_CHANGE_UPDATED) about->value = updated;
  if (change != IK_CHANGE_UNCHANGED) about->has_value = change == IK_CHANGE_UPDATED;
}

// Replicated: the replica's draft as a view, and operations into it.

static void put_node(ik_writer *writer, ik_node *node) {
  ik_settle(node);
  size_t opened = ik_open(writer);
  switch (node->kind) {
    case IK_G_COUNTER:
    case IK_FLAG:
      ik_put_number(writer, 8, node->number);
      break;
    case IK_PN_COUNTER:
      ik_put_number(writer, 8, ik_zigzag64((int64_t)node->number));
      break;
    case IK_LWW_REGISTER:
      ik_put_field(writer, 10, node->bytes);
      break;
    case IK_VOTE:
      ik_put_number(writer, 24, node->vote.voters);
      ik_put_number(writer, 16, node->vote.votes_for);
      ik_put_number(writer, 8, node->vote.self);
      break;
    default:
      ik_put_number(writer, 16, node->count);
      for (size_t i = node->count; i-- > 0;) {
        const ik_entry *entry = &node->entries[i];
        if (node->kind != IK_OR_MAP) {
          ik_put_field(writer, 10, entry->key);
          continue;
        }
        size_t inner = ik_open(writer), content = ik_open(writer);
        put_node(writer, entry->value);
        ik_close(writer, 18, content);
        ik_put_field(writer, 10, entry->key);
        ik_close(writer, 10, inner);
      }
  }
  ik_close(writer, (uint32_t)node->kind << 3 | 2, opened);
}

static ik_bytes bytes_of_draft(const ik_draft *draft) {
  ik_writer writer = {0};
  if (draft->root == NULL) return (ik_bytes){NULL, 0};
  size_t opened = ik_open(&writer);
  put_node(&writer, draft->root);
  ik_close(&writer, 18, opened);
  ik_put_number(&writer, 8, 1);
  return ik_wrap(&writer);
}

static ik_bytes view_bytes(void) {
  return bytes_of_draft(&about->replica);
}

static void apply_operation(ik_reader *reader) {
  ik_view at = {&about->replica, NULL};
  while (ik_more(reader)) {
    uint32_t tag = ik_read_tag(reader);
    switch (tag) {
      case 10:
        at = ik_map_at(at, ik_read_bytes(reader));
        break;
      case IK_OP_CREATE << 3: {
        bool is_new;
        ik_reach(&about->replica, at.place, (uint8_t)ik_read_varint(reader), &is_new);
        break;
      }
      case IK_OP_INCREMENT << 3:
        ik_g_counter_add(at, ik_read_varint(reader));
        break;
      case IK_OP_ADD << 3:
        ik_pn_counter_add(at, ik_read_sint64(reader));
        break;
      case IK_OP_INSERT << 3 | 2:
      case IK_OP_REMOVE << 3 | 2: {
        ik_bytes element = ik_read_bytes(reader);
        const ik_node *node = ik_find_node(&about->replica, at.place);
        uint8_t kind = node == NULL ? about->replica.kind : node->kind;
        ik_operate(at, kind, (ik_operation){.field = tag >> 3, .bytes = element});
        break;
      }
      case IK_OP_CLEAR << 3: {
        ik_read_varint(reader);
        const ik_node *node = ik_find_node(&about->replica, at.place);
        if (node != NULL) ik_operate(at, node->kind, (ik_operation){.field = IK_OP_CLEAR, .number = 1});
        break;
      }
      case IK_OP_ASSIGN << 3 | 2: {
        const uint8_t *outer = ik_enter(reader);
        ik_bytes assigned = {NULL, 0};
        while (ik_more(reader)) {
          uint32_t inner = ik_read_tag(reader);
          if (inner == 10)
            assigned = ik_read_bytes(reader);
          else
            ik_skip(reader, inner);
        }
        ik_leave(reader, outer);
        // One replica: the last write wins, whatever its clock.
        ik_register_set(at, assigned);
        break;
      }
      case IK_OP_ENABLE << 3:
        ik_read_varint(reader);
        ik_flag_enable(at);
        break;
      case IK_OP_VOTE << 3:
        ik_vote_set(at, ik_read_varint(reader) != 0);
        break;
      default:
        ik_skip(reader, tag);
    }
  }
}

static void apply(const ik_replicated_decision *decision) {
  ik_reader reader = ik_reader_of(decision->operations);
  while (ik_more(&reader)) {
    uint32_t tag = ik_read_tag(&reader);
    if (tag != 10) {
      ik_skip(&reader, tag);
      continue;
    }
    const uint8_t *outer = ik_enter(&reader);
    apply_operation(&reader);
    ik_leave(&reader, outer);
  }
  ik_check_view(&reader);
}

static void end_if_deleted(const ik_replicated_decision *decision) {
  if (!decision->is_deleted) return;
  change = IK_CHANGE_DELETED;
  about->replica = (ik_draft){.kind = about->service->crdt};
  about->is_deleted = true;
}

static bool same_replicated(const ik_replicated_decision *a, const ik_replicated_decision *b) {
  if (a->answer != b->answer || a->is_deleted != b->is_deleted || !ik_equal(a->operations, b->operations)) return false;
  if (a->answer != IK_ANSWER_NOW) return ik_equal(a->value.after, b->value.after);
  ik_decision first = {{NULL, 0}, a->value.now}, second = {{NULL, 0}, b->value.now};
  return same_decision(&first, &second);
}

static void when_replicated(const ik_command *command) {
  ik_replicated_decision decision = {0}, again = {0};
  ik_guest_replicated_decide(ik_text_of(about->service->name), about->entity, view_bytes(), command, &decision);
  ik_guest_replicated_decide(ik_text_of(about->service->name), about->entity, view_bytes(), command, &again);
  if (!same_replicated(&decision, &again)) fail("decided twice, a command comes to something else: what is kept between calls?");
  apply(&decision);
  subscribed = decision.subscribe.present;
  if (decision.answer == IK_ANSWER_NOW)
    outcome = decision.value.now;
  else
    ik_guest_replicated_render(ik_text_of(about->service->name), about->entity, view_bytes(), command, decision.value.after, &outcome);
  end_if_deleted(&decision);
}

static void when_action(ik_command *command) {
  ik_command_list one = {command, 1};
  ik_outcome_list answer, again;
  ik_guest_action_call(ik_text_of(about->service->name), &one, &answer);
  ik_guest_action_call(ik_text_of(about->service->name), &one, &again);
  ik_decision first = {{NULL, 0}, answer.items[0]}, second = {{NULL, 0}, again.items[0]};
  if (!same_decision(&first, &second)) fail("called twice, a command comes to something else: what is kept between calls?");
  outcome = answer.items[0];
}

// What `about` comes to by this command.
static void decide(ik_command *command) {
  switch (*about->service->kind) {
    case IK_KIND_EVENT_SOURCED:
      when_event_sourced(command);
      break;
    case IK_KIND_VALUE:
      when_value(command);
      break;
    case IK_KIND_REPLICATED:
      when_replicated(command);
      break;
    default:
      when_action(command);
  }
  print_logs(&outcome.logs);
}

void ik_test_when(const char *method, ik_value request) {
  open_step();
  if (members != NULL) fail("services together are asked by calls");
  name_entity(method, request);
  ik_command *command = ik_allocate(sizeof *command, 8);
  *command = command_of(method, request);
  decide(command);
}

// Answers: a oneof of the reply (1) and the failure (2), and the note (3). They name no entity: the host knows which one asked.

// Last to first: the writer goes backwards.
static ik_bytes heard_reply(ik_bytes reply, ik_bytes note) {
  ik_writer writer = {0};
  if (note.length != 0) ik_put_field(&writer, 26, note);
  ik_put_field(&writer, 10, reply);
  return ik_wrap(&writer);
}

// As a host makes it (host/delivery/answers.ts).
static ik_bytes heard_failure(ik_code code, ik_text message, ik_reason reason, ik_bytes note) {
  static const char *const reasons[] = {[IK_REASON_UNKNOWN] = "UNKNOWN", [IK_REASON_REFUSED] = "REFUSED", [IK_REASON_NOT_SENT] = "NOT_SENT"};
  ik_writer writer = {0};
  if (note.length != 0) ik_put_field(&writer, 26, note);
  size_t status = ik_open(&writer), any = ik_open(&writer), info = ik_open(&writer);
  ik_put_text_field(&writer, 18, ik_text_of("innkeeper"));
  ik_put_text_field(&writer, 10, ik_text_of(reasons[reason]));
  ik_close(&writer, 18, info);
  ik_put_text_field(&writer, 10, ik_text_of("type.googleapis.com/google.rpc.ErrorInfo"));
  ik_close(&writer, 26, any);
  ik_put_text_field(&writer, 18, message);
  ik_put_number(&writer, 8, (uint64_t)code + 1);
  ik_close(&writer, 18, status);
  return ik_wrap(&writer);
}

static ik_bytes note_of(ik_value note) {
  return note.type == NULL ? (ik_bytes){NULL, 0} : ik_encode(note.type, note.message);
}

static void when_heard(const char *method, ik_bytes heard) {
  open_step();
  if (members != NULL) fail("services together are asked by calls");
  ik_command *command = ik_allocate(sizeof *command, 8);
  *command = (ik_command){ik_text_of(method), heard, {NULL, 0}, (double)now_ms, {1, 2, 3, 4}, {false, {NULL, 0}}};
  decide(command);
}

void ik_test_when_answer(const char *method, ik_value reply, ik_value note) {
  when_heard(method, heard_reply(ik_encode(reply.type, reply.message), note_of(note)));
}

void ik_test_when_failure(const char *method, ik_code code, const char *message, ik_reason reason, ik_value note) {
  when_heard(method, heard_failure(code, ik_text_of(message), reason, note_of(note)));
}

// Services together. In the order of a host that does one thing at a time: what a command changes, its effects and all that
// comes of them, its answer. A refused effect does not fail the command that caused it: a host parks it.

// As many as a host follows.
enum { HOPS_MAX = 16 };

void ik_test_together(const ik_service *const *services, size_t count) {
  finish();
  begin(services[0], NULL);
  const ik_service **copy = ik_allocate_zeroed((count + 1) * sizeof *copy);
  for (size_t i = 0; i < count; i++) {
    for (size_t k = 0; k < i; k++)
      if (strcmp(copy[k]->name, services[i]->name) == 0) fail(printed("%s is here twice", services[i]->name));
    copy[i] = services[i];
  }
  members = copy;
}

static const ik_service *member_of(ik_text name) {
  for (const ik_service *const *member = members; *member != NULL; member++)
    if (ik_is(name, (*member)->name)) return *member;
  return NULL;
}

static void be_about(const ik_service *of, ik_text entity) {
  for (about = entities; about != NULL; about = about->next)
    if (about->service == of && ik_equal(about->entity, entity)) return;
  about = subject_of(of, NULL);
  about->entity = entity;
  about->next = entities;
  entities = about;
}

static ik_outcome refused(ik_code code, const char *message) {
  ik_outcome of = {.is_failure = true};
  of.answer.failure.code = (uint8_t)code;
  of.answer.failure.message = ik_text_of(message);
  return of;
}

// `asker`: the entity that hears an answer by this command, whose request names none. Answers the entity in `key`.
static ik_outcome come_to(const ik_service *of, const ik_method *method, ik_command *command, const ik_text *asker, ik_text *entity) {
  *entity = (ik_text){NULL, 0};
  if (*of->kind != IK_KIND_ACTION) {
    ik_key key = {{NULL, 0}, NULL, NULL};
    if (asker == NULL) key = key_of(of, method, command->payload);
    if (key.impossible != NULL) fail(key.impossible);
    if (key.forgotten != NULL) return refused(IK_INVALID_ARGUMENT, key.forgotten);
    *entity = asker == NULL ? key.text : *asker;
  }
  be_about(of, *entity);
  if (about->is_deleted) return refused(IK_NOT_FOUND, "Entity deleted");
  decide(command);
  return outcome;
}

static bool same_member(const ik_member *a, const ik_member *b) {
  return ik_equal(a->service, b->service) && ik_equal(a->entity, b->entity);
}

// Of equal times, what was said first is first.
static ik_timer *add_timer(double at_ms) {
  ik_timer **at = &timers, *timer = ik_allocate_zeroed(sizeof *timer);
  while (*at != NULL && (*at)->at_ms <= at_ms) at = &(*at)->next;
  timer->at_ms = at_ms;
  timer->next = *at;
  return *at = timer;
}

static bool is_effect(const ik_timer *timer) {
  return timer->ticket == NULL && timer->ask == NULL;
}

// An effect of this name is no longer pending.
static void drop_pending(const ik_member *from, ik_text name) {
  for (ik_timer **at = &timers; *at != NULL;) {
    const ik_timer *timer = *at;
    bool is_it = is_effect(timer) && timer->effect.name.present && ik_equal(timer->effect.name.value, name) && same_member(&timer->from, from);
    if (is_it)
      *at = timer->next;
    else
      at = &(*at)->next;
  }
}

static ik_came *run(const ik_call *call, uint32_t hops, const ik_text *asker);

static void tell(ik_hearing *hearing, const ik_outcome *of, ik_reason reason) {
  const ik_effect *effect = &hearing->effect;
  if (!effect->has_answer) {
    if (of->is_failure) *IK_PUSH(&parked, &parked.room, ik_parked) = (ik_parked){effect->call, of->answer.failure};
    return;
  }
  if (hearing->has_heard) return;
  hearing->has_heard = true;
  const ik_failure *failure = &of->answer.failure;
  ik_bytes heard = of->is_failure ? heard_failure((ik_code)failure->code, failure->message, reason, effect->answer.note)
                                  : heard_reply(of->answer.reply.value.message, effect->answer.note);
  ik_call call = {hearing->from.service, effect->answer.method, heard, {NULL, 0}};
  run(&call, hearing->hops, &hearing->from.entity);
}

// A caller is answered once.
static void settle(ik_came *came, const ik_outcome *of, ik_reason reason) {
  if (came->is_settled) return;
  came->is_settled = true;
  came->outcome = *of;
  for (ik_hearing *hearing = came->hearing; hearing != NULL; hearing = hearing->next) tell(hearing, of, reason);
}

static void deliver(const ik_effect *effect, const ik_member *from, double due_ms, uint32_t hops) {
  ik_hearing *hearing = ik_allocate_zeroed(sizeof *hearing);
  *hearing = (ik_hearing){.effect = *effect, .from = *from, .hops = hops};
  ik_came *came = NULL;
  if (member_of(effect->call.service) == NULL)
    *IK_PUSH(&outside, &outside.room, ik_parked) = (ik_parked){.call = effect->call};
  else
    came = run(&effect->call, hops, NULL);
  if (came != NULL && came->is_settled) {
    tell(hearing, &came->outcome, IK_REASON_REFUSED);
    return;
  }
  if (came != NULL) {
    ik_hearing **last = &came->hearing;
    while (*last != NULL) last = &(*last)->next;
    *last = hearing;
  }
  if (effect->has_answer && effect->has_within) add_timer(due_ms + effect->within_ms)->ask = hearing;
}

// All who wait for it; the ticket is no longer open.
static void resolve_waiting(const ik_member *at, const ik_resolution *resolution) {
  ik_outcome resolved = {.is_failure = resolution->is_failure, .metadata = resolution->metadata};
  if (resolution->is_failure)
    resolved.answer.failure = resolution->answer.failure;
  else
    resolved.answer.reply = (ik_wire_reply){.kind = IK_REPLY_MESSAGE, .value.message = resolution->answer.message};
  ik_waiting *told = NULL, **last = &told;
  for (ik_waiting **next = &waiting; *next != NULL;) {
    ik_waiting *one = *next;
    if (!same_member(&one->at, at) || !ik_equal(one->method, resolution->method) || !ik_equal(one->ticket, resolution->ticket)) {
      next = &one->next;
      continue;
    }
    *next = one->next;
    one->next = NULL;
    *last = one;
    last = &one->next;
  }
  for (; told != NULL; told = told->next) settle(told->came, &resolved, IK_REASON_REFUSED);
}

static void wait_for(const ik_member *at, ik_text method, const ik_deferred *later, ik_came *came) {
  ik_waiting **last = &waiting, *one = ik_allocate_zeroed(sizeof *one);
  while (*last != NULL) last = &(*last)->next;
  *one = (ik_waiting){NULL, *at, method, later->ticket, came};
  *last = one;
  if (later->has_within) add_timer((double)now_ms + later->within_s * 1000.0)->ticket = came;
}

static ik_came *run(const ik_call *call, uint32_t hops, const ik_text *asker) {
  ik_came *came = ik_allocate_zeroed(sizeof *came);
  came->outcome.answer.reply.kind = IK_REPLY_NONE;
  // One failure is told, and a circle would be long.
  if (has_failed) return came;
  const ik_service *of = member_of(call->service);
  const ik_method *method = of == NULL ? NULL : method_of(of, call->method);
  const char *place = printed("%.*s/%.*s", IK_ARG(call->service), IK_ARG(call->method));
  if (of == NULL)
    fail(printed("%s is called, and its service is not here: give it to together", place));
  else if (method == NULL)
    fail(printed("%s is called, and the service has no such method", place));
  else if (method->shape != IK_UNARY)
    fail(printed("%s streams: test it by given", place));
  else if (hops > HOPS_MAX)
    fail(printed("%s is the last of %u hops, too many: what calls itself?", place, hops));
  for (size_t i = 0; i < call->metadata.count; i++) check_reaches(c_string(call->metadata.items[i].name));
  if (has_failed) return came;
  ik_command *command = ik_allocate(sizeof *command, 8);
  *command = (ik_command){call->method, call->payload, call->metadata, (double)now_ms, {1, 2, 3, 4 + asked++}, {false, {NULL, 0}}};
  ik_member at = {call->service, {NULL, 0}};
  ik_outcome answer = come_to(of, method, command, asker, &at.entity);
  if (has_failed) return came;
  uint8_t reply = answer.is_failure ? IK_REPLY_NONE : answer.answer.reply.kind;
  if (reply == IK_REPLY_LATER) wait_for(&at, call->method, &answer.answer.reply.value.later, came);
  for (size_t i = 0; i < answer.resolves.count; i++) resolve_waiting(&at, &answer.resolves.items[i]);
  for (size_t i = 0; i < answer.cancels.count; i++) drop_pending(&at, answer.cancels.items[i]);
  // All are of one commit: what the answer to an effect cancels is pending by then.
  for (size_t i = 0; i < answer.effects.count; i++) {
    const ik_effect *effect = &answer.effects.items[i];
    // A pending one of this name is replaced.
    if (effect->name.present) drop_pending(&at, effect->name.value);
    if (effect->due.kind == IK_DUE_AT_ONCE) continue;
    ik_timer *timer = add_timer(effect->due.kind == IK_DUE_AFTER ? (double)now_ms + effect->due.ms : effect->due.ms);
    timer->effect = *effect;
    timer->from = at;
  }
  double at_ms = (double)now_ms;
  for (size_t i = 0; i < answer.effects.count; i++)
    if (answer.effects.items[i].due.kind == IK_DUE_AT_ONCE) deliver(&answer.effects.items[i], &at, at_ms, hops + 1);
  if (reply == IK_REPLY_FORWARD) return run(&answer.answer.reply.value.forward, hops + 1, NULL);
  if (reply != IK_REPLY_LATER) settle(came, &answer, IK_REASON_REFUSED);
  return came;
}

// What entities changed and which effects ran is theirs; a caller gets the answer.
static void show_answer(const ik_came *came) {
  outcome = came->outcome;
  outcome.effects = (ik_effect_list){NULL, 0};
  outcome.cancels = (ik_bytes_list){NULL, 0};
  outcome.resolves = (ik_resolution_list){NULL, 0};
  events = (ik_typed_list){NULL, 0};
  change = IK_CHANGE_UNCHANGED;
  subscribed = false;
}

static ik_came nobody;
static const ik_came *shown_answer;

const ik_came *ik_test_calls(ik_call call) {
  open_step();
  if (members == NULL) {
    fail("calls is for services together: a service alone is asked by when");
    return &nobody;
  }
  for (size_t i = 0; i < call.metadata.count; i++)
    *IK_PUSH(&sent, &sent_room, ik_metadata_entry) = call.metadata.items[i];
  call.metadata = sent;
  sent = (ik_metadata){NULL, 0};
  sent_room = 0;
  shown_answer = run(&call, 0, NULL);
  show_answer(shown_answer);
  return shown_answer;
}

void ik_test_then_waits(void) {
  is_answered = true;
  if (members == NULL || shown_answer->is_settled) fail("the caller is answered: it does not wait");
}

void ik_test_answered(const ik_came *came) {
  open_step();
  shown_answer = came;
  if (!came->is_settled) fail("the caller still waits: its ticket is open");
  show_answer(came);
}

// So much time passes: what is due by then is done.
void ik_test_turn(int64_t ms) {
  open_step();
  is_answered = true;
  if (members == NULL) fail("turn is for services together: a service alone is given its time by at_time");
  int64_t end = now_ms + (ms < 0 ? 0 : ms);
  while (timers != NULL && timers->at_ms <= (double)end && !has_failed) {
    const ik_timer *timer = timers;
    timers = timer->next;
    // Of what was due in the past, the time is not that.
    if (timer->at_ms > (double)now_ms) now_ms = (int64_t)timer->at_ms;
    ik_outcome late = refused(IK_DEADLINE_EXCEEDED, timer->ask != NULL ? "the call was not answered in time" : "the reply did not come in time");
    if (timer->ticket != NULL)
      settle(timer->ticket, &late, IK_REASON_UNKNOWN);
    else if (timer->ask != NULL)
      tell(timer->ask, &late, IK_REASON_UNKNOWN);
    else
      deliver(&timer->effect, &timer->from, timer->at_ms, 0);
  }
  now_ms = end;
  memset(&outcome, 0, sizeof outcome);
  outcome.answer.reply.kind = IK_REPLY_NONE;
  events = (ik_typed_list){NULL, 0};
  change = IK_CHANGE_UNCHANGED;
  subscribed = false;
}

static ik_subscription subscription_of(const char *method, ik_value request) {
  return (ik_subscription){ik_text_of("1"), ik_text_of(method), ik_encode(request.type, request.message)};
}

void ik_test_changed(const char *method, ik_value request) {
  open_step();
  name_entity(method, request);
  ik_subscription subscription = subscription_of(method, request);
  ik_subscription_list list = {&subscription, 1};
  ik_stream_step_list steps;
  ik_guest_replicated_changed(ik_text_of(about->service->name), about->entity, view_bytes(), &list, (double)now_ms, &steps);
  outcome = steps.items[0].outcome;
  has_ended = steps.items[0].end;
  was_silent = !steps.items[0].has_outcome || says_nothing(&outcome);
  print_logs(&outcome.logs);
}

void ik_test_cancelled(const char *method, ik_value request) {
  open_step();
  name_entity(method, request);
  ik_subscription subscription = subscription_of(method, request);
  ik_replicated_decision decision = {0};
  ik_guest_replicated_cancelled(ik_text_of(about->service->name), about->entity, view_bytes(), &subscription, (double)now_ms, &decision);
  outcome = decision.value.now;
  was_silent = true;
  print_logs(&outcome.logs);
  apply(&decision);
  end_if_deleted(&decision);
}

// Then

static const ik_typed *next_event(const ik_message_type *type) {
  if (events_said == events.count) {
    fail(outcome.is_failure ? printed("refused: %s", c_string(outcome.answer.failure.message)) : "there is no further event");
    return NULL;
  }
  const ik_typed *next = &events.items[events_said++];
  if (ik_is(next->type_name, type->name)) return next;
  fail(printed("the event is a %s", c_string(next->type_name)));
  return NULL;
}

void ik_test_then_event(ik_value event) {
  const ik_typed *next = next_event(event.type);
  if (next != NULL) differs(event.type->name, ik_encode(event.type, event.message), next->data);
}

// A test goes on after a failure: with an empty message.
static const void *decoded(const char *what, const ik_message_type *type, const ik_bytes *bytes) {
  void *message = ik_allocate_zeroed(type->size);
  if (bytes != NULL && ik_decode(type, *bytes, message) != NULL) fail(printed("the %s is no %s", what, type->name));
  return message;
}

const void *ik_test_the_event(const ik_message_type *type) {
  const ik_typed *next = next_event(type);
  return decoded("event", type, next == NULL ? NULL : &next->data);
}

void ik_test_then_updated(ik_value of) {
  change_said = true;
  if (change != IK_CHANGE_UPDATED)
    fail("the value is not updated");
  else
    differs("the value", ik_encode(of.type, of.message), updated);
}

void ik_test_then_removed(void) {
  change_said = true;
  if (change != IK_CHANGE_DELETED) fail("nothing is removed");
}

static void differ_call(const ik_call *expected, const ik_call *actual) {
  ik_builder left = {0}, right = {0};
  put_call(&left, expected);
  put_call(&right, actual);
  if (left.length != right.length || memcmp(left.data, right.data, left.length) != 0)
    fail(printed("the call is one to %s/%s, or of something else", c_string(actual->service), c_string(actual->method)));
}

// In a stream an effect comes as an output of its own, before the elements.
static const ik_effect *next_effect(void) {
  if (is_streaming && effects_said == outcome.effects.count && outputs_said < outputs.count &&
      outputs.items[outputs_said].effects.count != 0) {
    outcome = outputs.items[outputs_said];
    effects_said = 0;
    if (!outcome.is_failure && outcome.answer.reply.kind == IK_REPLY_NONE) outputs_said++;
  }
  if (effects_said >= outcome.effects.count) {
    fail("there is no further effect");
    return NULL;
  }
  return &outcome.effects.items[effects_said++];
}

static void differ_ms(const char *what, bool expects, double expected, bool has, double actual) {
  if (expects != has)
    fail(printed(has ? "the effect has %s, and that was not said" : "the effect has no %s", what));
  else if (has && expected != actual)
    fail(printed("%s is %" IK_D64 " ms, expected %" IK_D64, what, (int64_t)actual, (int64_t)expected));
}

static void differ_effect(const ik_effect *expected) {
  static const char *const dues[] = {"at once", "after a span", "at a time"};
  const ik_effect *effect = next_effect();
  if (effect == NULL) return;
  differ_call(&expected->call, &effect->call);
  if (effect->synchronous != expected->synchronous) fail("the effect is synchronous, or not, as was not said");
  if (effect->due.kind != expected->due.kind)
    fail(printed("the effect is due %s, expected %s", dues[effect->due.kind], dues[expected->due.kind]));
  differ_ms("the due time", expected->due.kind != IK_DUE_AT_ONCE, expected->due.ms, effect->due.kind != IK_DUE_AT_ONCE, effect->due.ms);
  differ_ms("within_ms", expected->has_within, expected->within_ms, effect->has_within, effect->within_ms);
  if (effect->name.present != expected->name.present || !ik_equal(effect->name.value, expected->name.value))
    fail(printed("the name of the effect is \"%s\", expected \"%s\"", c_string(effect->name.value), c_string(expected->name.value)));
  if (!ik_equal(effect->answer.method, expected->answer.method))
    fail(printed("its answer is heard by \"%s\", expected \"%s\"", c_string(effect->answer.method), c_string(expected->answer.method)));
  differs("the note", expected->answer.note, effect->answer.note);
}

// As the services say it.
static ik_effect effect_of(ik_call call, ik_terms terms) {
  ik_effect effect = {.call = call, .synchronous = terms.synchronous};
  if (terms.name.length != 0) effect.name = (ik_optional_bytes){true, terms.name};
  effect.has_within = terms.within_ms != 0;
  if (effect.has_within) effect.within_ms = terms.within_ms < 1 ? 1 : (double)terms.within_ms;
  if (terms.after_ms > 0) effect.due = (ik_due){IK_DUE_AFTER, (double)terms.after_ms};
  if (terms.at_ms > 0) effect.due = (ik_due){IK_DUE_AT, (double)terms.at_ms};
  return effect;
}

void ik_test_then_effect(ik_call call, bool synchronous) {
  ik_effect effect = {.call = call, .synchronous = synchronous};
  differ_effect(&effect);
}

void ik_test_then_effect_on(ik_call call, ik_terms terms) {
  ik_effect effect = effect_of(call, terms);
  differ_effect(&effect);
}

void ik_test_then_due(uint8_t kind, int64_t ms, ik_call call, ik_terms terms) {
  ik_effect effect = effect_of(call, terms);
  effect.due = (ik_due){kind, ms < 0 ? 0 : (double)ms};
  differ_effect(&effect);
}

void ik_test_then_asks(const char *method, ik_call call, ik_value note, ik_terms terms) {
  ik_effect effect = effect_of(call, terms);
  effect.has_answer = true;
  effect.answer.method = ik_text_of(method);
  if (note.type != NULL) effect.answer.note = ik_encode(note.type, note.message);
  differ_effect(&effect);
}

void ik_test_then_cancels(const char *name) {
  if (cancels_said == outcome.cancels.count)
    fail("nothing further is cancelled");
  else if (!ik_is(outcome.cancels.items[cancels_said++], name))
    fail(printed("another effect is cancelled: %s", c_string(outcome.cancels.items[cancels_said - 1])));
}

static const ik_resolution *next_resolution(const char *method, const char *ticket) {
  if (resolves_said == outcome.resolves.count) {
    fail("no further ticket is resolved");
    return NULL;
  }
  const ik_resolution *next = &outcome.resolves.items[resolves_said++];
  if (ik_is(next->method, method) && ik_is(next->ticket, ticket)) return next;
  fail(printed("another ticket is resolved: %s of %s", c_string(next->ticket), c_string(next->method)));
  return NULL;
}

void ik_test_then_resolves(const char *method, const char *ticket, ik_value reply) {
  const ik_resolution *next = next_resolution(method, ticket);
  if (next == NULL) return;
  if (next->is_failure)
    fail(printed("the ticket is refused: %s", c_string(next->answer.failure.message)));
  else
    differs(reply.type->name, ik_encode(reply.type, reply.message), next->answer.message);
}

void ik_test_then_resolves_refused(const char *method, const char *ticket, ik_code code, const char *message) {
  const ik_resolution *next = next_resolution(method, ticket);
  if (next == NULL) return;
  if (!next->is_failure)
    fail("the ticket is not refused");
  else if (next->answer.failure.code != code || (message != NULL && !ik_is(next->answer.failure.message, message)))
    fail(printed("the ticket is refused with code %d: %s", next->answer.failure.code, c_string(next->answer.failure.message)));
}

static bool has_entry(const ik_metadata *metadata, const char *name, const char *text) {
  for (size_t i = 0; i < metadata->count; i++)
    if (ik_is(metadata->items[i].name, name) && ik_is(metadata->items[i].value, text)) return true;
  return false;
}

void ik_test_then_metadata(const char *name, const char *text) {
  if (!has_entry(&outcome.metadata, name, text)) fail("there is no such metadata");
}

void ik_test_then_resolution_metadata(const char *name, const char *text) {
  if (resolves_said == 0)
    fail("say the resolution first: then_resolves, and then what is sent with it");
  else if (!has_entry(&outcome.resolves.items[resolves_said - 1].metadata, name, text))
    fail("there is no such metadata of the resolution");
}

// The answer, or the next output of a stream.
static const ik_outcome *next_answer(void) {
  if (!is_streaming) {
    is_answered = true;
    return &outcome;
  }
  if (outputs_said < outputs.count) return &outputs.items[outputs_said++];
  fail("the stream has sent nothing further");
  return NULL;
}

void ik_test_then_reply(ik_value reply, bool opens) {
  const ik_outcome *answer = next_answer();
  if (answer == NULL) return;
  if (answer->is_failure)
    fail(printed("refused: %s", c_string(answer->answer.failure.message)));
  else if (answer->answer.reply.kind != IK_REPLY_MESSAGE)
    fail("there is no reply");
  else
    differs(reply.type->name, ik_encode(reply.type, reply.message), answer->answer.reply.value.message);
  if (*about->service->kind == IK_KIND_REPLICATED && opens != subscribed && !was_silent && !has_ended)
    fail(opens ? "the stream is not kept open" : "the stream is kept open");
}

const void *ik_test_the_reply(const ik_message_type *type) {
  const ik_wire_reply *replied = &outcome.answer.reply;
  bool is_there = !is_streaming && !outcome.is_failure && replied->kind == IK_REPLY_MESSAGE;
  if (!is_there) fail("there is no reply");
  return decoded("reply", type, is_there ? &replied->value.message : NULL);
}

const void *ik_test_the_element(const ik_message_type *type) {
  const ik_outcome *answer = next_answer();
  bool is_there = answer != NULL && !answer->is_failure && answer->answer.reply.kind == IK_REPLY_MESSAGE;
  if (answer != NULL && answer->is_failure)
    fail(printed("refused: %s", c_string(answer->answer.failure.message)));
  else if (!is_there)
    fail("there is no element");
  return decoded("element", type, is_there ? &answer->answer.reply.value.message : NULL);
}

void ik_test_then_silent(bool opens) {
  if (is_streaming) {
    if (outputs_said != outputs.count) fail("the stream has sent something");
    return;
  }
  is_answered = true;
  if (outcome.is_failure || (!was_silent && outcome.answer.reply.kind != IK_REPLY_NONE)) fail("there is an answer");
  if (opens && !subscribed) fail("the stream is not kept open");
}

void ik_test_then_refuses(ik_code code, const char *message) {
  const ik_outcome *answer = next_answer();
  if (answer == NULL) return;
  end_said = true;
  if (!answer->is_failure) {
    fail("it is not refused");
    return;
  }
  if (answer->answer.failure.code != code) fail(printed("refused with code %d", answer->answer.failure.code));
  if (message != NULL && !ik_is(answer->answer.failure.message, message))
    fail(printed("refused: %s", c_string(answer->answer.failure.message)));
}

void ik_test_then_later(const char *ticket, int64_t within_ms) {
  const ik_outcome *answer = next_answer();
  if (answer == NULL) return;
  if (answer->is_failure || answer->answer.reply.kind != IK_REPLY_LATER) {
    fail(answer->is_failure ? printed("refused: %s", c_string(answer->answer.failure.message)) : "the reply does not come later");
    return;
  }
  const ik_deferred *later = &answer->answer.reply.value.later;
  uint32_t seconds = within_ms < 1 ? 1 : (uint32_t)((within_ms - 1) / 1000 + 1);
  if (!ik_is(later->ticket, ticket)) fail(printed("the ticket is %s", c_string(later->ticket)));
  if (later->has_within != (within_ms != 0) || (later->has_within && later->within_s != seconds))
    fail("the ticket is open for another time");
}

void ik_test_then_forwards(ik_call call) {
  const ik_outcome *answer = next_answer();
  if (answer == NULL) return;
  if (answer->is_failure || answer->answer.reply.kind != IK_REPLY_FORWARD)
    fail("there is no forward");
  else
    differ_call(&call, &answer->answer.reply.value.forward);
}

void ik_test_then_outside(ik_call call) {
  if (outside_said == outside.count)
    fail("there is no further effect on a service that is not here");
  else
    differ_call(&call, &outside.items[outside_said++].call);
}

void ik_test_then_parked(ik_call call, ik_code code, const char *message) {
  if (parked_said == parked.count) {
    fail("there is no further effect that was refused");
    return;
  }
  const ik_parked *next = &parked.items[parked_said++];
  differ_call(&call, &next->call);
  if (next->failure.code != code) fail(printed("the effect is refused with code %d", next->failure.code));
  if (message != NULL && !ik_is(next->failure.message, message))
    fail(printed("the effect is refused: %s", c_string(next->failure.message)));
}

// The next of those that are due later, in the order of their time, from the first on after each step.
static const ik_timer *next_pending(void) {
  const ik_timer *timer = pending_said == NULL ? timers : pending_said->next;
  while (timer != NULL && !is_effect(timer)) timer = timer->next;
  return timer;
}

void ik_test_then_pending(int64_t at_ms, ik_call call) {
  const ik_timer *timer = next_pending();
  if (timer == NULL) {
    fail("there is no further effect that is due later");
    return;
  }
  pending_said = timer;
  differ_call(&call, &timer->effect.call);
  differ_ms("the time", true, (double)at_ms, true, timer->at_ms);
}

void ik_test_then_nothing_pending(void) {
  const ik_timer *timer = next_pending();
  if (timer == NULL) return;
  const ik_call *call = &timer->effect.call;
  fail(printed("an effect is due later: %.*s/%.*s", IK_ARG(call->service), IK_ARG(call->method)));
}

void ik_test_then_ends(void) {
  end_said = true;
  if (is_streaming ? !stream_done : !has_ended) fail("the stream does not end");
}

// Views

static ik_row_list view_start, view_rows;
static size_t view_start_room;
static ik_view_change_list view_changes;
static size_t view_changes_room;
// Of the rows that there are now; they are made by the first word that looks at them.
static bool is_projected;
static ik_bytes_list rows_said;
static size_t rows_said_room;

void ik_test_given_view(const ik_service *of) {
  finish();
  begin(of, NULL);
  view = of;
  view_start = view_rows = (ik_row_list){NULL, 0};
  view_start_room = 0;
  view_changes = (ik_view_change_list){NULL, 0};
  view_changes_room = 0;
  is_projected = true;
  rows_said = (ik_bytes_list){NULL, 0};
  rows_said_room = 0;
}

void ik_test_given_row(const char *key, ik_value row) {
  ik_optional_bytes bytes = {true, ik_encode(row.type, row.message)};
  *IK_PUSH(&view_start, &view_start_room, ik_row) = (ik_row){ik_text_of(key), bytes};
  is_projected = false;
}

static bool of_one_entity(const ik_view_change *a, const ik_view_change *b) {
  return ik_equal(a->service, b->service) && ik_equal(a->entity, b->entity);
}

// `batches`: the changes one by one, or all at once.
static ik_row_list rows_after(const ik_view_change_list *order, bool one_by_one) {
  ik_row_list table = {NULL, 0};
  size_t table_room = 0;
  for (size_t i = 0; i < view_start.count; i++) *IK_PUSH(&table, &table_room, ik_row) = view_start.items[i];
  ik_bytes_list *put = ik_allocate_zeroed((order->count + 1) * sizeof *put);
  ik_text name = ik_text_of(view->name);
  size_t step = one_by_one ? 1 : order->count;
  for (size_t from = 0; from < order->count; from += step) {
    ik_view_change_list batch = {ik_allocate_zeroed(step * sizeof(ik_view_change)), step};
    for (size_t i = 0; i < step; i++) {
      const ik_view_change *came = &order->items[from + i];
      batch.items[i] = *came;
      const ik_row *given = ik_row_at(&view_start, came->entity);
      if (given != NULL) batch.items[i].keys = (ik_bytes_list){(ik_bytes *)&given->key, 1};
      for (size_t k = 0; k < from; k++)
        if (of_one_entity(&order->items[k], came)) batch.items[i].keys = put[k];
    }
    ik_keys_list keys = {NULL, 0};
    ik_rows_list puts = {NULL, 0};
    ik_guest_view_keys(name, &batch, &keys);
    ik_row_list before = {NULL, 0};
    size_t before_room = 0;
    for (size_t i = 0; i < keys.count; i++)
      for (size_t k = 0; k < keys.items[i].count; k++) {
        const ik_row *there = ik_row_at(&table, keys.items[i].items[k]);
        if (there != NULL && ik_row_at(&before, there->key) == NULL) *IK_PUSH(&before, &before_room, ik_row) = *there;
      }
    ik_guest_view_project(name, &batch, &before, &puts);
    for (size_t i = 0; i < step; i++) {
      const ik_bytes_list *former = &batch.items[i].keys;
      for (size_t k = 0; k < i; k++)
        if (of_one_entity(&batch.items[k], &batch.items[i])) former = &put[from + k];
      put[from + i] = ik_keys_after(former, &puts.items[i]);
      for (size_t k = 0; k < puts.items[i].count; k++) {
        ik_row *there = ik_row_at(&table, puts.items[i].items[k].key);
        if (there == NULL) there = IK_PUSH(&table, &table_room, ik_row);
        *there = puts.items[i].items[k];
      }
    }
  }
  return table;
}

// The first row of one that is not so in the other; null: there is none.
static const ik_row *missing_row(const ik_row_list *one, const ik_row_list *other) {
  for (size_t i = 0; i < one->count; i++) {
    const ik_row *row = &one->items[i], *there = ik_row_at(other, row->key);
    bool is_there = there != NULL && there->row.present;
    if (row->row.present != is_there || (is_there && !ik_equal(row->row.value, there->row.value))) return row;
  }
  return NULL;
}

static void check_rows(const char *law, const ik_view_change_list *order, bool one_by_one) {
  ik_row_list rows = rows_after(order, one_by_one);
  const ik_row *other = missing_row(&view_rows, &rows);
  if (other == NULL) other = missing_row(&rows, &view_rows);
  if (other != NULL) fail(printed("the row \"%.*s\" breaks law %s", IK_ARG(other->key), law));
}

static void project_view(void) {
  if (is_projected) return;
  is_projected = true;
  const ik_view_change_list *changes = &view_changes;
  size_t count = changes->count;
  view_rows = rows_after(changes, false);
  check_rows("L4: the same changes are projected differently twice", changes, false);
  check_rows("L7: a batch is projected differently than its changes one by one", changes, true);
  ik_view_change_list entities = {NULL, 0}, order = {NULL, 0}, reversed = {NULL, 0}, newest = {NULL, 0};
  size_t entities_room = 0, order_room = 0, reversed_room = 0, newest_room = 0;
  for (size_t i = 0; i < count; i++) {
    bool is_known = false, is_last = true;
    for (size_t k = 0; k < entities.count; k++) is_known |= of_one_entity(&entities.items[k], &changes->items[i]);
    if (!is_known) *IK_PUSH(&entities, &entities_room, ik_view_change) = changes->items[i];
    for (size_t k = i + 1; k < count; k++) is_last &= !of_one_entity(&changes->items[k], &changes->items[i]);
    if (is_last || changes->items[i].what == IK_WHAT_EVENT) *IK_PUSH(&newest, &newest_room, ik_view_change) = changes->items[i];
  }
  for (size_t e = 0; e < entities.count; e++)
    for (size_t i = 0; i < count; i++) {
      const ik_view_change *came = &changes->items[i];
      if (of_one_entity(came, &entities.items[e])) *IK_PUSH(&order, &order_room, ik_view_change) = *came;
      if (of_one_entity(came, &entities.items[entities.count - 1 - e])) *IK_PUSH(&reversed, &reversed_room, ik_view_change) = *came;
    }
  check_rows("L7: rows depend on the order of changes of different entities", &order, true);
  check_rows("L7: rows depend on the order of changes of different entities", &reversed, true);
  check_rows("L7: rows depend on values that are not their entity's newest", &newest, true);
}

// All rows that there are have been said.
static void finish_view(void) {
  if (view == NULL || (is_projected && rows_said.count == 0 && view_changes.count == 0)) return;
  project_view();
  for (size_t i = 0; i < view_rows.count; i++)
    if (view_rows.items[i].row.present && !ik_has_key(&rows_said, view_rows.items[i].key))
      fail(printed("there is a row that was not said: %.*s", IK_ARG(view_rows.items[i].key)));
}

static void add_view_change(const char *service, const char *entity, uint8_t what, ik_typed message) {
  if (rows_said.count != 0) finish_view();
  rows_said = (ik_bytes_list){NULL, 0};
  rows_said_room = 0;
  is_projected = false;
  size_t index = view_changes.count;
  ik_view_change came = {ik_text_of(service), ik_text_of(entity), (double)index + 1, (double)(now_ms + (int64_t)index * 1000), what, message, {NULL, 0}};
  *IK_PUSH(&view_changes, &view_changes_room, ik_view_change) = came;
}

void ik_test_view_change(const char *service, const char *entity, uint8_t what, ik_value message) {
  ik_typed typed = {{NULL, 0}, {NULL, 0}};
  if (message.type != NULL) typed = (ik_typed){ik_text_of(message.type->name), ik_encode(message.type, message.message)};
  add_view_change(service, entity, what, typed);
}

ik_view ik_test_replica(ik_crdt kind) {
  ik_draft *draft = ik_allocate_zeroed(sizeof *draft);
  draft->kind = (uint8_t)kind;
  return (ik_view){draft, NULL};
}

void ik_test_becomes_replica(const char *service, const char *entity, ik_view replica) {
  add_view_change(service, entity, IK_WHAT_UPDATED, (ik_typed){ik_text_of(ik_replica_type.name), bytes_of_draft(replica.draft)});
}

void ik_test_then_row(const char *key, ik_value row) {
  project_view();
  ik_text named = ik_text_of(key);
  const ik_row *there = ik_row_at(&view_rows, named);
  *IK_PUSH(&rows_said, &rows_said_room, ik_bytes) = named;
  if (there == NULL || !there->row.present)
    fail(printed("there is no row %s", key));
  else
    differs(printed("the row %s", key), ik_encode(row.type, row.message), there->row.value);
}

// Streams of actions

static void step(const ik_input *input) {
  if (outputs_said != outputs.count) fail("the stream has sent more than was said");
  if (stream_done) {
    fail("the stream has ended");
    return;
  }
  ik_input_list inputs = {(ik_input *)input, input == NULL ? 0 : 1};
  static const uint32_t seed[4] = {1, 2, 3, 4};
  ik_action_step answer = {0};
  ik_guest_action_stream(ik_text_of(about->service->name), ik_text_of(stream_method), stream_state.present ? &stream_state.value : NULL,
                         &inputs, (double)now_ms, seed, &answer);
  outputs = (ik_outcome_list){answer.outputs.items, 0};
  for (size_t i = 0; i < answer.outputs.count; i++) {
    const ik_outcome *output = &answer.outputs.items[i];
    print_logs(&output->logs);
    if (!says_nothing(output)) outputs.items[outputs.count++] = *output;
  }
  outputs_said = 0;
  stream_state = answer.state;
  stream_done = answer.done;
  stream_more = answer.more;
  memset(&outcome, 0, sizeof outcome);
  effects_said = 0;
}

void ik_test_stream(const char *method) {
  finish();
  is_streaming = true;
  stream_method = method;
  stream_state = (ik_optional_bytes){false, {NULL, 0}};
  stream_done = stream_more = false;
  outputs = (ik_outcome_list){NULL, 0};
  outputs_said = 0;
  ik_input start = {.kind = IK_INPUT_START, .value = {.start = sent}};
  step(&start);
}

void ik_test_input(uint8_t kind, ik_value request) {
  ik_input input = {.kind = kind};
  if (request.type != NULL) input.value.item = ik_encode(request.type, request.message);
  step(&input);
}

void ik_test_take_more(void) {
  if (!stream_more) fail("the stream has no more to say");
  step(NULL);
}

#ifndef IK_TEST_NO_MAIN
int main(void) {
  int count = 0;
  for (const ik_test *test = tests; test != NULL; test = test->next, count++) {
    test_name = test->name;
    has_failed = false;
    begin(NULL, NULL);
    test->run();
    finish();
    ik_release();
  }
  printf("%d of %d tests passed\n", count - failures, count);
  return failures == 0 ? 0 : 1;
}
#endif
