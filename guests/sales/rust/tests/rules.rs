//! The rows of carts, without a host. `inn build` first: it writes src/gen.

use innkeeper::testing::view::{Changed, event, given};
use sales::Items;
use sales::proto::examples::cart::v1::{CheckedOut, ItemAdded, ItemRemoved, shopping_cart};
use sales::proto::examples::sales::v1::CartItem;

fn added(user: &str, product_id: &str, quantity: i32) -> Changed {
    let (product_id, name) = (product_id.into(), product_id.to_uppercase());
    event(shopping_cart::SERVICE, user, ItemAdded { product_id, name, quantity })
}

fn removed(user: &str, product_id: &str) -> Changed {
    event(shopping_cart::SERVICE, user, ItemRemoved { product_id: product_id.into() })
}

fn checked_out(user: &str) -> Changed {
    event(shopping_cart::SERVICE, user, CheckedOut {})
}

/// Without times, which are the kit's.
fn rows(changes: impl IntoIterator<Item = Changed>) -> Vec<(String, CartItem)> {
    let all = given::<Items>([]).when(changes).rows();
    all.into_iter().map(|(key, row)| (key, CartItem { changed: None, ..row })).collect()
}

fn row(item: &str, user: &str, product: &str, quantity: i64, sold: bool) -> (String, CartItem) {
    let (item, name) = (item.to_string(), product.to_uppercase());
    let row =
        CartItem { item: item.clone(), user: user.into(), product: product.into(), name, quantity, changed: None, sold };
    (item, row)
}

#[test]
fn has_a_row_of_each_product_in_each_cart() {
    let changes = [added("ann", "tea", 2), added("bob", "tea", 1), added("ann", "cup", 1), added("ann", "tea", 3)];
    let all = [
        row("ann/cup", "ann", "cup", 1, false),
        row("ann/tea", "ann", "tea", 5, false),
        row("bob/tea", "bob", "tea", 1, false),
    ];
    assert_eq!(rows(changes), all);
}

#[test]
fn sells_what_is_in_the_cart_when_it_is_checked_out() {
    let changes = [added("ann", "tea", 2), added("ann", "cup", 1), removed("ann", "tea"), checked_out("ann")];
    assert_eq!(rows(changes), [row("ann/cup", "ann", "cup", 1, true)]);
}

#[test]
fn keeps_users_apart_whose_names_have_a_slash() {
    let all = [row(r"a/b\/c", "a", r"b\/c", 1, false), row(r"a\/b/c", "a/b", "c", 1, false)];
    assert_eq!(rows([added("a", r"b\/c", 1), added("a/b", "c", 1)]), all);
}
