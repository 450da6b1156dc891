// Services of every kind, and what the test kit says of them. A test whose name begins with `wrong` is to fail.
#include "gen/kit.h"
#include "innkeeper_test.h"

SUM_EVENT_SOURCED(kit_state)
NOTE_VALUE(kit_state)
ROOM_REPLICATED(IK_OR_MAP)
TALK_ACTION(kit_state, kit_state, ik_nothing)
KEYS_VALUE(kit_state)

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
  if (request->value == -1) return ik_forward(context, note_put_call(request));
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
  if (request->value > 0) ik_pn_counter_add(of(view, request), 1);
  if (request->value < 0) ik_remove(context);
  reply->value = there(view) + (keeps ? kept++ : 0);
  return IK_REPLY;
}

ik_answer keys_say(const kit_state *value, const kit_keyed *request, kit_said *reply, ik_context *context) {
  (void)value;
  (void)request;
  reply->text = ik_entity(context);
  return IK_REPLY;
}

ik_answer keys_forget(const kit_state *value, const kit_state *request, kit_said *reply, ik_context *context) {
  (void)value;
  (void)request;
  reply->text = ik_entity(context);
  return IK_REPLY;
}

ik_answer keys_weigh(const kit_state *value, const kit_weight *request, kit_said *reply, ik_context *context) {
  (void)value;
  (void)request;
  reply->text = ik_entity(context);
  return IK_REPLY;
}

ik_answer talk_ask(const kit_number *request, kit_number *reply, ik_context *context) {
  ik_add_effect(context, sum_add_call(request), false);
  if (request->value == 0) return ik_refuse(context, IK_CANCELLED, "zero");
  if (request->value > 100) {
    kit_number next = {.id = request->id, .value = request->value + 1};
    ik_add_effect(context, note_put_call(&next), false);
  }
  reply->value = request->value == 77 ? (int64_t)(ik_random(context) * 1000000000) : ik_now(context);
  if (keeps) reply->value = kept++;
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
  ik_add_effect(context, sum_add_call(&(kit_number){.id = ik_text_of("a"), .value = 1}), false);
  return IK_SILENT;
}

#define NUMBER(n) IK_OF(kit_number, .value = n)
#define OF(key, n) IK_OF(kit_number, .id = ik_text_of(key), .value = n)
#define ASKED(n) OF("a", n)
#define ADD(key, n) sum_add_call(OF(key, n).message)
#define PUT(key, n) note_put_call(OF(key, n).message)
#define ASK(key, n) talk_ask_call(OF(key, n).message)
#define LOOK(key, n) room_look_call(OF(key, n).message)

IK_TEST(sum) {
  given(&sum_service);
  given_event(IK_OF(kit_added, .value = 5));
  when("Add", ASKED(2));
  IK_CHECK(the_reply(kit_number)->value == 7);
  then_event(IK_OF(kit_added, .value = 2));
  then_reply(NUMBER(7));
  when("Add", ASKED(-3));
  then_refuses(IK_OUT_OF_RANGE, "-3 is less than nothing");
  with_metadata("x-by", "me");
  when("Add", ASKED(200));
  then_event(IK_OF(kit_added, .value = 200));
  then_effect(note_put_call(ASKED(200).message), true);
  then_metadata("x-by", "me");
  then_reply(NUMBER(207));
}

IK_TEST(note) {
  given(&note_service);
  when("Drop", ASKED(0));
  then_refuses(IK_NOT_FOUND, "nothing");
  when("Put", ASKED(4));
  then_updated(IK_OF(kit_state, .value = 4));
  then_reply(NUMBER(-1));
  when("Put", ASKED(0));
  then_updated(IK_OF(kit_state, 0));
  then_forwards(sum_add_call(ASKED(0).message));
  given(&note_service);
  given_value(IK_OF(kit_state, .value = 9));
  when("Drop", ASKED(0));
  then_removed();
  then_reply(NUMBER(9));
}

IK_TEST(room) {
  given(&room_service);
  ik_pn_counter_add(ik_map_at(the_view(), ik_int64_element(7)), 1);
  when("Join", ASKED(13));
  then_refuses(IK_ABORTED, "unlucky");
  changed("Join", ASKED(7));
  then_silent();
  when("Join", ASKED(7));
  then_stream(NUMBER(2));
  changed("Join", ASKED(7));
  then_emits(NUMBER(2));
  when("Join", ASKED(0));
  then_stream_silent();
  changed("Join", ASKED(7));
  then_emits(NUMBER(3));
  then_ends();
  cancelled("Join", ASKED(7));
  IK_CHECK(ik_pn_counter(ik_map_at(the_view(), ik_int64_element(7))) == 1);
  cancelled("Join", ASKED(7));
  IK_CHECK(!ik_map_has(the_view(), ik_int64_element(7)));
  when("Look", ASKED(0));
  then_reply(NUMBER(1));
}

