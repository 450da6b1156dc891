// Guest: what the functions of the contract do, given the services of the component. The generated entry defines those functions
// (ik_guest_... of innkeeper.h) and calls these.
import InnkeeperABI

public enum Guest {
  static func find(_ services: [Service], _ name: ik_text) -> Service {
    for service in services where name.equals(service.name) { return service }
    fault("this component has no service ", name)
  }

  public static func describe(_ services: [Service], _ descriptors: [UInt8], _ answer: UnsafeMutablePointer<ik_description>) {
    answer.pointee.sdk_name = inArena("innkeeper-swift")
    answer.pointee.sdk_version = inArena("0.1.0")
    answer.pointee.descriptors = inArena(descriptors)
    let items = arrayInArena(services.count, of: ik_described_service.self)
    let views = arrayInArena(services.count, of: ik_described_view.self)
    var count = 0
    var viewCount = 0
    for service in services {
      if service.isView {
        service.describe(&views[viewCount])
        viewCount += 1
      } else {
        describe(service, &items[count])
        count += 1
      }
    }
    answer.pointee.services = ik_described_service_list(items: items, count: count)
    answer.pointee.view_services = ik_described_view_list(items: views, count: viewCount)
  }

  private static func describe(_ service: Service, _ described: inout ik_described_service) {
    let options = service.options
    described.name = inArena(service.name)
    described.kind = service.kind
    described.persistence_id = optional(options.persistenceId)
    described.snapshot_every = options.snapshotEvery
    described.passivate_after_ms = options.passivateAfterMs
    described.state_type = optional(service.stateType)
    described.state_version = optional(options.stateVersion)
    let headers = arrayInArena(options.headers.count, of: ik_bytes.self)
    for (index, header) in options.headers.enumerated() { headers[index] = inArena(header) }
    described.headers = ik_bytes_list(items: headers, count: options.headers.count)
    let views = arrayInArena(options.views.count, of: ik_method_view.self)
    for (index, view) in options.views.enumerated() {
      views[index].method = inArena(view.method)
      switch view.seen {
      case .nothing: views[index].view = UInt8(IK_VIEW_NOTHING)
      case .dynamic: views[index].view = UInt8(IK_VIEW_DYNAMIC)
      case .element(let field):
        views[index].view = UInt8(IK_VIEW_ELEMENT)
        views[index].field = inArena(field)
      }
    }
    described.views = ik_method_view_list(items: views, count: options.views.count)
    described.events = service.describeEvents()
  }

  private static func optional(_ text: StaticString?) -> ik_optional_bytes {
    guard let text else { return ik_optional_bytes(present: false, value: ik_bytes(data: nil, length: 0)) }
    return ik_optional_bytes(present: true, value: inArena(text))
  }

  public static func decideEvents(
    _ services: [Service], _ service: ik_text, _ entity: ik_text, _ basis: ik_basis, _ commands: ik_command_list,
    _ wantState: Bool, _ answer: UnsafeMutablePointer<ik_decide_answer>
  ) {
    find(services, service).decideEvents(entity, basis, commands, wantState, answer)
  }

  public static func evolve(
    _ services: [Service], _ service: ik_text, _ basis: ik_basis, _ events: ik_typed_list,
    _ answer: UnsafeMutablePointer<ik_evolve_answer>
  ) {
    find(services, service).evolve(basis, events, answer)
  }

  public static func decideValue(
    _ services: [Service], _ service: ik_text, _ entity: ik_text, _ basis: ik_basis, _ commands: ik_command_list,
    _ answer: UnsafeMutablePointer<ik_value_answer>
  ) {
    find(services, service).decideValue(entity, basis, commands, answer)
  }

  public static func reads(
    _ services: [Service], _ service: ik_text, _ command: ik_command, _ answer: UnsafeMutablePointer<ik_bytes_list>
  ) {
    let elements = find(services, service).reads(command)
    let items = arrayInArena(elements.count, of: ik_bytes.self)
    for (index, element) in elements.enumerated() { items[index] = inArena(element) }
    answer.pointee = ik_bytes_list(items: items, count: elements.count)
  }

  public static func decideReplicated(
    _ services: [Service], _ service: ik_text, _ entity: ik_text, _ view: ik_bytes, _ command: ik_command,
    _ answer: UnsafeMutablePointer<ik_replicated_decision>
  ) {
    find(services, service).decideReplicated(entity, view, command, answer)
  }

  public static func render(
    _ services: [Service], _ service: ik_text, _ entity: ik_text, _ view: ik_bytes, _ command: ik_command,
    _ note: ik_bytes, _ answer: UnsafeMutablePointer<ik_outcome>
  ) {
    find(services, service).render(entity, view, command, note, answer)
  }

  public static func changed(
    _ services: [Service], _ service: ik_text, _ entity: ik_text, _ view: ik_bytes,
    _ subscriptions: ik_subscription_list, _ now: Double, _ answer: UnsafeMutablePointer<ik_stream_step_list>
  ) {
    let service = find(services, service)
    let steps = arrayInArena(subscriptions.count, of: ik_stream_step.self)
    answer.pointee = ik_stream_step_list(items: steps, count: subscriptions.count)
    for index in 0..<subscriptions.count {
      service.changed(entity, view, subscriptions.items[index], now, steps + index)
    }
  }

  public static func cancelled(
    _ services: [Service], _ service: ik_text, _ entity: ik_text, _ view: ik_bytes, _ subscription: ik_subscription,
    _ now: Double, _ answer: UnsafeMutablePointer<ik_replicated_decision>
  ) {
    find(services, service).cancelled(entity, view, subscription, now, answer)
  }

  public static func call(
    _ services: [Service], _ service: ik_text, _ commands: ik_command_list, _ answer: UnsafeMutablePointer<ik_outcome_list>
  ) {
    let service = find(services, service)
    let outcomes = arrayInArena(commands.count, of: ik_outcome.self)
    answer.pointee = ik_outcome_list(items: outcomes, count: commands.count)
    for index in 0..<commands.count { service.call(commands.items[index], outcomes + index) }
  }

  public static func stream(
    _ services: [Service], _ service: ik_text, _ method: ik_text, _ state: UnsafePointer<ik_bytes>?,
    _ inputs: ik_input_list, _ now: Double, _ seed: UnsafePointer<UInt32>, _ answer: UnsafeMutablePointer<ik_action_step>
  ) {
    find(services, service).stream(
      method, state?.pointee, inputs, now, (seed[0], seed[1], seed[2], seed[3]), answer)
  }
}

extension Guest {
  /// For generated code: bytes as a literal of text are data of the module, an array literal of them would be code.
  public static func fromBase64(_ text: StaticString) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8CodeUnitCount / 4 * 3)
    var bits: UInt32 = 0
    var count = 0
    for index in 0..<text.utf8CodeUnitCount {
      let letter = text.utf8Start[index]
      let value: UInt8
      switch letter {
      case 65...90: value = letter - 65
      case 97...122: value = letter - 71
      case 48...57: value = letter + 4
      case 43: value = 62
      case 47: value = 63
      default: continue
      }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return bytes
  }
}
