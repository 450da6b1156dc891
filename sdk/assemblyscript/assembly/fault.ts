// Fault: the words of a failure, where the host finds them after the trap (wit/types.wit).
//
//   length u32 | UTF-8 text, at most 4096 bytes
//
// F1. The build has `abort` below in the place of the language's (`--use`): it is what a throw, a failed assertion, a null that should
//     be none and an index out of range come to. What the machine itself traps on (a division by zero) says nothing here.
// F2. Nothing is allocated: memory may be what there is no more of.

/** Of the parts, so that the largest still fit: a character has at most three bytes. */
const messageLengthMax: i32 = 1000
const fileLengthMax: i32 = 200

/** Exported as `innkeeper_fault`. */
export const faultAddress: usize = memory.data(4100)

/** `assembly/index.ts:11:5: message` */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  let end = faultAddress + 4
  if (file !== null) {
    end = putText(end, file, fileLengthMax)
    end = putNumber(putText(end, ':', 1), line)
    end = putNumber(putText(end, ':', 1), column)
    end = putText(end, ': ', 2)
  }
  end = putText(end, message !== null ? message : 'a failure without a message', messageLengthMax)
  store<u32>(faultAddress, <u32>(end - faultAddress - 4))
  unreachable()
}

function putText(at: usize, text: string, lengthMax: i32): usize {
  const length = min(text.length, lengthMax)
  return at + String.UTF8.encodeUnsafe(changetype<usize>(text), length, at, false, String.UTF8.ErrorMode.REPLACE)
}

function putNumber(at: usize, number: u32): usize {
  let digits: usize = 1
  for (let rest = number; rest > 9; rest /= 10) digits++
  let rest = number
  for (let digit = digits; digit > 0; digit--) {
    store<u8>(at + digit - 1, <u8>(48 + (rest % 10)))
    rest /= 10
  }
  return at + digits
}
