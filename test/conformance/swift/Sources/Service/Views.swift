// Notes, Board and Crowd: the model views.
import Innkeeper

let notes = Service.view(
  .notes, Cell.self,
  .events(
    .events,
    .row(Noted.self) { noted, row, change in
      Cell(key: change.entity, text: (row?.text ?? "") + noted.text, count: (row?.count ?? 0) + 1)
    },
    .row(Cleared.self) { _, _, _ in nil }))

let board = Service.view(
  .board, Cell.self,
  .events(
    .events,
    .rows(Noted.self, keys: { noted, _ in ["w:" + noted.text] }) { noted, words, _ in
      let key = "w:" + noted.text
      words.put(key, Cell(key: key, text: noted.text, count: (words.get(key)?.count ?? 0) + 1))
    }),
  .values(
    .values,
    .rows(Box.self, keys: { box, change in ["v:\(box.text):\(change.entity)"] }) { box, boxes, change in
      let key = "v:\(box.text):\(change.entity)"
      boxes.put(key, Cell(key: key, text: box.text, count: change.sequence))
    }))

let crowd = Service.view(
  .crowd, Cell.self,
  .replicas(
    .replicas,
    .row(All.self) { all, _, change in Cell(key: change.entity, text: all.shown, count: Int64(all.m.size)) }),
  .replicas(
    .members,
    .rows(ORSet<String>.self, keys: { set, change in set.elements.map { "m:\($0):\(change.entity)" } }) { set, cells, change in
      for text in set.elements {
        let key = "m:\(text):\(change.entity)"
        cells.put(key, Cell(key: key, text: text, count: Int64(set.size)))
      }
    }))
