// Package sales is a view of what lies in carts, a row for each product in each of them, and what of it was sold.
package sales

import (
	"strings"

	"innkeeper"
	"innkeeper/view"
	"sales/gen"
)

// Services is what inn build makes a component of.
var Services = []innkeeper.Service{
	view.New(
		gen.CartItemsName,
		view.Events(
			gen.ShoppingCartName,
			view.Rows(
				func(added *gen.ItemAdded, change view.Change) []string {
					return []string{key(change.Entity, added.ProductId)}
				},
				itemAdded,
			),
			view.Rows(
				func(removed *gen.ItemRemoved, change view.Change) []string {
					return []string{key(change.Entity, removed.ProductId)}
				},
				func(removed *gen.ItemRemoved, items *view.Table[*gen.CartItem], change view.Change) {
					items.Delete(key(change.Entity, removed.ProductId))
				},
			),
			// Its own rows are there, whatever they are.
			view.Rows(func(*gen.CheckedOut, view.Change) []string { return nil }, checkedOut),
		),
	),
}

func itemAdded(added *gen.ItemAdded, items *view.Table[*gen.CartItem], change view.Change) {
	item := key(change.Entity, added.ProductId)
	row := &gen.CartItem{Item: item, User: change.Entity, Product: added.ProductId, Name: added.Name}
	if before := items.Get(item); before != nil {
		row.Name, row.Quantity = before.Name, before.Quantity
	}
	row.Quantity += int64(added.Quantity)
	row.Changed = &gen.Timestamp{Seconds: int64(change.At / 1000), Nanos: int32(change.At%1000) * 1_000_000}
	items.Put(item, row)
}

func checkedOut(_ *gen.CheckedOut, items *view.Table[*gen.CartItem], _ view.Change) {
	for _, item := range items.Keys() {
		row := *items.Get(item)
		row.Sold = true
		items.Put(item, &row)
	}
}

var escape = strings.NewReplacer(`\`, `\\`, `/`, `\/`)

func key(user, product string) string {
	return escape.Replace(user) + "/" + product
}
