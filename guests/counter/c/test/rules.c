// The rules of the counter, without a host.
#include "gen/counter.h"
#include "innkeeper_test.h"

IK_TEST(adds_up_and_replies_the_value_after_the_event) {
  given(&counter_service);
  when("Add", IK_OF(counter_add_request, .amount = 2));
  then_event(IK_OF(counter_added, .amount = 2));
  then_reply(IK_OF(counter_value, .value = 2));
  when("Add", IK_OF(counter_add_request, .amount = 3));
  then_event(IK_OF(counter_added, .amount = 3));
  then_reply(IK_OF(counter_value, .value = 5));
}

IK_TEST(starts_at_nothing) {
  given(&counter_service);
  when("Get", IK_OF(counter_get_request, 0));
  then_reply(IK_OF(counter_value, 0));
}

IK_TEST(has_the_sum_of_its_history) {
  given(&counter_service);
  given_event(IK_OF(counter_added, .amount = 40));
  given_event(IK_OF(counter_added, .amount = 2));
  when("Get", IK_OF(counter_get_request, 0));
  then_reply(IK_OF(counter_value, .value = 42));
}

IK_TEST(refuses_amounts_that_are_not_positive) {
  given(&counter_service);
  when("Add", IK_OF(counter_add_request, .amount = 0));
  then_refuses(IK_INVALID_ARGUMENT, "amount must be positive, got 0");
  when("Add", IK_OF(counter_add_request, .amount = -5));
  then_refuses(IK_INVALID_ARGUMENT, "amount must be positive, got -5");
}

IK_TEST(refuses_sums_above_the_most) {
  given(&counter_service);
  given_event(IK_OF(counter_added, .amount = 1000000000000));
  when("Add", IK_OF(counter_add_request, .amount = 1));
  then_refuses(IK_FAILED_PRECONDITION, "the value may not exceed 1000000000000");
}
