// Package orders has no state of its own; it connects carts and a counter.
package orders

import (
	"innkeeper"
	"innkeeper/action"
	"orders/gen"
)

// Services is what inn build makes a component of.
var Services = []innkeeper.Service{action.New(gen.OrdersAction(orders{}))}

type orders struct{}

func (orders) Place(request *gen.PlaceRequest, c *action.Command[*gen.Order]) action.Decision {
	return c.Accept().
		SynchronousEffect(gen.Counter.Add(&gen.AddRequest{Id: "orders", Amount: 1})).
		Forward(gen.ShoppingCart.Checkout(&gen.CheckoutRequest{UserId: request.UserId}))
}

type importing = action.Taking[*gen.Summary, *gen.Summary]

// Import decides by itself what a cart would refuse: an action gets no answers of other services.
func (orders) Import() action.ClientStreamHandler[*gen.AddItemRequest, *gen.Summary] {
	return action.ClientStream[*gen.Summary, *gen.AddItemRequest, *gen.Summary]{
		Item: func(sum *gen.Summary, item *gen.AddItemRequest, t *importing) *importing {
			if item.Quantity <= 0 || item.ProductId == "" {
				return t.Keep(&gen.Summary{Accepted: sum.Accepted, Refused: sum.Refused + 1})
			}
			return t.Keep(&gen.Summary{Accepted: sum.Accepted + 1, Refused: sum.Refused}).
				SynchronousEffect(gen.ShoppingCart.AddItem(item))
		},
		End: func(sum *gen.Summary, c *action.Command[*gen.Summary]) action.Decision {
			return c.Accept().Reply(sum)
		},
	}
}

type watching = action.Step[*gen.WatchRequest, *gen.Cart]

func (orders) Watch() action.ServerStreamHandler[*gen.WatchRequest, *gen.Cart] {
	return action.ServerStream[*gen.WatchRequest, *gen.WatchRequest, *gen.Cart]{
		Start: func(request *gen.WatchRequest, _ *innkeeper.Context) (*gen.WatchRequest, *innkeeper.Refusal) {
			return request, nil
		},
		Next: func(left *gen.WatchRequest, s *watching) *watching {
			if left.Times <= 0 {
				return s.End()
			}
			cart := gen.ShoppingCart.GetCart(&gen.GetCartRequest{UserId: left.UserId})
			return s.EmitAnswer(s.Accept().Forward(cart)).
				Keep(&gen.WatchRequest{UserId: left.UserId, Times: left.Times - 1})
		},
	}
}

type echoing = action.Step[*action.NoState, *gen.Text]

func (orders) Echo() action.BidiHandler[*gen.Text, *gen.Text] {
	return action.Bidi[*action.NoState, *gen.Text, *gen.Text]{
		Item: func(_ *action.NoState, text *gen.Text, s *echoing) *echoing { return s.Emit(text) },
	}
}
