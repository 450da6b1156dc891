// Services of every kind, and what the test kit says of them. A test whose name begins with `wrong` is to fail.
#include "gen/kit.h"
#include "innkeeper_test.h"

SUM_EVENT_SOURCED(kit_state)
NOTE_VALUE(kit_state)
ROOM_REPLICATED(IK_OR_MAP)
TALK_ACTION(kit_state, kit_state, ik_nothing)

// What is kept between calls changes an answer; one test is to find it.
static int64_t kept;
static bool keeps;

ik_answer sum_add(const kit_state *state, const kit_number *request, kit_number *reply, ik_context *context) {
  ik_bytes by;
  if (request->value != 0) sum_emit_added(context, &(kit_added){.value = request->value});
  if (request->value < 0) return ik_refuse(context, IK_OUT_OF_RANGE, "%" IK_D64 " is less than nothing", request->value);
  if (request->value > 100) {
    ik_log_warn("%" IK_D64 " is much", request->value);
    ik_add_effect(context, note_put_call(request), true);
  }
  if (ik_find_metadata(context, "x-by", &by)) ik_add_metadata(context, "X-By", by);
  reply->value = state->value + (keeps ? kept++ : 0);
  return IK_REPLY;
}

void sum_on_added(kit_state *state, const kit_added *event) {
  state->value += event->value;
}

ik_answer note_put(const kit_state *value, const kit_number *request, kit_number *reply, ik_context *context) {
  reply->value = value == NULL ? -1 : value->value;
  note_update(context, &(kit_state){.value = request->value});
  if (request->value == 0) return ik_forward(context, sum_add_call(request));
  return IK_REPLY;
}

ik_answer note_drop(const kit_state *value, const kit_number *request, kit_number *reply, ik_context *context) {
  (void)request;
  if (value == NULL) return ik_refuse(context, IK_NOT_FOUND, "nothing");
  ik_remove(context);
  reply->value = value->value;
  return IK_REPLY;
}

static int64_t there(ik_view room) {
  int64_t sum = 0;
  ik_bytes key;
  for (size_t i = 0; ik_map_next(room, &i, &key);) sum += ik_pn_counter(ik_map_at(room, key));
  return sum;
}

static ik_view of(ik_view room, const kit_number *request) {
  return ik_map_at(room, ik_int64_element(request->value));
}

ik_answer room_join(ik_view view, const kit_number *request, kit_number *reply, ik_context *context) {
  if (request->value == 13) return ik_refuse(context, IK_ABORTED, "unlucky");
  ik_pn_counter_add(of(view, request), 1);
  reply->value = there(view);
  return request->value == 0 ? IK_STREAM_SILENT : IK_STREAM;
}

ik_answer room_join_changed(ik_view view, const kit_number *request, kit_number *reply, ik_context *context) {
  (void)request;
  (void)context;
  reply->value = there(view);
  ik_log_debug("%" IK_D64 " are there", reply->value);
  return reply->value > 2 ? IK_END_REPLY : reply->value == 1 ? IK_SILENT : IK_EMIT;
}

void room_join_cancelled(ik_view view, const kit_number *request, ik_context *context) {
  (void)context;
  ik_view at = of(view, request);
  if (ik_pn_counter(at) > 1)
    ik_pn_counter_add(at, -1);
  else
    ik_map_remove(view, ik_int64_element(request->value));
}

ik_answer room_look(ik_view view, const kit_number *request, kit_number *reply, ik_context *context) {
  (void)request;
  (void)context;
  reply->value = there(view);
  return IK_REPLY;
}

ik_answer talk_ask(const kit_number *request, kit_number *reply, ik_context *context) {
  ik_add_effect(context, sum_add_call(request), false);
  if (request->value == 0) return ik_refuse(context, IK_CANCELLED, "zero");
  reply->value = ik_now(context);
  return IK_REPLY;
}

ik_answer talk_count_start(kit_state *state, const kit_number *request, ik_context *context) {
  state->value = request->value;
  ik_add_effect(context, sum_add_call(request), false);
  return IK_SILENT;
}

ik_answer talk_count_next(kit_state *state, ik_context *context) {
  if (state->value == 0) return IK_END;
  talk_count_emit(context, &(kit_number){.value = state->value--});
  return IK_MORE;
}

ik_answer talk_total_item(kit_state *state, const kit_number *request, kit_number *reply, ik_context *context) {
  (void)context;
  ik_log_info("item");
  state->value += request->value;
  if (request->value != 0) return IK_SILENT;
  reply->value = state->value;
  return IK_REPLY;
}

ik_answer talk_total_end(kit_state *state, kit_number *reply, ik_context *context) {
  (void)context;
  reply->value = state->value;
  return IK_REPLY;
}

ik_answer talk_echo_item(ik_nothing *state, const kit_number *request, ik_context *context) {
  (void)state;
  if (request->value == 13) return ik_refuse(context, IK_ABORTED, "unlucky");
  talk_echo_emit(context, request);
  return IK_SILENT;
}

ik_answer talk_echo_cancelled(ik_nothing *state, ik_context *context) {
  (void)state;
  ik_add_effect(context, sum_add_call(&(kit_number){.value = 1}), false);
  return IK_SILENT;
}

#define NUMBER(n) IK_OF(kit_number, .value = n)