IK_TEST(talk) {
  given(&talk_service);
  at_time(12345);
  when("Ask", ASKED(1));
  then_effect(sum_add_call(ASKED(1).message), false);
  then_reply(NUMBER(12345));
  when("Ask", ASKED(0));
  then_effect(sum_add_call(ASKED(0).message), false);
  then_refuses(IK_CANCELLED, "zero");
  stream("Count");
  sends(ASKED(2));
  then_effect(sum_add_call(ASKED(2).message), false);
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
  then_effect(sum_add_call(ASKED(1).message), false);
  then_ends();
  stream("Echo");
  sends(NUMBER(13));
  then_refuses(IK_ABORTED, "unlucky");
  then_ends();
}

IK_TEST(events_and_elements_are_read) {
  given(&sum_service);
  when("Add", ASKED(2));
  IK_CHECK(the_event(kit_added)->value == 2);
  then_reply(NUMBER(2));
  given(&talk_service);
  stream("Echo");
  sends(NUMBER(3));
  IK_CHECK(the_element(kit_number)->value == 3);
  given(&room_service);
  when("Join", ASKED(4));
  IK_CHECK(the_element(kit_number)->value == 1);
  when("Join", ASKED(4));
  then_stream(NUMBER(2));
  changed("Join", ASKED(4));
  IK_CHECK(the_element(kit_number)->value == 2);
}

IK_TEST(the_entity_is_the_one_that_requests_name) {
  const uint8_t bytes[] = {1, 2, 255, 0};
  given(&keys_service);
  when("Say", IK_OF(kit_keyed, .text = ik_text_of("a"), .data = {bytes, 4}, .number = -5, .flag = true, .kind = 3, .signed_ = -7,
                    .wide = UINT64_MAX, .fixed = -9));
  then_reply(IK_OF(kit_said, .text = ik_text_of("a-AQL/AA==--5-true--7-18446744073709551615--9-3-")));
  given(&keys_service);
  when("Say", IK_OF(kit_keyed, .text = ik_text_of("a"), .data = {bytes, 1}, .may_be_empty = ik_text_of("z")));
  then_reply(IK_OF(kit_said, .text = ik_text_of("a-AQ==-0-false-0-0-0-0-z")));
  given_entity(&keys_service, "me");
  when("Say", IK_OF(kit_keyed, .number = 0));
  then_reply(IK_OF(kit_said, .text = ik_text_of("me")));
  when("Weigh", IK_OF(kit_weight, .weight = 1.5));
  then_reply(IK_OF(kit_said, .text = ik_text_of("me")));
}

IK_TEST(effects_and_forwards_reach_the_other_services) {
  together(&sum_service, &note_service, &room_service, &talk_service);
  calls(ADD("a", 2));
  then_reply(NUMBER(2));
  calls(ADD("b", 150));
  then_reply(NUMBER(150));
  calls(ADD("a", 3));
  IK_CHECK(the_reply(kit_number)->value == 5);
  then_reply(NUMBER(5));
  // The note of b is what its sum's effect put there; a forward is answered by the sum.
  calls(PUT("b", 0));
  then_reply(NUMBER(150));
  calls(PUT("b", 7));
  then_reply(NUMBER(0));
  at_time(12345);
  with_metadata("x-by", "me");
  calls(ADD("a", 0));
  then_metadata("x-by", "me");
  then_reply(NUMBER(5));
  calls(LOOK("r", 1));
  then_reply(NUMBER(1));
  calls(LOOK("r", -1));
  then_reply(NUMBER(1));
  calls(LOOK("r", 0));
  then_refuses(IK_NOT_FOUND, "Entity deleted");
  calls(LOOK("s", 0));
  then_reply(NUMBER(0));
}

IK_TEST(all_that_comes_of_an_effect_is_done_before_the_next_effect) {
  together(&talk_service, &sum_service, &note_service);
  at_time(12345);
  calls(ASK("a", 150));
  then_reply(NUMBER(12345));
  // 150 by the first effect's effect, then 151 by the second.
  calls(PUT("a", 7));
  then_reply(NUMBER(151));
}

