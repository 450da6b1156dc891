// What Swift sees of C: the contract of sdk/c (innkeeper.h with IK_ABI_ONLY), and what this folder adds to it.
#ifndef INNKEEPER_SWIFT_BOUNDARY_H
#define INNKEEPER_SWIFT_BOUNDARY_H

#include "innkeeper.h"

// Refer to one, and the exports of its interface are linked; their values are those of the contract's enum `kind`.
extern const char ik_kind_event_sourced, ik_kind_value, ik_kind_replicated, ik_kind_action, ik_kind_view;

// To the person who runs the tests: test programs have it.
void ik_swift_say(const uint8_t *text, size_t length);
// What the component says of itself, for the kit: Swift may not declare `ik_guest_describe` by two types.
void ik_swift_describe(ik_description *answer);

#endif
