//! A shopping cart per user. The state is the message that GetCart replies.

pub mod proto {
    ::innkeeper::include_proto!();
}

use proto::examples::cart::v1::shopping_cart::event_sourced::*;
use proto::examples::cart::v1::{
    AddItemRequest, Cart, CheckedOut, CheckoutRequest, GetCartRequest, ItemAdded, ItemRemoved, LineItem,
    RemoveItemRequest, shopping_cart,
};

pub struct Service;

innkeeper::events! {
    pub enum Event { ItemAdded, ItemRemoved, CheckedOut }
}

impl ShoppingCart for Service {
    type State = Cart;
    type Event = Event;

    fn evolve(cart: &mut Cart, event: Event) {
        match event {
            Event::ItemAdded(ItemAdded { product_id, name, quantity }) => {
                match cart.items.iter_mut().find(|item| item.product_id == product_id) {
                    Some(item) => item.quantity += quantity,
                    None => cart.items.push(LineItem { product_id, name, quantity }),
                }
            }
            Event::ItemRemoved(removed) => cart.items.retain(|item| item.product_id != removed.product_id),
            Event::CheckedOut(CheckedOut {}) => cart.checked_out = true,
        }
    }

    fn add_item(cart: &Cart, request: AddItemRequest, _: &Context) -> Decision<Self, ()> {
        let AddItemRequest { product_id, name, quantity, .. } = request;
        if product_id.is_empty() {
            return refuse(Code::InvalidArgument, "product_id must not be empty");
        }
        if quantity <= 0 {
            return refuse(Code::InvalidArgument, format!("quantity must be positive, got {quantity}"));
        }
        open(cart)?;
        let in_cart = find(cart, &product_id).map_or(0, |item| item.quantity);
        if in_cart.checked_add(quantity).is_none() {
            return refuse(Code::InvalidArgument, "quantity is more than a cart can hold");
        }
        accept(ItemAdded { product_id, name, quantity }).reply(())
    }

    fn remove_item(
        cart: &Cart,
        RemoveItemRequest { product_id, .. }: RemoveItemRequest,
        _: &Context,
    ) -> Decision<Self, ()> {
        open(cart)?;
        if find(cart, &product_id).is_none() {
            return refuse(Code::NotFound, format!("there is no {product_id} in the cart"));
        }
        accept(ItemRemoved { product_id }).reply(())
    }

    fn get_cart(cart: &Cart, _: GetCartRequest, _: &Context) -> Decision<Self, Cart> {
        accept(()).reply(cart.clone())
    }

    fn checkout(cart: &Cart, _: CheckoutRequest, _: &Context) -> Decision<Self, Cart> {
        open(cart)?;
        if cart.items.is_empty() {
            return refuse(Code::FailedPrecondition, "the cart is empty");
        }
        accept(CheckedOut {}).reply_with(Cart::clone)
    }
}

fn open(cart: &Cart) -> Result<(), Refusal> {
    if cart.checked_out { refuse(Code::FailedPrecondition, "the cart is checked out") } else { Ok(()) }
}

fn find<'a>(cart: &'a Cart, product_id: &str) -> Option<&'a LineItem> {
    cart.items.iter().find(|item| item.product_id == product_id)
}

innkeeper::serve! {
    event_sourced: shopping_cart => Service,
}