IK_TEST(sum) {
  given(&sum_service);
  given_event(IK_OF(kit_added, .value = 5));
  when("Add", NUMBER(2));
  IK_CHECK(the_reply(kit_number)->value == 7);
  then_event(IK_OF(kit_added, .value = 2));
  then_reply(NUMBER(7));
  when("Add", NUMBER(-3));
  then_refuses(IK_OUT_OF_RANGE, "-3 is less than nothing");
  with_metadata("x-by", "me");
  when("Add", NUMBER(200));
  then_event(IK_OF(kit_added, .value = 200));
  then_effect(note_put_call(NUMBER(200).message), true);
  then_metadata("x-by", "me");
  then_reply(NUMBER(207));
}

IK_TEST(note) {
  given(&note_service);
  when("Drop", NUMBER(0));
  then_refuses(IK_NOT_FOUND, "nothing");
  when("Put", NUMBER(4));
  then_updated(IK_OF(kit_state, .value = 4));
  then_reply(NUMBER(-1));
  when("Put", NUMBER(0));
  then_updated(IK_OF(kit_state, 0));
  then_forwards(sum_add_call(NUMBER(0).message));
  given(&note_service);
  given_value(IK_OF(kit_state, .value = 9));
  when("Drop", NUMBER(0));
  then_removed();
  then_reply(NUMBER(9));
}

IK_TEST(room) {
  given(&room_service);
  ik_pn_counter_add(ik_map_at(the_view(), ik_int64_element(7)), 1);
  when("Join", NUMBER(13));
  then_refuses(IK_ABORTED, "unlucky");
  changed("Join", NUMBER(7));
  then_silent();
  when("Join", NUMBER(7));
  then_stream(NUMBER(2));
  changed("Join", NUMBER(7));
  then_emits(NUMBER(2));
  when("Join", NUMBER(0));
  then_stream_silent();
  changed("Join", NUMBER(7));
  then_emits(NUMBER(3));
  then_ends();
  cancelled("Join", NUMBER(7));
  IK_CHECK(ik_pn_counter(ik_map_at(the_view(), ik_int64_element(7))) == 1);
  cancelled("Join", NUMBER(7));
  IK_CHECK(!ik_map_has(the_view(), ik_int64_element(7)));
  when("Look", NUMBER(0));
  then_reply(NUMBER(1));
}

IK_TEST(talk) {
  given(&talk_service);
  at_time(12345);
  when("Ask", NUMBER(1));
  then_effect(sum_add_call(NUMBER(1).message), false);
  then_reply(NUMBER(12345));
  when("Ask", NUMBER(0));
  then_effect(sum_add_call(NUMBER(0).message), false);
  then_refuses(IK_CANCELLED, "zero");
  stream("Count");
  sends(NUMBER(2));
  then_effect(sum_add_call(NUMBER(2).message), false);
  then_emits(NUMBER(2));
  takes();
  then_emits(NUMBER(1));
  takes();
  then_ends();
  stream("Total");
  sends(NUMBER(2));
  sends(NUMBER(3));
  then_silent();
  closes();
  then_reply(NUMBER(5));
  then_ends();
  stream("Total");
  sends(NUMBER(0));
  then_reply(NUMBER(0));
  then_ends();
  stream("Echo");
  sends(NUMBER(1));
  then_emits(NUMBER(1));
  leaves();
  then_effect(sum_add_call(NUMBER(1).message), false);
  then_ends();
  stream("Echo");
  sends(NUMBER(13));
  then_refuses(IK_ABORTED, "unlucky");
  then_ends();
}

IK_TEST(wrong_reply) {
  given(&sum_service);
  when("Add", NUMBER(0));
  then_reply(NUMBER(1));
}

IK_TEST(wrong_since_a_refusal_is_no_reply) {
  given(&sum_service);
  when("Add", NUMBER(-3));
  IK_CHECK(the_reply(kit_number)->value == 0);
  then_refuses(IK_OUT_OF_RANGE, "-3 is less than nothing");
}

IK_TEST(wrong_since_an_event_is_not_said) {
  given(&sum_service);
  when("Add", NUMBER(1));
  then_reply(NUMBER(1));
}

IK_TEST(wrong_since_there_is_no_event) {
  given(&sum_service);
  when("Add", NUMBER(0));
  then_event(IK_OF(kit_added, .value = 0));
  then_reply(NUMBER(0));
}

IK_TEST(wrong_since_an_effect_is_not_said) {
  given(&sum_service);
  when("Add", NUMBER(101));
  then_event(IK_OF(kit_added, .value = 101));
  then_reply(NUMBER(101));
}

IK_TEST(wrong_refusal) {
  given(&note_service);
  when("Drop", NUMBER(1));
  then_refuses(IK_NOT_FOUND, "something");
}

IK_TEST(wrong_since_the_change_is_not_said) {
  given(&note_service);
  when("Put", NUMBER(1));
  then_reply(NUMBER(-1));
}

IK_TEST(wrong_since_something_is_kept) {
  keeps = true;
  given(&sum_service);
  when("Add", NUMBER(0));
  then_reply(NUMBER(0));
  keeps = false;
}

IK_TEST(wrong_since_the_stream_is_kept_open) {
  given(&room_service);
  when("Join", NUMBER(1));
  then_reply(NUMBER(1));
}

IK_TEST(wrong_since_the_stream_has_sent_more) {
  given(&talk_service);
  stream("Echo");
  sends(NUMBER(1));
}

IK_TEST(wrong_since_the_header_reaches_no_function) {
  given(&sum_service);
  with_metadata("x-token", "fine");
  with_metadata("Authorization", "Bearer secret");
}

IK_TEST(wrong_since_the_header_is_of_the_transport) {
  given(&sum_service);
  with_metadata("grpc-timeout", "1S");
}
