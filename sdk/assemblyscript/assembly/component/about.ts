// Component: what the host calls of every component. The build gives these functions the names that the contract has for them.
//
//   description    40   sdk-name 0, sdk-version 8, services 16, descriptors 24, view-services 32

import { Bytes } from '../bytes'
import { putBytes, putPair, putService, putText, putViewService, serviceBytes, viewServiceBytes } from '../lower'
import { allocate, setMark } from '../memory'
import { services } from '../service'
import { version } from '../version'
import { views } from '../view'

export { faultAddress } from '../fault'
export { cabi_realloc, release } from '../memory'
export { folds } from '../service'

let descriptorSet: StaticArray<u8> = []

/** The last that happens at start. */
export function ready(descriptors: StaticArray<u8>): void {
  descriptorSet = descriptors
  setMark()
}

export function describe(): usize {
  const answer = allocate(40)
  putText(answer, 'innkeeper-assemblyscript')
  putText(answer + 8, version)
  const list = allocate(<usize>services.length * serviceBytes)
  for (let i = 0; i < services.length; i++) putService(list + <usize>i * serviceBytes, services[i])
  putPair(answer + 16, list, services.length)
  putBytes(answer + 24, Bytes.of(descriptorSet))
  const viewList = allocate(<usize>views.length * viewServiceBytes)
  for (let i = 0; i < views.length; i++) putViewService(viewList + <usize>i * viewServiceBytes, views[i])
  putPair(answer + 32, viewList, views.length)
  return answer
}
