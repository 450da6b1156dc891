// Learned: the components that a process was told of, each with its schema.

import { loadSchema } from '../../schema/load.ts'
import type { Schema } from '../../schema/schema.ts'
import type { QueryPlan, ViewPlan } from '../plan.ts'
import type { Learn } from './protocol.ts'

export class Learned {
  private readonly components = new Map<number, { readonly schema: Schema; readonly views: readonly ViewPlan[] }>()

  learn({ component, descriptors, views }: Learn): void {
    this.components.set(component, { schema: loadSchema(descriptors), views })
  }

  of(component: number): { readonly schema: Schema; readonly views: readonly ViewPlan[] } {
    return this.components.get(component)!
  }

  view(component: number, service: string): ViewPlan {
    return this.of(component).views.find((view) => view.service === service)!
  }

  query(component: number, service: string, method: string): QueryPlan {
    return this.view(component, service).queries.find((query) => query.method === method)!
  }
}
