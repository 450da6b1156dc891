//! The cart's rules, without a host. `inn build` first: it writes src/gen.

use cart::Service;
use cart::proto::examples::cart::v1::shopping_cart::call;
use cart::proto::examples::cart::v1::{
    AddItemRequest, Cart, CheckedOut, CheckoutRequest, GetCartRequest, ItemAdded, ItemRemoved, LineItem,
    RemoveItemRequest,
};
use innkeeper::testing::event_sourced::given;
use innkeeper::{Call, Code};

fn item(product_id: &str, name: &str, quantity: i32) -> LineItem {
    LineItem { product_id: product_id.into(), name: name.into(), quantity }
}

fn tea() -> LineItem {
    item("tea", "Tea", 2)
}

fn cup() -> LineItem {
    item("cup", "Cup", 1)
}

fn added(LineItem { product_id, name, quantity }: LineItem) -> ItemAdded {
    ItemAdded { product_id, name, quantity }
}

fn add(LineItem { product_id, name, quantity }: LineItem) -> Call<()> {
    call::add_item(AddItemRequest { user_id: "u".into(), product_id, name, quantity })
}

fn remove(product_id: &str) -> Call<()> {
    call::remove_item(RemoveItemRequest { user_id: "u".into(), product_id: product_id.into() })
}

fn get() -> Call<Cart> {
    call::get_cart(GetCartRequest { user_id: "u".into() })
}

fn checkout() -> Call<Cart> {
    call::checkout(CheckoutRequest { user_id: "u".into() })
}

#[test]
fn lists_items_in_the_order_first_added() {
    given::<Service>(())
        .when(add(tea()))
        .then(added(tea()), ())
        .when(add(cup()))
        .then(added(cup()), ())
        .when(get())
        .then((), Cart { items: vec![tea(), cup()], checked_out: false });
}

#[test]
fn adds_up_the_quantity_of_a_product_under_its_first_name() {
    let again = item("tea", "Green tea", 3);
    given::<Service>([added(tea()), added(cup())])
        .when(add(again.clone()))
        .then(added(again), ())
        .when(get())
        .then((), Cart { items: vec![item("tea", "Tea", 5), cup()], checked_out: false });
}

#[test]
fn refuses_what_no_cart_can_hold() {
    for quantity in [0, -1] {
        given::<Service>(()).when(add(item("tea", "Tea", quantity))).refuses(Code::InvalidArgument, "quantity");
    }
    given::<Service>(()).when(add(item("", "Tea", 1))).refuses(Code::InvalidArgument, "product_id");
    given::<Service>(added(item("tea", "Tea", i32::MAX)))
        .when(add(item("tea", "Tea", 1)))
        .refuses(Code::InvalidArgument, "more than");
}

#[test]
fn removes_what_is_in_it_and_refuses_what_is_not() {
    given::<Service>([added(tea()), added(cup())])
        .when(remove("tea"))
        .then(ItemRemoved { product_id: "tea".into() }, ())
        .when(remove("tea"))
        .refuses(Code::NotFound, "there is no tea")
        .when(get())
        .then((), Cart { items: vec![cup()], checked_out: false });
}

#[test]
fn checks_out_once_and_changes_no_more() {
    let after = given::<Service>(added(tea()))
        .when(checkout())
        .then(CheckedOut {}, Cart { items: vec![tea()], checked_out: true });
    after.when(checkout()).refuses(Code::FailedPrecondition, "checked out");
    after.when(add(cup())).refuses(Code::FailedPrecondition, "checked out");
    after.when(remove("tea")).refuses(Code::FailedPrecondition, "checked out");
}

#[test]
fn refuses_to_check_out_an_empty_cart() {
    given::<Service>(()).when(checkout()).refuses(Code::FailedPrecondition, "the cart is empty");
}
