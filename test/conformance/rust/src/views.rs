//! Notes, Board and Crowd: the model views.

use innkeeper::replicated::OrSet;
use innkeeper::view::{Change, Sources, View};

use crate::proto::{Box, Cell, Cleared, Noted, events, members, replicas, values};
use crate::replicas::{All, shown};

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

pub struct Crowd;

impl View for Crowd {
    type Row = Cell;

    fn sources(from: Sources<Cell>) -> Sources<Cell> {
        let key = |text: &str, change: &Change<'_>| format!("m:{text}:{}", change.entity);
        from.replicas(replicas::SERVICE)
            .replica(|all: &All, _, change| {
                Some(Cell { key: change.entity.into(), text: shown(all), count: all.m.size() as i64 })
            })
            .replicas(members::SERVICE)
            .replica_rows(
                move |set: &OrSet<String>, change| set.iter().map(|text| key(&text, change)).collect(),
                move |set: &OrSet<String>, cells, change| {
                    for text in set.iter() {
                        let key = key(&text, change);
                        cells.put(&key, Cell { key: key.clone(), text, count: set.size() as i64 });
                    }
                },
            )
    }
}
