// What the test kit says of the words of test/fixtures/later. A test whose name begins with `wrong` is to fail.
#include "gen/later.h"
#include "innkeeper_test.h"

#define LINE(words) IK_OF(later_line, .id = ik_text_of("a"), .text = ik_text_of(words))
#define CHARGE(words) bank_charge_call(&(later_line){.id = ik_text_of("a"), .text = ik_text_of(words)})

IK_TEST(effects_that_are_due_later) {
  given(&book_service);
  when("Do", LINE("after"));
  then_event(IK_OF(later_said, .text = ik_text_of("after")));
  then_after(ik_seconds(30), CHARGE("after"), IK_TERMS(.within_ms = 1500));
  then_reply(LINE("after"));
  when("Do", LINE("at"));
  then_event(IK_OF(later_said, .text = ik_text_of("at")));
  then_at(ik_hours(25), CHARGE("at"), IK_NO_TERMS);
  then_reply(LINE("at"));
  given(&bank_service);
  when("Charge", LINE("within"));
  then_effect_on(CHARGE("within"), IK_TERMS(.within_ms = 1500));
  then_reply(LINE("within"));
}

IK_TEST(names_asks_and_cancels) {
  given(&shop_service);
  when("Do", LINE("name"));
  then_effect_on(CHARGE("name"), IK_TERMS(.name = ik_text_of("n"), .synchronous = true));
  then_reply(LINE("name"));
  when("Do", LINE("cancel"));
  then_cancels("n");
  then_cancels("ü");
  then_reply(LINE("cancel"));
  when("Do", LINE("ask"));
  then_asks("Charged", CHARGE("ask"), IK_OF(later_said, .text = ik_text_of("note")),
            IK_TERMS(.name = ik_text_of("n"), .within_ms = 20, .at_ms = 1000));
  then_asks("Charged", CHARGE("ask"), IK_NO_NOTE, IK_TERMS(.after_ms = 2000));
  then_reply(LINE("ask"));
}

IK_TEST(answers_are_heard) {
  given(&shop_service);
  when_answer("Charged", LINE("paid"), IK_OF(later_said, .text = ik_text_of("!")));
  then_updated(IK_OF(later_state, .text = ik_text_of("paid!")));
  then_reply(IK_OF(protobuf_empty, 0));
  when_failure("Charged", IK_UNAVAILABLE, "gone", IK_REASON_NOT_SENT, IK_NO_NOTE);
  then_updated(IK_OF(later_state, .text = ik_text_of("not sent")));
  then_reply(IK_OF(protobuf_empty, 0));
  when_failure("Charged", IK_ABORTED, "no", IK_REASON_REFUSED, IK_OF(later_said, .text = ik_text_of("?")));
  then_updated(IK_OF(later_state, .text = ik_text_of("refused?")));
  then_reply(IK_OF(protobuf_empty, 0));
}

IK_TEST(tickets) {
  given(&shop_service);
  when("Place", LINE("short"));
  then_updated(IK_OF(later_state, .text = ik_text_of("short")));
  then_later("t", 1500);
  when("Place", LINE("long"));
  then_updated(IK_OF(later_state, .text = ik_text_of("long")));
  then_later("t", 0);
  when("Do", LINE("resolve"));
  then_resolves("Place", "t", LINE("resolve"));
  then_resolution_metadata("x-note", "kept");
  then_resolves_refused("Place", "u", IK_ABORTED, "no luck");
  then_reply(LINE("resolve"));
}

#define DO(words) shop_do_call(&(later_line){.id = ik_text_of("a"), .text = ik_text_of(words)})
#define PLACE(words) shop_place_call(&(later_line){.id = ik_text_of("a"), .text = ik_text_of(words)})
#define TOLD(words) IK_OF(later_line, .text = ik_text_of(words))

IK_TEST(services_together_have_a_clock) {
  together(&shop_service, &bank_service);
  at_time(0);
  calls(DO("after"));
  then_reply(LINE("after"));
  then_pending(30000, CHARGE("after"));
  then_nothing_pending();
  turn(ik_seconds(29));
  then_pending(30000, CHARGE("after"));
  turn(ik_seconds(1));
  // The bank says the word, too.
  then_pending(60000, CHARGE("after"));
  then_nothing_pending();
}

