// The engine of TypeScript guests: QuickJS-ng, and above it the contract of wit/*.wit in C.
//
// One translation unit with quickjs.c, so that objects, lists and strings are made and looked into directly. Interpreted is the
// author's code, and of the SDK what commands seldom need (../modules): messages, states and decisions are here.
//
//   memory.c          what a call allocates, and the end of a call that fails
//   types.c           message types, made of a table of the bundle
//   read.c write.c    protobuf bytes to objects and back
//   make.c            what a message type makes of an author's object
//   freeze.c          what the author's code sees and may not change
//   answers.c         accept, update, remove, refuse
//   context.c         time, chance and metadata of a command
//   wire.c            JavaScript objects of the boundary's shapes, to the contract's structs and back
//   services.c        what the component consists of
//   outcome.c         answers as outcomes
//   held.c            states that live between calls
//   event-sourced.c value.c action.c replicated.c view.c   the interfaces
//   load.c            how `inn build` makes a component of it
//
// Reference counts are ours: test/engine runs all of it natively under AddressSanitizer, and looks for leaks.

#include "quickjs.c"

#define IK_ABI_ONLY
#define IK_HAS_LIBC
#define IK_EXPORT_EVENT_SOURCED
#define IK_EXPORT_VALUE
#define IK_EXPORT_REPLICATED
#define IK_EXPORT_ACTION
#define IK_EXPORT_VIEW
#include "innkeeper.c"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
// Of a text, for %.*s.
#define IK_ARG(text) ((int)(text).length), ((const char *)(text).data)
#define HOT static inline __attribute__((always_inline))
#define COLD static __attribute__((noinline))

static JSRuntime *rt;
static JSContext *ctx;

// What the SDK's JavaScript has to say in words, given by `natives.words`.
static JSValue words_of_fault, words_of_unfit, metadata_of, entry_of, malformed_error;

HOT JSObject *object_of(JSValueConst value) {
  return JS_VALUE_GET_TAG(value) == JS_TAG_OBJECT ? JS_VALUE_GET_OBJ(value) : NULL;
}

HOT JSObject *object_of_class(JSValueConst value, JSClassID class_id) {
  JSObject *p = object_of(value);
  return p != NULL && p->class_id == class_id ? p : NULL;
}

HOT bool is_text(JSValueConst value) {
  return JS_VALUE_GET_TAG(value) == JS_TAG_STRING || JS_VALUE_GET_TAG(value) == JS_TAG_STRING_ROPE;
}

HOT bool is_uninitialized(JSValueConst value) {
  return JS_VALUE_GET_TAG(value) == JS_TAG_UNINITIALIZED;
}

HOT bool equals(ik_text a, const char *b, size_t length) {
  return a.length == length && memcmp(a.data, b, length) == 0;
}

#include "memory.c"
#include "types.c"
#include "read.c"
#include "write.c"
#include "make.c"
#include "freeze.c"
#include "answers.c"
#include "context.c"
#include "wire.c"
#include "services.c"
#include "outcome.c"
#include "held.c"
#include "event-sourced.c"
#include "value.c"
#include "action.c"
#include "replicated.c"
#include "view.c"
#include "load.c"
