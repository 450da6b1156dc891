// Reads a message Everything in hexadecimal from each line, and writes it again: in hexadecimal, or "! problem".
#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>

static int digit(int c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int main(void) {
  size_t room = 1 << 24;
  // As long as what is read and no longer: a sanitizer finds a look past the end.
  char *line = malloc(room);
  while (fgets(line, (int)room, stdin) != NULL) {
    size_t length = 0;
    while (digit(line[2 * length]) >= 0) length++;
    uint8_t *bytes = malloc(length);
    for (size_t i = 0; i < length; i++) bytes[i] = (uint8_t)(digit(line[2 * i]) << 4 | digit(line[2 * i + 1]));
    conformance_everything message;
    const char *problem = conformance_everything_decode((ik_bytes){bytes, length}, &message);
    if (problem != NULL) {
      printf("! %s\n", problem);
    } else {
      ik_bytes again = conformance_everything_encode(&message);
      for (size_t i = 0; i < again.length; i++) printf("%02x", again.data[i]);
      printf("\n");
    }
    ik_release();
    free(bytes);
  }
  free(line);
  return 0;
}
