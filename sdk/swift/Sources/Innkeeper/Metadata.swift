// Metadata: what the caller sent along, and headers of an answer. Names are in lower case; those that end in -bin have bytes.
import InnkeeperABI

public struct MetadataEntry: Equatable, Sendable {
  public enum Value: Equatable, Sendable {
    case text(String)
    case bytes([UInt8])
  }

  public let name: String
  public let value: Value
}

/// In the order in which it came.
public struct Metadata: Sequence, Sendable {
  public let entries: [MetadataEntry]

  /// The first text of the name.
  public func text(_ name: String) -> String? {
    for entry in entries where String.order(entry.name, name) == 0 {
      if case .text(let text) = entry.value { return text }
    }
    return nil
  }

  /// The first bytes of the name.
  public func bytes(_ name: String) -> [UInt8]? {
    for entry in entries where String.order(entry.name, name) == 0 {
      if case .bytes(let bytes) = entry.value { return bytes }
    }
    return nil
  }

  public func makeIterator() -> IndexingIterator<[MetadataEntry]> { entries.makeIterator() }

  init(_ metadata: ik_metadata) {
    var entries: [MetadataEntry] = []
    for index in 0..<metadata.count {
      let entry = metadata.items[index]
      entries.append(
        MetadataEntry(
          name: entry.name.string, value: entry.is_binary ? .bytes(entry.value.array) : .text(entry.value.string)))
    }
    self.entries = entries
  }
}

func lower(_ entries: [MetadataEntry]) -> ik_metadata {
  if entries.isEmpty { return ik_metadata(items: nil, count: 0) }
  let items = arrayInArena(entries.count, of: ik_metadata_entry.self)
  for (index, entry) in entries.enumerated() {
    items[index].name = inArena(entry.name)
    switch entry.value {
    case .text(let text): items[index].value = inArena(text)
    case .bytes(let bytes):
      items[index].is_binary = true
      items[index].value = inArena(bytes)
    }
  }
  return ik_metadata(items: items, count: entries.count)
}

/// ASCII alone: header names are.
func lowercase(_ name: String) -> String {
  var bytes = [UInt8](name.utf8)
  var isChanged = false
  for index in 0..<bytes.count where bytes[index] >= 65 && bytes[index] <= 90 {
    bytes[index] += 32
    isChanged = true
  }
  return isChanged ? String(decoding: bytes, as: UTF8.self) : name
}
