// Print: what Swift's `print` calls for each byte. A line of it is one for the host's log.
//
// In a test program (IK_TEST), also what the kit says to the person who runs the tests; and that person is given every byte that is
// printed, since Swift's own checks print what they find before they trap. The kit reads the component's descriptors there, too.
#include "boundary.h"

#ifdef IK_TEST

#define IK_TEST_IMPORT(name) __attribute__((import_module("innkeeper_test"), import_name(name)))
IK_TEST_IMPORT("say") void ik_test_say(const uint8_t *text, size_t length);
IK_TEST_IMPORT("put") void ik_test_put(int byte);

void ik_swift_say(const uint8_t *text, size_t length) {
  ik_test_say(text, length);
}

void ik_swift_describe(ik_description *answer) {
  ik_guest_describe(answer);
}

#endif

int putchar(int byte) {
#ifdef IK_TEST
  ik_test_put(byte);
#endif
  ik_log_byte(IK_INFO, (uint8_t)byte);
  return byte;
}
