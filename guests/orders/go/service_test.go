package orders

import (
	"testing"

	"innkeeper"
	"innkeeper/innkeepertest"
	"orders/gen"
)

// The rules of orders, without a host. Run `inn build` first: it writes gen.

func kit(t *testing.T) *innkeepertest.ActionKit {
	return innkeepertest.Action(t, Services[0])
}

func tea(productID string, quantity int32) *gen.AddItemRequest {
	return &gen.AddItemRequest{UserId: "u", ProductId: productID, Name: "Tea", Quantity: quantity}
}

func TestPlacingAnOrderChecksTheCartOutAndCountsTheOrder(t *testing.T) {
	kit(t).
		When(gen.Orders.Place(&gen.PlaceRequest{UserId: "u", OrderId: "o"})).
		Effects(innkeepertest.Synchronous(gen.Counter.Add(&gen.AddRequest{Id: "orders", Amount: 1}))).
		Forwards(gen.ShoppingCart.Checkout(&gen.CheckoutRequest{UserId: "u"}))
}

func TestAnImportAddsWhatCanBeAddedAndCountsTheRest(t *testing.T) {
	kit(t).Stream("Import").
		Sends(tea("tea", 2), tea("tea", 0), tea("", 2), tea("cup", 2)).
		Closes().
		Effects(
			innkeepertest.Synchronous(gen.ShoppingCart.AddItem(tea("tea", 2))),
			innkeepertest.Synchronous(gen.ShoppingCart.AddItem(tea("cup", 2))),
		).
		Replies(&gen.Summary{Accepted: 2, Refused: 2})
}

func TestAnImportOfNothingIsNothing(t *testing.T) {
	kit(t).Stream("Import").Closes().Replies(&gen.Summary{})
}

func TestWatchingIsTheCartSoManyTimes(t *testing.T) {
	watch := func(times int32) innkeeper.Call {
		return gen.Orders.Watch(&gen.WatchRequest{UserId: "u", Times: times})
	}
	cart := gen.ShoppingCart.GetCart(&gen.GetCartRequest{UserId: "u"})
	kit(t).StreamOf(watch(3)).Forwards(cart).Forwards(cart).Forwards(cart).Ends()
	kit(t).StreamOf(watch(0)).Ends()
}

func TestAnEchoIsWhatWasSentForAsLongAsSomethingIsSent(t *testing.T) {
	text := func(text string) *gen.Text { return &gen.Text{Text: text} }
	kit(t).Stream("Echo").
		Sends(text("a")).
		Emits(text("a")).
		Silent().
		Sends(text("b"), text("")).
		Emits(text("b"), text("")).
		Closes().
		Ends()
}