IK_TEST(what_no_service_here_takes_is_told) {
  together(&talk_service, &sum_service);
  at_time(12345);
  calls(ASK("a", 150));
  then_outside(PUT("a", 150));
  then_outside(PUT("a", 151));
  then_reply(NUMBER(12345));
  calls(ASK("a", -3));
  then_parked(ADD("a", -3), IK_OUT_OF_RANGE, "-3 is less than nothing");
  then_reply(NUMBER(12345));
  calls(ASK("", 1));
  then_parked(ADD("", 1), IK_INVALID_ARGUMENT,
              "kit.v1.Sum/Add: the field id names the entity and is empty; set it in the request");
  then_reply(NUMBER(12345));
  // An action's refusal keeps its effects.
  calls(ASK("a", 0));
  then_refuses(IK_CANCELLED, "zero");
  calls(ADD("", 1));
  then_refuses(IK_INVALID_ARGUMENT, "kit.v1.Sum/Add: the field id names the entity and is empty; set it in the request");
  calls(ADD("a", 0));
  then_reply(NUMBER(150));
}

IK_TEST(two_commands_together_draw_different_numbers) {
  together(&talk_service, &sum_service);
  calls(ASK("a", 77));
  const kit_number *first = the_reply(kit_number);
  then_reply(NUMBER(first->value));
  calls(ASK("a", 77));
  IK_CHECK(the_reply(kit_number)->value != first->value);
  then_reply(NUMBER(the_reply(kit_number)->value));
}

IK_TEST(wrong_since_a_room_remembers) {
  keeps = true;
  given(&room_service);
  when("Look", ASKED(0));
  then_reply(NUMBER(the_reply(kit_number)->value));
  keeps = false;
}

IK_TEST(wrong_since_an_action_remembers) {
  keeps = true;
  given(&talk_service);
  when("Ask", ASKED(78));
  then_effect(ADD("a", 78), false);
  then_reply(NUMBER(the_reply(kit_number)->value));
  keeps = false;
}

IK_TEST(wrong_since_a_circle_does_not_end) {
  together(&note_service);
  calls(PUT("a", -1));
  then_reply(NUMBER(0));
}

IK_TEST(wrong_since_a_forward_is_for_a_service_that_is_not_here) {
  together(&note_service);
  calls(PUT("a", 0));
  then_reply(NUMBER(0));
}

IK_TEST(wrong_since_an_effect_outside_is_not_said) {
  together(&sum_service);
  calls(ADD("a", 200));
  then_reply(NUMBER(200));
}

IK_TEST(wrong_since_a_parked_effect_is_not_said) {
  together(&talk_service, &sum_service);
  at_time(12345);
  calls(ASK("a", -3));
  then_reply(NUMBER(12345));
}

IK_TEST(wrong_since_the_answer_is_not_said) {
  together(&sum_service);
  calls(ADD("a", 2));
}

IK_TEST(wrong_since_a_method_streams) {
  together(&room_service);
  calls(room_join_call(OF("a", 1).message));
}

IK_TEST(wrong_since_a_service_is_here_twice) {
  together(&sum_service, &note_service, &sum_service);
}

IK_TEST(wrong_since_together_remembers) {
  keeps = true;
  together(&sum_service);
  calls(ADD("a", 0));
  then_reply(NUMBER(0));
  keeps = false;
}

IK_TEST(wrong_since_the_request_has_no_key) {
  given(&sum_service);
  when("Add", NUMBER(0));
  then_reply(NUMBER(0));
}

IK_TEST(wrong_since_the_request_names_another_entity) {
  given(&sum_service);
  when("Add", OF("a", 0));
  then_reply(NUMBER(0));
  when("Add", OF("b", 0));
  then_reply(NUMBER(0));
}

IK_TEST(wrong_since_the_request_names_another_than_was_given) {
  given_entity(&sum_service, "me");
  when("Add", OF("a", 0));
  then_reply(NUMBER(0));
}

IK_TEST(wrong_since_no_field_is_a_key) {
  given(&keys_service);
  when("Forget", IK_OF(kit_state, 0));
  then_reply(IK_OF(kit_said, .text = ik_text_of("entity")));
}

IK_TEST(wrong_since_the_key_is_a_fraction) {
  given(&keys_service);
  when("Weigh", IK_OF(kit_weight, .weight = 1.5));
  then_reply(IK_OF(kit_said, .text = ik_text_of("1.5")));
}

