//! What lies in carts, a row for each product in each of them, and what of it was sold.

pub mod proto {
    ::innkeeper::include_proto!();
}

use innkeeper::view::{Sources, View};
use proto::examples::cart::v1::{CheckedOut, ItemAdded, ItemRemoved, shopping_cart};
use proto::examples::sales::v1::{CartItem, cart_items};
use proto::google::protobuf::Timestamp;

pub struct Items;

impl View for Items {
    type Row = CartItem;

    fn sources(from: Sources<CartItem>) -> Sources<CartItem> {
        from.events(shopping_cart::SERVICE)
            .rows(
                |ItemAdded { product_id, .. }, change| vec![key(change.entity, product_id)],
                |ItemAdded { product_id, name, quantity }, items, change| {
                    let item = key(change.entity, &product_id);
                    let before = items.get(&item);
                    let row = CartItem {
                        item: item.clone(),
                        user: change.entity.into(),
                        product: product_id,
                        quantity: before.as_ref().map_or(0, |before| before.quantity) + i64::from(quantity),
                        name: before.map_or(name, |before| before.name),
                        changed: Some(timestamp(change.at)),
                        sold: false,
                    };
                    items.put(item, row);
                },
            )
            .rows(
                |ItemRemoved { product_id }, change| vec![key(change.entity, product_id)],
                |ItemRemoved { product_id }, items, change| items.delete(&key(change.entity, &product_id)),
            )
            // Its own rows are there, whatever they are.
            .rows(
                |CheckedOut {}, _| vec![],
                |CheckedOut {}, items, _| {
                    for item in items.keys() {
                        if let Some(row) = items.get(&item) {
                            items.put(item, CartItem { sold: true, ..row });
                        }
                    }
                },
            )
    }
}

fn key(user: &str, product: &str) -> String {
    format!("{}/{product}", user.replace('\\', r"\\").replace('/', r"\/"))
}

fn timestamp(ms: u64) -> Timestamp {
    Timestamp { seconds: (ms / 1000) as i64, nanos: (ms % 1000) as i32 * 1_000_000 }
}

innkeeper::serve! {
    view: cart_items => Items,
}
