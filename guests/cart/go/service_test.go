package cart

import (
	"math"
	"testing"

	"cart/gen"
	"innkeeper"
	"innkeeper/innkeepertest"
)

// The cart's rules, without a host. Run `inn build` first: it writes gen.

func given(t *testing.T, events ...innkeeper.Message) *innkeepertest.History {
	return innkeepertest.EventSourced(t, Services[0]).Given(events...)
}

var (
	events = innkeepertest.Events
	empty  = &gen.Empty{}

	getCart  = gen.ShoppingCart.GetCart(&gen.GetCartRequest{UserId: "u"})
	checkout = gen.ShoppingCart.Checkout(&gen.CheckoutRequest{UserId: "u"})
)

func add(productID, name string, quantity int32) innkeeper.Call {
	request := &gen.AddItemRequest{UserId: "u", ProductId: productID, Name: name, Quantity: quantity}
	return gen.ShoppingCart.AddItem(request)
}

func remove(productID string) innkeeper.Call {
	return gen.ShoppingCart.RemoveItem(&gen.RemoveItemRequest{UserId: "u", ProductId: productID})
}

func added(productID, name string, quantity int32) *gen.ItemAdded {
	return &gen.ItemAdded{ProductId: productID, Name: name, Quantity: quantity}
}

func item(productID, name string, quantity int32) *gen.LineItem {
	return &gen.LineItem{ProductId: productID, Name: name, Quantity: quantity}
}

func TestListsItemsInTheOrderFirstAdded(t *testing.T) {
	given(t).
		When(add("tea", "Tea", 2)).
		Then(events(added("tea", "Tea", 2)), empty).
		When(add("cup", "Cup", 1)).
		Then(events(added("cup", "Cup", 1)), empty).
		When(getCart).
		Then(events(), &gen.Cart{Items: []*gen.LineItem{item("tea", "Tea", 2), item("cup", "Cup", 1)}})
}

func TestAddsUpAProductThatIsAddedAgainUnderItsFirstName(t *testing.T) {
	given(t, added("tea", "Tea", 2), added("cup", "Cup", 1)).
		When(add("tea", "Green tea", 3)).
		Then(events(added("tea", "Green tea", 3)), empty).
		When(getCart).
		Then(events(), &gen.Cart{Items: []*gen.LineItem{item("tea", "Tea", 5), item("cup", "Cup", 1)}})
}

func TestRefusesAQuantityThatIsNotPositiveAnEmptyProductIdAndTooMuch(t *testing.T) {
	for _, quantity := range []int32{0, -1, math.MinInt32} {
		given(t).When(add("tea", "Tea", quantity)).Refuses(innkeeper.InvalidArgument)
	}
	given(t).When(add("", "Tea", 1)).Refuses(innkeeper.InvalidArgument, "product_id must not be empty")
	given(t, added("tea", "Tea", math.MaxInt32)).
		When(add("tea", "Tea", 1)).
		Refuses(innkeeper.InvalidArgument, "quantity is more than a cart can hold")
}

func TestRemovesWhatIsInItAndRefusesWhatIsNot(t *testing.T) {
	given(t, added("tea", "Tea", 2), added("cup", "Cup", 1)).
		When(remove("tea")).
		Then(events(&gen.ItemRemoved{ProductId: "tea"}), empty).
		When(remove("tea")).
		Refuses(innkeeper.NotFound, "there is no tea in the cart").
		When(getCart).
		Then(events(), &gen.Cart{Items: []*gen.LineItem{item("cup", "Cup", 1)}})
}

func TestChecksOutOnceAndChangesNoMore(t *testing.T) {
	after := given(t, added("tea", "Tea", 2)).
		When(checkout).
		Then(events(&gen.CheckedOut{}), &gen.Cart{Items: []*gen.LineItem{item("tea", "Tea", 2)}, CheckedOut: true})
	after.When(checkout).Refuses(innkeeper.FailedPrecondition, "the cart is checked out")
	after.When(add("cup", "Cup", 1)).Refuses(innkeeper.FailedPrecondition)
	after.When(remove("tea")).Refuses(innkeeper.FailedPrecondition)
}

func TestRefusesToCheckOutAnEmptyCart(t *testing.T) {
	given(t).When(checkout).Refuses(innkeeper.FailedPrecondition, "the cart is empty")
}