IK_TEST(wrong_since_another_event_is_read) {
  given(&sum_service);
  when("Add", ASKED(2));
  IK_CHECK(the_event(kit_number) != NULL);
  then_reply(NUMBER(2));
}

IK_TEST(wrong_since_there_is_no_event_to_read) {
  given(&sum_service);
  when("Add", ASKED(0));
  IK_CHECK(the_event(kit_added)->value == 0);
  then_reply(NUMBER(0));
}

IK_TEST(wrong_since_there_is_no_element_to_read) {
  given(&talk_service);
  stream("Total");
  sends(NUMBER(2));
  IK_CHECK(the_element(kit_number)->value == 0);
}

IK_TEST(wrong_since_the_element_is_a_refusal) {
  given(&talk_service);
  stream("Echo");
  sends(NUMBER(13));
  IK_CHECK(the_element(kit_number)->value == 0);
}

IK_TEST(wrong_reply) {
  given(&sum_service);
  when("Add", ASKED(0));
  then_reply(NUMBER(1));
}

IK_TEST(wrong_since_a_refusal_is_no_reply) {
  given(&sum_service);
  when("Add", ASKED(-3));
  IK_CHECK(the_reply(kit_number)->value == 0);
  then_refuses(IK_OUT_OF_RANGE, "-3 is less than nothing");
}

IK_TEST(wrong_since_an_event_is_not_said) {
  given(&sum_service);
  when("Add", ASKED(1));
  then_reply(NUMBER(1));
}

IK_TEST(wrong_since_there_is_no_event) {
  given(&sum_service);
  when("Add", ASKED(0));
  then_event(IK_OF(kit_added, .value = 0));
  then_reply(NUMBER(0));
}

IK_TEST(wrong_since_an_effect_is_not_said) {
  given(&sum_service);
  when("Add", ASKED(101));
  then_event(IK_OF(kit_added, .value = 101));
  then_reply(NUMBER(101));
}

IK_TEST(wrong_refusal) {
  given(&note_service);
  when("Drop", ASKED(1));
  then_refuses(IK_NOT_FOUND, "something");
}

IK_TEST(wrong_since_the_change_is_not_said) {
  given(&note_service);
  when("Put", ASKED(1));
  then_reply(NUMBER(-1));
}

IK_TEST(wrong_since_something_is_kept) {
  keeps = true;
  given(&sum_service);
  when("Add", ASKED(0));
  then_reply(NUMBER(0));
  keeps = false;
}

