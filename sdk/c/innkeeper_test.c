// The test kit of innkeeper_test.h. It has the SDK in it: a program of tests compiles this instead of innkeeper.c.
#include "innkeeper.c"

#include "innkeeper_test.h"

static ik_test *tests;
static const char *test_name, *here_file;
static int here_line, failures;
static bool has_failed;

// What is being tested. Everything lives until the test is over.
static const ik_service *service;
static ik_text entity;
static int64_t now_ms;
static ik_metadata sent;
static size_t sent_room;
// Event-sourced: the history; the first of it is given, what follows was decided.
static ik_typed_list history, given_events;
static size_t history_room;
static ik_command_list commands;
static size_t commands_room;
// Value.
static bool has_value;
static ik_bytes value;
// Replicated.
static ik_draft replica;
// What the last command came to, and how much of it was said.
static bool is_open, is_answered, was_silent, has_ended, is_streaming;
static ik_typed_list events;
static uint8_t change;
static ik_bytes updated;
static ik_outcome outcome;
static size_t events_said, effects_said;
static bool change_said, subscribed, end_said;
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
  return !of->is_failure && of->answer.reply.kind == IK_REPLY_NONE && of->effects.count == 0;
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

static void put_outcome(ik_builder *to, const ik_outcome *of) {
  if (of->is_failure) {
    ik_append(to, &of->answer.failure.code, 1);
    put(to, of->answer.failure.message);
    put_typed(to, &of->answer.failure.details);
  } else {
    ik_append(to, &of->answer.reply.kind, 1);
    if (of->answer.reply.kind == IK_REPLY_MESSAGE) put(to, of->answer.reply.value.message);
    if (of->answer.reply.kind == IK_REPLY_FORWARD) put_call(to, &of->answer.reply.value.forward);
  }
  for (size_t i = 0; i < of->effects.count; i++) {
    put_call(to, &of->effects.items[i].call);
    ik_append(to, &of->effects.items[i].synchronous, 1);
  }
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

static void begin(const ik_service *of, const char *key) {
  service = of;
  entity = ik_text_of(key);
  now_ms = 1700000000000;
  sent = (ik_metadata){NULL, 0};
  history = given_events = (ik_typed_list){NULL, 0};
  commands = (ik_command_list){NULL, 0};
  sent_room = history_room = commands_room = 0;
  has_value = is_open = is_streaming = false;
  replica = (ik_draft){.kind = of->crdt};
  stream_method = NULL;
}

// All that the last command came to has been said.
static void finish(void) {
  if (is_streaming && outputs_said != outputs.count) fail("the stream has sent more than was said");
  if (!is_open) return;
  is_open = false;
  if (events_said != events.count) fail(printed("there is an event that was not said: %s", c_string(events.items[events_said].type_name)));
  if (effects_said != outcome.effects.count) fail("there is an effect that was not said");
  if (change != IK_CHANGE_UNCHANGED && !change_said) fail("the value changes, and that was not said");
  if (!is_answered && !was_silent) fail("the answer was not said");
  if (has_ended && !end_said && !outcome.is_failure) fail("the stream ends, and that was not said");
}

void ik_test_given(const ik_service *of, const char *key) {
  finish();
  begin(of, key);
}

void ik_test_given_event(ik_value event) {
  if (commands.count != 0) fail("events are given before the first command");
  *IK_PUSH(&history, &history_room, ik_typed) = (ik_typed){ik_text_of(event.type->name), ik_encode(event.type, event.message)};
  given_events = history;
}

void ik_test_given_value(ik_value of) {
  has_value = true;
  value = ik_encode(of.type, of.message);
}

ik_view ik_test_view(void) {
  return (ik_view){&replica, NULL};
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
    "x-request-id", NULL
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

// When

static ik_command command_of(const char *method, ik_value request) {
  ik_command command = {ik_text_of(method), ik_encode(request.type, request.message), sent, (double)now_ms, {1, 2, 3, 4}};
  sent = (ik_metadata){NULL, 0};
  sent_room = 0;
  return command;
}

static void open_step(void) {
  finish();
  is_open = true;
  is_answered = was_silent = has_ended = change_said = subscribed = end_said = false;
  events_said = effects_said = 0;
  events = (ik_typed_list){NULL, 0};
  change = IK_CHANGE_UNCHANGED;
  memset(&outcome, 0, sizeof outcome);
}

static ik_bytes evolved(const ik_basis *basis, const ik_typed_list *list) {
  ik_evolve_answer answer = {0};
  ik_guest_event_sourced_evolve(ik_text_of(service->name), entity, basis, list, true, &answer);
  return answer.value.state;
}

static void when_event_sourced(const ik_command *command) {
  ik_text name = ik_text_of(service->name);
  ik_basis nothing = {0};
  ik_basis before = {IK_BASIS_BYTES, evolved(&nothing, &history), 0};
  ik_command_list one = {(ik_command *)command, 1};
  ik_decide_answer answer = {0}, again = {0}, batch = {0};
  ik_guest_event_sourced_decide(name, entity, &before, &one, true, &answer);
  ik_guest_event_sourced_decide(name, entity, &before, &one, true, &again);
  const ik_decision *decision = &answer.decisions.items[0];
  if (!same_decision(decision, &again.decisions.items[0])) fail("decided twice, a command comes to something else: what is kept between calls?");
  differs("the state after the events (law L2)", evolved(&before, &decision->events), answer.next.value.state);
  *IK_PUSH(&commands, &commands_room, ik_command) = *command;
  ik_basis from = {IK_BASIS_BYTES, evolved(&nothing, &given_events), 0};
  ik_guest_event_sourced_decide(name, entity, &from, &commands, true, &batch);
  if (!same_decision(decision, &batch.decisions.items[commands.count - 1])) fail("in a batch, the command comes to something else (law L1)");
  differs("the state after a batch (law L1)", answer.next.value.state, batch.next.value.state);
  events = decision->events;
  outcome = decision->outcome;
  for (size_t i = 0; i < events.count; i++) *IK_PUSH(&history, &history_room, ik_typed) = events.items[i];
}

static void when_value(const ik_command *command) {
  ik_basis basis = {has_value ? IK_BASIS_BYTES : IK_BASIS_NONE, has_value ? value : (ik_bytes){NULL, 0}, 0};
  ik_command_list one = {(ik_command *)command, 1};
  ik_value_answer answer = {0}, again = {0};
  ik_guest_value_decide(ik_text_of(service->name), entity, &basis, &one, &answer);
  ik_guest_value_decide(ik_text_of(service->name), entity, &basis, &one, &again);
  const ik_value_decision *decision = &answer.decisions.items[0];
  ik_decision first = {{NULL, 0}, decision->outcome}, second = {{NULL, 0}, again.decisions.items[0].outcome};
  if (!same_decision(&first, &second)) fail("decided twice, a command comes to something else: what is kept between calls?");
  change = decision->change;
  updated = decision->value;
  outcome = decision->outcome;
  if (change == IK_CHANGE_UPDATED) value = updated;
  if (change != IK_CHANGE_UNCHANGED) has_value = change == IK_CHANGE_UPDATED;
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

static ik_bytes view_bytes(void) {
  ik_writer writer = {0};
  if (replica.root == NULL) return (ik_bytes){NULL, 0};
  size_t opened = ik_open(&writer);
  put_node(&writer, replica.root);
  ik_close(&writer, 18, opened);
  ik_put_number(&writer, 8, 1);
  return ik_wrap(&writer);
}

static void apply_operation(ik_reader *reader) {
  ik_view at = {&replica, NULL};
  while (ik_more(reader)) {
    uint32_t tag = ik_read_tag(reader);
    switch (tag) {
      case 10:
        at = ik_map_at(at, ik_read_bytes(reader));
        break;
      case IK_OP_CREATE << 3: {
        bool is_new;
        ik_reach(&replica, at.place, (uint8_t)ik_read_varint(reader), &is_new);
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
        const ik_node *node = ik_resolve(&replica, at.place);
        uint8_t kind = node == NULL ? replica.kind : node->kind;
        ik_operate(at, kind, (ik_operation){.field = tag >> 3, .bytes = element});
        break;
      }
      case IK_OP_CLEAR << 3: {
        ik_read_varint(reader);
        const ik_node *node = ik_resolve(&replica, at.place);
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
  replica = (ik_draft){.kind = service->crdt};
}

static void when_replicated(const ik_command *command) {
  ik_replicated_decision decision = {0};
  ik_guest_replicated_decide(ik_text_of(service->name), entity, view_bytes(), command, &decision);
  apply(&decision);
  subscribed = decision.subscribe.present;
  if (decision.answer == IK_ANSWER_NOW)
    outcome = decision.value.now;
  else
    ik_guest_replicated_render(ik_text_of(service->name), entity, view_bytes(), command, decision.value.after, &outcome);
  end_if_deleted(&decision);
}

static void when_action(ik_command *command) {
  ik_command_list one = {command, 1};
  ik_outcome_list answer;
  ik_guest_action_call(ik_text_of(service->name), &one, &answer);
  outcome = answer.items[0];
}

void ik_test_when(const char *method, ik_value request) {
  open_step();
  ik_command *command = ik_allocate(sizeof *command, 8);
  *command = command_of(method, request);
  switch (*service->kind) {
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

static ik_subscription subscription_of(const char *method, ik_value request) {
  return (ik_subscription){ik_text_of("1"), ik_text_of(method), ik_encode(request.type, request.message)};
}

void ik_test_changed(const char *method, ik_value request) {
  open_step();
  ik_subscription subscription = subscription_of(method, request);
  ik_subscription_list list = {&subscription, 1};
  ik_stream_step_list steps;
  ik_guest_replicated_changed(ik_text_of(service->name), entity, view_bytes(), &list, (double)now_ms, &steps);
  outcome = steps.items[0].outcome;
  has_ended = steps.items[0].end;
  was_silent = !steps.items[0].has_outcome || says_nothing(&outcome);
  print_logs(&outcome.logs);
}

void ik_test_cancelled(const char *method, ik_value request) {
  open_step();
  ik_subscription subscription = subscription_of(method, request);
  ik_replicated_decision decision = {0};
  ik_guest_replicated_cancelled(ik_text_of(service->name), entity, view_bytes(), &subscription, (double)now_ms, &decision);
  outcome = decision.value.now;
  was_silent = true;
  print_logs(&outcome.logs);
  apply(&decision);
  end_if_deleted(&decision);
}

// Then

void ik_test_then_event(ik_value event) {
  if (events_said == events.count) {
    fail(outcome.is_failure ? printed("refused: %s", c_string(outcome.answer.failure.message)) : "there is no further event");
    return;
  }
  const ik_typed *next = &events.items[events_said++];
  if (!ik_is(next->type_name, event.type->name)) fail(printed("the event is a %s", c_string(next->type_name)));
  differs(event.type->name, ik_encode(event.type, event.message), next->data);
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
void ik_test_then_effect(ik_call call, bool synchronous) {
  if (is_streaming && effects_said == outcome.effects.count && outputs_said < outputs.count &&
      outputs.items[outputs_said].effects.count != 0) {
    outcome = outputs.items[outputs_said];
    effects_said = 0;
    if (!outcome.is_failure && outcome.answer.reply.kind == IK_REPLY_NONE) outputs_said++;
  }
  if (effects_said >= outcome.effects.count) {
    fail("there is no further effect");
    return;
  }
  const ik_effect *effect = &outcome.effects.items[effects_said++];
  differ_call(&call, &effect->call);
  if (effect->synchronous != synchronous) fail("the effect is synchronous, or not, as was not said");
}

void ik_test_then_metadata(const char *name, const char *text) {
  for (size_t i = 0; i < outcome.metadata.count; i++)
    if (ik_is(outcome.metadata.items[i].name, name) && ik_is(outcome.metadata.items[i].value, text)) return;
  fail("there is no such metadata");
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
  if (*service->kind == IK_KIND_REPLICATED && opens != subscribed && !was_silent && !has_ended)
    fail(opens ? "the stream is not kept open" : "the stream is kept open");
}

const void *ik_test_the_reply(const ik_message_type *type) {
  void *reply = ik_allocate_zeroed(type->size);
  const ik_wire_reply *replied = &outcome.answer.reply;
  if (is_streaming || outcome.is_failure || replied->kind != IK_REPLY_MESSAGE)
    fail("there is no reply");
  else if (ik_decode(type, replied->value.message, reply) != NULL)
    fail(printed("the reply is no %s", type->name));
  return reply;
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

void ik_test_then_forwards(ik_call call) {
  const ik_outcome *answer = next_answer();
  if (answer == NULL) return;
  if (answer->is_failure || answer->answer.reply.kind != IK_REPLY_FORWARD)
    fail("there is no forward");
  else
    differ_call(&call, &answer->answer.reply.value.forward);
}

void ik_test_then_ends(void) {
  end_said = true;
  if (is_streaming ? !stream_done : !has_ended) fail("the stream does not end");
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
  ik_guest_action_stream(ik_text_of(service->name), ik_text_of(stream_method), stream_state.present ? &stream_state.value : NULL,
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
    is_open = is_streaming = false;
    outputs = (ik_outcome_list){NULL, 0};
    outputs_said = 0;
    test->run();
    finish();
    ik_release();
  }
  printf("%d of %d tests passed\n", count - failures, count);
  return failures == 0 ? 0 : 1;
}
#endif
