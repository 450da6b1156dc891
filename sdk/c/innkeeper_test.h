// Innkeeper's test kit for C: given a history, when a command comes, then these events and this reply. Native, without a host.
//
//   cc -I<sdk> -Isrc test/rules.c src/*.c src/gen/*.c <sdk>/innkeeper_test.c -o rules && ./rules
//
// K1. Every `when` also tries the laws that the host relies on: a batch decides as its commands one by one, nothing is
//     remembered between calls, a state is the fold of its events.
// K2. All that a command came to is to be said: an event, an effect or an answer that no `then_...` named fails the test.
// K3. Of a replicated entity it has one replica and merges nothing.
// K4. The entity is the one that requests name by the key fields of the .proto, one in a test. A request without its key is told.
// K5. Services together do what a host does that does one thing at a time: a command's changes, its effects and all that comes of
//     them, its answer. A command follows at most 16 others. Their methods that stream are tested by `given`. Time stands still but for
//     `turn`, which brings what is due by then in the order of its time.
// K6. A fault ends the program with its words and its place. Log lines are printed, each behind the name of its test.
#pragma once
#include "innkeeper.h"

#ifdef __cplusplus
extern "C" {
#endif

// A message with its type: IK_OF(counter_added, .amount = 2), IK_OF(counter_cleared).
typedef struct ik_value {
  const ik_message_type *type;
  const void *message;
} ik_value;
#define IK_OF(type, ...) ((ik_value){&type##_type, ik_test_copy(&(type){__VA_ARGS__}, sizeof(type))})

// A test by its name; all that are linked run.
#define IK_TEST(name)                                                         \
  static void name(void);                                                     \
  __attribute__((constructor)) static void ik_register_##name(void) {         \
    static ik_test test = {#name, name, NULL};                                \
    ik_test_register(&test);                                                  \
  }                                                                           \
  static void name(void)

#define IK_CHECK(condition) ik_test_check(__FILE__, __LINE__, (condition), #condition)
#define IK_HERE ik_test_at(__FILE__, __LINE__)

// An entity of the service, or an action: nothing has happened yet.
#define given(service) (IK_HERE, ik_test_given(service, NULL))
// With its key: requests may then leave it out, and may name no other.
#define given_entity(service, key) (IK_HERE, ik_test_given(service, key))
// Its history, its value.
#define given_event(event) (IK_HERE, ik_test_given_event(event))
#define given_value(value) (IK_HERE, ik_test_given_value(value))
// What is there, to be looked at, and before the first `when` to be changed.
#define the_view() (ik_test_view())
// The time of the commands that follow, and what callers send along.
#define at_time(now_ms) ik_test_at_time(now_ms)
#define with_metadata(name, text) (IK_HERE, ik_test_with_metadata(name, text))

#define when(method, request) (IK_HERE, ik_test_when(method, request))
// The entity hears what it has asked for: a reply, or why there is none. IK_NO_NOTE: none comes back.
#define when_answer(method, reply, note) (IK_HERE, ik_test_when_answer(method, reply, note))
#define when_failure(method, code, message, reason, note) (IK_HERE, ik_test_when_failure(method, code, message, reason, note))
// Of a replicated entity: what a subscriber is told of a change, and that it has left. `request`: which opened the stream.
#define changed(method, request) (IK_HERE, ik_test_changed(method, request))
#define cancelled(method, request) (IK_HERE, ik_test_cancelled(method, request))

// Services whose effects and forwards reach each other; their entities begin with nothing: together(&orders_service, &carts_service).
#define together(...)                                                                                              \
  (IK_HERE, ik_test_together((const ik_service *const[]){__VA_ARGS__},                                             \
                             sizeof((const ik_service *const[]){__VA_ARGS__}) / sizeof(const ik_service *)))
// A caller's command: calls(orders_place_call(&request)). It and all that comes of it is done; then its answer is to be said, and
// each effect that reached nobody (then_outside) or was refused (then_parked).
#define calls(call) (IK_HERE, ik_test_calls(call))
// The reply comes later: the ticket is open. What the caller hears in the end is said after `answered`:
// const ik_came *ada = calls(...); then_waits(); turn(ik_minutes(5)); answered(ada); then_refuses(...)
#define then_waits() (IK_HERE, ik_test_then_waits())
#define answered(came) (IK_HERE, ik_test_answered(came))
// So much time passes: ik_seconds(90). What is due by then is done.
#define turn(ms) (IK_HERE, ik_test_turn(ms))
// The next effect that is due later, and when, in milliseconds since 1970; and that there is none further. They need not be said.
#define then_pending(at_ms, call) (IK_HERE, ik_test_then_pending(at_ms, call))
#define then_nothing_pending() (IK_HERE, ik_test_then_nothing_pending())
#define then_outside(call) (IK_HERE, ik_test_then_outside(call))
#define then_parked(call, code, message) (IK_HERE, ik_test_then_parked(call, code, message))

#define then_event(event) (IK_HERE, ik_test_then_event(event))
#define then_updated(value) (IK_HERE, ik_test_then_updated(value))
#define then_removed() (IK_HERE, ik_test_then_removed())
#define then_effect(call, synchronous) (IK_HERE, ik_test_then_effect(call, synchronous))
// An effect with what was said of it: as ik_add_effect_on, ik_after, ik_at and `..._ask` have it. IK_NO_NOTE: it was asked without one.
#define then_effect_on(call, terms) (IK_HERE, ik_test_then_effect_on(call, terms))
#define then_after(ms, call, terms) (IK_HERE, ik_test_then_due(IK_DUE_AFTER, ms, call, terms))
#define then_at(time_ms, call, terms) (IK_HERE, ik_test_then_due(IK_DUE_AT, time_ms, call, terms))
#define then_asks(method, call, note, terms) (IK_HERE, ik_test_then_asks(method, call, note, terms))
#define IK_NO_NOTE ((ik_value){NULL, NULL})
// Names of effects that are dropped, and tickets that are resolved, each in order.
#define then_cancels(name) (IK_HERE, ik_test_then_cancels(name))
#define then_resolves(method, ticket, reply) (IK_HERE, ik_test_then_resolves(method, ticket, reply))
#define then_resolves_refused(method, ticket, code, message) (IK_HERE, ik_test_then_resolves_refused(method, ticket, code, message))
// What is sent along with the resolution that was said last.
#define then_resolution_metadata(name, text) (IK_HERE, ik_test_then_resolution_metadata(name, text))
// The reply comes later; `within_ms` as ik_later has it.
#define then_later(ticket, within_ms) (IK_HERE, ik_test_then_later(ticket, within_ms))
#define then_metadata(name, text) (IK_HERE, ik_test_then_metadata(name, text))
#define then_reply(reply) (IK_HERE, ik_test_then_reply(reply, false))
// A streamed method of a replicated entity: the stream is open, with this first element or none.
#define then_stream(first) (IK_HERE, ik_test_then_reply(first, true))
#define then_stream_silent() (IK_HERE, ik_test_then_silent(true))
#define then_refuses(code, message) (IK_HERE, ik_test_then_refuses(code, message))
// The reply, to look at and to go on with, until the next step: `the_reply(counter_value)->value`.
#define the_reply(type) ((const type *)(IK_HERE, ik_test_the_reply(&type##_type)))
// The next event, and the next element of a stream, to look at. They are then said: `the_event(counter_added)->amount`.
#define the_event(type) ((const type *)(IK_HERE, ik_test_the_event(&type##_type)))
#define the_element(type) ((const type *)(IK_HERE, ik_test_the_element(&type##_type)))
#define then_forwards(call) (IK_HERE, ik_test_then_forwards(call))
// Of `changed`: an element, an end, or neither.
#define then_emits(element) (IK_HERE, ik_test_then_reply(element, false))
#define then_silent() (IK_HERE, ik_test_then_silent(false))
#define then_ends() (IK_HERE, ik_test_then_ends())

// A view: a table without rows, or with these; a row that is given is one that the entity of the same key has put. Then what became of entities:
// happens(orders_name, "a", IK_OF(order_placed, .cents = 5)). It also tries law L7: a batch projects as its changes one by one, in whatever order
// different entities come, and without values that are not their entity's newest. All rows that there are then are to be said.
#define given_view(service) (IK_HERE, ik_test_given_view(service))
#define given_row(key, row) (IK_HERE, ik_test_given_row(key, row))
#define happens(service, entity, event) (IK_HERE, ik_test_view_change(service, entity, IK_WHAT_EVENT, event))
#define becomes(service, entity, value) (IK_HERE, ik_test_view_change(service, entity, IK_WHAT_UPDATED, value))
// Of a replicated entity: a value that is not there yet, whose operations make it, `ik_view set = a_replica(IK_OR_SET)`; and that it is this one.
#define a_replica(kind) (IK_HERE, ik_test_replica(kind))
#define becomes_replica(service, entity, replica) (IK_HERE, ik_test_becomes_replica(service, entity, replica))
#define is_gone(service, entity) (IK_HERE, ik_test_view_change(service, entity, IK_WHAT_DELETED, IK_NO_NOTE))
#define then_row(key, row) (IK_HERE, ik_test_then_row(key, row))

// A stream of an action, driven as a client would.
#define stream(method) (IK_HERE, ik_test_stream(method))
#define sends(request) (IK_HERE, ik_test_input(IK_INPUT_ITEM, request))
#define closes() (IK_HERE, ik_test_input(IK_INPUT_END, (ik_value){NULL, NULL}))
#define leaves() (IK_HERE, ik_test_input(IK_INPUT_CANCELLED, (ik_value){NULL, NULL}))
// The client has taken what was sent, and the guest is asked for more.
#define takes() (IK_HERE, ik_test_take_more())

// What a caller of services together gets, now or later.
typedef struct ik_came ik_came;

typedef struct ik_test {
  const char *name;
  void (*run)(void);
  struct ik_test *next;
} ik_test;

void ik_test_register(ik_test *test);
void ik_test_at(const char *file, int line);
void ik_test_check(const char *file, int line, bool holds, const char *what);
const void *ik_test_copy(const void *message, size_t size);
void ik_test_given(const ik_service *service, const char *entity);
void ik_test_given_event(ik_value event);
void ik_test_given_value(ik_value value);
ik_view ik_test_view(void);
void ik_test_at_time(int64_t now_ms);
void ik_test_with_metadata(const char *name, const char *text);
void ik_test_when(const char *method, ik_value request);
void ik_test_together(const ik_service *const *services, size_t count);
const ik_came *ik_test_calls(ik_call call);
void ik_test_then_waits(void);
void ik_test_answered(const ik_came *came);
void ik_test_turn(int64_t ms);
void ik_test_then_pending(int64_t at_ms, ik_call call);
void ik_test_then_nothing_pending(void);
void ik_test_then_outside(ik_call call);
void ik_test_then_parked(ik_call call, ik_code code, const char *message);
void ik_test_changed(const char *method, ik_value request);
void ik_test_cancelled(const char *method, ik_value request);
void ik_test_then_event(ik_value event);
void ik_test_then_updated(ik_value value);
void ik_test_then_removed(void);
void ik_test_then_effect(ik_call call, bool synchronous);
void ik_test_then_effect_on(ik_call call, ik_terms terms);
void ik_test_then_due(uint8_t kind, int64_t ms, ik_call call, ik_terms terms);
void ik_test_then_asks(const char *method, ik_call call, ik_value note, ik_terms terms);
void ik_test_then_cancels(const char *name);
void ik_test_then_resolves(const char *method, const char *ticket, ik_value reply);
void ik_test_then_resolves_refused(const char *method, const char *ticket, ik_code code, const char *message);
void ik_test_then_later(const char *ticket, int64_t within_ms);
void ik_test_when_answer(const char *method, ik_value reply, ik_value note);
void ik_test_when_failure(const char *method, ik_code code, const char *message, ik_reason reason, ik_value note);
void ik_test_then_resolution_metadata(const char *name, const char *text);
void ik_test_then_metadata(const char *name, const char *text);
void ik_test_then_reply(ik_value reply, bool opens);
const void *ik_test_the_reply(const ik_message_type *type);
const void *ik_test_the_event(const ik_message_type *type);
const void *ik_test_the_element(const ik_message_type *type);
void ik_test_then_silent(bool opens);
void ik_test_then_refuses(ik_code code, const char *message);
void ik_test_then_forwards(ik_call call);
void ik_test_then_ends(void);
void ik_test_given_view(const ik_service *view);
void ik_test_given_row(const char *key, ik_value row);
ik_view ik_test_replica(ik_crdt kind);
void ik_test_becomes_replica(const char *service, const char *entity, ik_view replica);
void ik_test_view_change(const char *service, const char *entity, uint8_t what, ik_value message);
void ik_test_then_row(const char *key, ik_value row);
void ik_test_stream(const char *method);
void ik_test_input(uint8_t kind, ik_value request);
void ik_test_take_more(void);

#ifdef __cplusplus
}
#endif