IK_TEST(wrong_since_the_stream_is_kept_open) {
  given(&room_service);
  when("Join", ASKED(1));
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

static ik_row_answer sum_up(const kit_added *event, kit_state *row, const ik_change *change) {
  (void)change;
  if (event->value == 0) return IK_DELETE_ROW;
  row->value += event->value;
  return IK_PUT_ROW;
}

static void name_parity(const kit_state *value, const ik_change *change, ik_rows *rows) {
  ik_row_key(rows, ik_format("%s:%.*s", value->value % 2 == 0 ? "even" : "odd", IK_ARG(change->entity)));
}

static void put_parity(const kit_state *value, const ik_change *change, ik_rows *rows) {
  sums_put(rows, ik_format("%s:%.*s", value->value % 2 == 0 ? "even" : "odd", IK_ARG(change->entity)), value);
}

SUMS_VIEW(IK_EVENTS(sum_name, SUMS_ROW(kit_added, sum_up)), IK_VALUES(note_name, SUMS_ROWS(kit_state, name_parity, put_parity)))

static void name_all(const kit_added *event, const ik_change *change, ik_rows *rows) {
  (void)event;
  (void)change;
  ik_row_key(rows, ik_text_of("all"));
}

static void put_last(const kit_added *event, const ik_change *change, ik_rows *rows) {
  (void)change;
  wrong_put(rows, ik_text_of("all"), &(kit_state){.value = event->value});
}

static ik_row_answer count_values(const kit_state *value, kit_state *row, const ik_change *change) {
  (void)value;
  (void)change;
  row->value++;
  return IK_PUT_ROW;
}

WRONG_VIEW(IK_EVENTS(sum_name, WRONG_ROWS(kit_added, name_all, put_last)), IK_VALUES(note_name, WRONG_ROW(kit_state, count_values)))

static ik_row_answer count_guests(ik_view room, kit_state *row, const ik_change *change) {
  (void)change;
  row->value = there(room);
  return row->value == 0 ? IK_DELETE_ROW : IK_PUT_ROW;
}

CROWD_VIEW(IK_REPLICAS(room_name, CROWD_REPLICA(IK_OR_MAP, count_guests)))

static void name_guests(ik_view room, const ik_change *change, ik_rows *rows) {
  (void)change;
  ik_bytes key;
  for (size_t i = 0; ik_map_next(room, &i, &key);) ik_row_key(rows, ik_format("%" IK_D64, ik_element_int64(key)));
}

static void put_guests(ik_view room, const ik_change *change, ik_rows *rows) {
  (void)change;
  ik_bytes key;
  for (size_t i = 0; ik_map_next(room, &i, &key);)
    guests_put(rows, ik_format("%" IK_D64, ik_element_int64(key)), &(kit_state){.value = ik_pn_counter(ik_map_at(room, key))});
}

GUESTS_VIEW(IK_REPLICAS(room_name, GUESTS_REPLICA_ROWS(IK_OR_MAP, name_guests, put_guests)))

static ik_view guest(ik_view room, int64_t who, int64_t times) {
  ik_pn_counter_add(ik_map_at(room, ik_int64_element(who)), times);
  return room;
}

#define ADDED(n) IK_OF(kit_added, .value = n)
#define STATE(n) IK_OF(kit_state, .value = n)

IK_TEST(the_row_of_an_entity) {
  given_view(&sums_service);
  happens(sum_name, "a", ADDED(1));
  happens(sum_name, "b", ADDED(5));
  happens(sum_name, "a", ADDED(2));
  then_row("a", STATE(3));
  then_row("b", STATE(5));
  happens(sum_name, "a", ADDED(0));
  then_row("b", STATE(5));
  given_view(&sums_service);
  given_row("a", STATE(40));
  happens(sum_name, "a", ADDED(2));
  then_row("a", STATE(42));
}

IK_TEST(rows_of_a_value_that_moves) {
  given_view(&sums_service);
  becomes(note_name, "a", STATE(1));
  becomes(note_name, "b", STATE(4));
  becomes(note_name, "a", STATE(2));
  then_row("even:a", STATE(2));
  then_row("even:b", STATE(4));
  is_gone(note_name, "b");
  then_row("even:a", STATE(2));
}

IK_TEST(the_row_of_a_replicated_value) {
  given_view(&crowd_service);
  becomes_replica(room_name, "a", guest(guest(a_replica(IK_OR_MAP), 7, 2), 8, 1));
  becomes_replica(room_name, "b", guest(a_replica(IK_OR_MAP), 7, 1));
  becomes_replica(room_name, "a", guest(a_replica(IK_OR_MAP), 8, 1));
  then_row("a", STATE(1));
  then_row("b", STATE(1));
  is_gone(room_name, "b");
  then_row("a", STATE(1));
}

IK_TEST(rows_of_a_replicated_value) {
  given_view(&guests_service);
  becomes_replica(room_name, "a", guest(guest(a_replica(IK_OR_MAP), 7, 2), 8, 1));
  then_row("7", STATE(2));
  then_row("8", STATE(1));
  becomes_replica(room_name, "a", guest(a_replica(IK_OR_MAP), 8, 5));
  then_row("8", STATE(5));
}

IK_TEST(wrong_since_a_view_depends_on_the_order) {
  given_view(&wrong_service);
  happens(sum_name, "a", ADDED(1));
  happens(sum_name, "b", ADDED(2));
  then_row("all", STATE(2));
}

IK_TEST(wrong_since_a_view_depends_on_values_in_between) {
  given_view(&wrong_service);
  becomes(note_name, "v", STATE(1));
  becomes(note_name, "v", STATE(2));
  then_row("v", STATE(2));
}

IK_TEST(wrong_since_a_row_is_another) {
  given_view(&sums_service);
  happens(sum_name, "a", ADDED(5));
  then_row("a", STATE(6));
}

IK_TEST(wrong_since_a_row_was_not_said) {
  given_view(&sums_service);
  happens(sum_name, "a", ADDED(5));
  happens(sum_name, "b", ADDED(5));
  then_row("a", STATE(5));
}

IK_TEST(wrong_since_a_row_is_not_there) {
  given_view(&sums_service);
  happens(sum_name, "a", ADDED(5));
  then_row("c", STATE(5));
}