IK_TEST(asks_are_heard_together) {
  together(&shop_service, &bank_service);
  at_time(0);
  calls(DO("ask"));
  then_reply(LINE("ask"));
  then_pending(1000, CHARGE("ask"));
  then_pending(2000, CHARGE("ask"));
  turn(1000);
  calls(DO("tell"));
  then_reply(TOLD("asknote"));
  calls(DO("ask"));
  then_reply(LINE("ask"));
  calls(DO("cancel"));
  then_reply(LINE("cancel"));
  // The ask named "n" is gone.
  then_pending(2000, CHARGE("ask"));
  then_pending(3000, CHARGE("ask"));
  then_nothing_pending();
}

IK_TEST(an_ask_has_its_time) {
  together(&shop_service);
  at_time(0);
  calls(DO("ask"));
  then_reply(LINE("ask"));
  turn(1019);
  then_outside(CHARGE("ask"));
  calls(DO("tell"));
  then_reply(TOLD(""));
  turn(1);
  calls(DO("tell"));
  then_reply(TOLD("unknownnote"));
}

IK_TEST(tickets_are_resolved_together) {
  together(&shop_service);
  const ik_came *first = calls(PLACE("long"));
  then_waits();
  const ik_came *second = calls(PLACE("long"));
  then_waits();
  calls(DO("resolve"));
  then_reply(LINE("resolve"));
  answered(first);
  then_metadata("x-note", "kept");
  then_reply(LINE("resolve"));
  answered(second);
  then_reply(LINE("resolve"));
}

IK_TEST(a_ticket_has_its_time) {
  together(&shop_service);
  const ik_came *caller = calls(PLACE("short"));
  then_waits();
  turn(1999);
  turn(1);
  answered(caller);
  then_refuses(IK_DEADLINE_EXCEEDED, "the reply did not come in time");
}

IK_TEST(wrong_since_the_caller_does_not_wait) {
  together(&shop_service);
  calls(DO("tell"));
  then_waits();
}

IK_TEST(wrong_since_the_ticket_is_still_open) {
  together(&shop_service);
  const ik_came *caller = calls(PLACE("long"));
  then_waits();
  answered(caller);
}

IK_TEST(wrong_since_what_a_turn_brings_was_not_said) {
  together(&shop_service);
  calls(DO("after"));
  then_reply(LINE("after"));
  turn(ik_seconds(30));
}

IK_TEST(wrong_since_more_is_pending) {
  together(&shop_service);
  at_time(0);
  calls(DO("after"));
  then_reply(LINE("after"));
  then_nothing_pending();
}

IK_TEST(wrong_since_the_resolution_brings_nothing) {
  given(&shop_service);
  when("Do", LINE("resolve"));
  then_resolves("Place", "t", LINE("resolve"));
  then_resolution_metadata("x-note", "lost");
  then_resolves_refused("Place", "u", IK_ABORTED, "no luck");
  then_reply(LINE("resolve"));
}

IK_TEST(wrong_since_it_is_due_later) {
  given(&bank_service);
  when("Charge", LINE("at"));
  then_effect(CHARGE("at"), false);
  then_reply(LINE("at"));
}

IK_TEST(wrong_since_it_is_due_at_another_time) {
  given(&bank_service);
  when("Charge", LINE("at"));
  then_at(5, CHARGE("at"), IK_NO_TERMS);
  then_reply(LINE("at"));
}

IK_TEST(wrong_since_it_has_a_name) {
  given(&shop_service);
  when("Do", LINE("name"));
  then_effect(CHARGE("name"), true);
  then_reply(LINE("name"));
}

IK_TEST(wrong_since_the_note_is_another) {
  given(&shop_service);
  when("Do", LINE("ask"));
  then_asks("Charged", CHARGE("ask"), IK_NO_NOTE, IK_TERMS(.name = ik_text_of("n"), .within_ms = 20, .at_ms = 1000));
}

IK_TEST(wrong_since_a_cancel_was_not_said) {
  given(&shop_service);
  when("Do", LINE("cancel"));
  then_cancels("n");
  then_reply(LINE("cancel"));
}

IK_TEST(wrong_since_a_resolution_was_not_said) {
  given(&shop_service);
  when("Do", LINE("resolve"));
  then_resolves("Place", "t", LINE("resolve"));
  then_reply(LINE("resolve"));
}

IK_TEST(wrong_since_the_ticket_is_open_for_longer) {
  given(&shop_service);
  when("Place", LINE("long"));
  then_updated(IK_OF(later_state, .text = ik_text_of("long")));
  then_later("t", 1500);
}
