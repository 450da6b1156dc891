//! Notes and Board: the model views.

use innkeeper::view::{Sources, View};

use crate::proto::{Box, Cell, Cleared, Noted, events, values};

pub struct Notes;

impl View for Notes {
    type Row = Cell;

    fn sources(from: Sources<Cell>) -> Sources<Cell> {
        from.events(events::SERVICE)
            .row(|Noted { text }, row, change| {
                let row = row.unwrap_or_default();
                Some(Cell { key: change.entity.into(), text: row.text + &text, count: row.count + 1 })
            })
            .row(|_: Cleared, _, _| None)
    }
}

pub struct Board;

impl View for Board {
    type Row = Cell;

    fn sources(from: Sources<Cell>) -> Sources<Cell> {
        from.events(events::SERVICE)
            .rows(
                |Noted { text }, _| vec![format!("w:{text}")],
                |Noted { text }, words, _| {
                    let key = format!("w:{text}");
                    let count = words.get(&key).map_or(0, |cell| cell.count) + 1;
                    words.put(&key, Cell { key: key.clone(), text, count });
                },
            )
            .values(values::SERVICE)
            .rows(
                |Box { text }, change| vec![format!("v:{text}:{}", change.entity)],
                |Box { text }, boxes, change| {
                    let key = format!("v:{text}:{}", change.entity);
                    boxes.put(&key, Cell { key: key.clone(), text, count: change.sequence as i64 });
                },
            )
    }
}
