// Copies: a project's own copies of the .proto files that every build and every host have (google/protobuf, google/api, innkeeper, cloudstate).
//
// K1. A copy may say more or less than the original, as those of other years do, but no element otherwise: the host reads options and
//     well-known types by their numbers.
// K2. A copy of a file of innkeeper/ or cloudstate/ declares the same as the original.
//
// Leaves to others: which of a project's files are compiled (descriptors.ts).

import type { RawEnum, RawField, RawFile, RawMessage } from '../../host/schema/raw.ts'
import { readDescriptorSet } from '../../host/schema/raw.ts'
import { standardSet } from '../../host/schema/standard.ts'

/** Of the files in the set the names of those that differ from the original of that name. */
export function differingCopies(descriptorSet: Uint8Array): readonly string[] {
  return readDescriptorSet(descriptorSet)
    .filter((copy) => {
      const original = readDescriptorSet(standardSet(copy.name)).find(({ name }) => name === copy.name)
      return original !== undefined && differs(copy, original)
    })
    .map(({ name }) => name)
}

export function copyProblem(name: string): string {
  return `is a copy that differs from the ${name} that every host has; remove it, and whatever imports it finds that one`
}

function differs(copy: RawFile, original: RawFile): boolean {
  const [theirs, ours] = [elementsOf(copy), elementsOf(original)]
  const isWhole = /^(innkeeper|cloudstate)\//.test(copy.name)
  if (isWhole && theirs.size !== ours.size) return true
  return [...ours].some(([element, said]) => (theirs.has(element) || isWhole) && theirs.get(element) !== said)
}

/** What is said of each element, found by its name and by its number. */
function elementsOf(file: RawFile): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  const note = (scope: string, { name, number, label, type, typeName }: RawField): void => {
    const said = `${name} ${number} ${label} ${type} ${typeName}`
    found.set(`${scope}.${name}`, said).set(`${scope}#${number}`, said)
  }
  const noteEnum = (scope: string, { name, values }: RawEnum): void => {
    for (const value of values) found.set(`${scope}.${name}.${value.name}`, String(value.number))
  }
  const noteMessage = (scope: string, message: RawMessage): void => {
    const name = `${scope}.${message.name}`
    found.set(name, 'message')
    for (const field of message.fields) note(name, field)
    for (const extension of message.extensions) note(extension.extendee, extension)
    for (const nested of message.nested) noteMessage(name, nested)
    for (const type of message.enums) noteEnum(name, type)
  }
  for (const message of file.messages) noteMessage(file.package, message)
  for (const type of file.enums) noteEnum(file.package, type)
  for (const extension of file.extensions) note(extension.extendee, extension)
  return found
}
