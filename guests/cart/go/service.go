// Package cart is a shopping cart per user. The state is the message that GetCart replies.
package cart

import (
	"math"
	"slices"
	"strconv"

	"cart/gen"
	"innkeeper"
	"innkeeper/eventsourced"
)

// Services is what inn build makes a component of.
var Services = []innkeeper.Service{
	eventsourced.New(
		gen.ShoppingCartEventSourced[*gen.Cart](cart{}),
		eventsourced.Evolve(itemAdded),
		eventsourced.Evolve(itemRemoved),
		eventsourced.Evolve(checkedOut),
	),
}

var isCheckedOut = innkeeper.Refuse(innkeeper.FailedPrecondition, "the cart is checked out")

type cart struct{}

type (
	toEmpty = eventsourced.Command[*gen.Cart, *gen.Empty]
	toCart  = eventsourced.Command[*gen.Cart, *gen.Cart]
)

func (cart) AddItem(state *gen.Cart, request *gen.AddItemRequest, c *toEmpty) eventsourced.Decision {
	if request.ProductId == "" {
		return c.Refuse(innkeeper.InvalidArgument, "product_id must not be empty")
	}
	if request.Quantity <= 0 {
		return c.Refuse(innkeeper.InvalidArgument, "quantity must be positive, got "+strconv.Itoa(int(request.Quantity)))
	}
	if state.CheckedOut {
		return c.RefuseWith(isCheckedOut)
	}
	if i := find(state, request.ProductId); i >= 0 && state.Items[i].Quantity > math.MaxInt32-request.Quantity {
		return c.Refuse(innkeeper.InvalidArgument, "quantity is more than a cart can hold")
	}
	added := &gen.ItemAdded{ProductId: request.ProductId, Name: request.Name, Quantity: request.Quantity}
	return c.Accept(added).Reply(&gen.Empty{})
}

func (cart) RemoveItem(state *gen.Cart, request *gen.RemoveItemRequest, c *toEmpty) eventsourced.Decision {
	if state.CheckedOut {
		return c.RefuseWith(isCheckedOut)
	}
	if find(state, request.ProductId) < 0 {
		return c.Refuse(innkeeper.NotFound, "there is no "+request.ProductId+" in the cart")
	}
	return c.Accept(&gen.ItemRemoved{ProductId: request.ProductId}).Reply(&gen.Empty{})
}

func (cart) GetCart(state *gen.Cart, _ *gen.GetCartRequest, c *toCart) eventsourced.Decision {
	return c.Accept().Reply(state)
}

func (cart) Checkout(state *gen.Cart, _ *gen.CheckoutRequest, c *toCart) eventsourced.Decision {
	if state.CheckedOut {
		return c.RefuseWith(isCheckedOut)
	}
	if len(state.Items) == 0 {
		return c.Refuse(innkeeper.FailedPrecondition, "the cart is empty")
	}
	return c.Accept(&gen.CheckedOut{}).ReplyAfter(func(after *gen.Cart) *gen.Cart { return after })
}

func itemAdded(state *gen.Cart, event *gen.ItemAdded) *gen.Cart {
	if i := find(state, event.ProductId); i >= 0 {
		state.Items[i].Quantity += event.Quantity
		return state
	}
	item := &gen.LineItem{ProductId: event.ProductId, Name: event.Name, Quantity: event.Quantity}
	state.Items = append(state.Items, item)
	return state
}

func itemRemoved(state *gen.Cart, event *gen.ItemRemoved) *gen.Cart {
	if i := find(state, event.ProductId); i >= 0 {
		state.Items = slices.Delete(state.Items, i, i+1)
	}
	return state
}

func checkedOut(state *gen.Cart, _ *gen.CheckedOut) *gen.Cart {
	state.CheckedOut = true
	return state
}

func find(state *gen.Cart, productID string) int {
	return slices.IndexFunc(state.Items, func(item *gen.LineItem) bool { return item.ProductId == productID })
}
