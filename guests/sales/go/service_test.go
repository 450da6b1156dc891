package sales

import (
	"strings"
	"testing"

	"innkeeper"
	"innkeeper/innkeepertest"
	"sales/gen"
)

// The rows of carts, without a host. Run `inn build` first: it writes gen.

func happened(user string, event innkeeper.Message) innkeepertest.Changed {
	return innkeepertest.Happened(gen.ShoppingCartName, user, event)
}

func added(user, productID string, quantity int32) innkeepertest.Changed {
	return happened(user, &gen.ItemAdded{ProductId: productID, Name: strings.ToUpper(productID), Quantity: quantity})
}

// The kit's times are a second apart.
func row(user, product string, quantity, second int64, sold bool) *gen.CartItem {
	return &gen.CartItem{
		Item: key(user, product), User: user, Product: product, Name: strings.ToUpper(product), Quantity: quantity,
		Changed: &gen.Timestamp{Seconds: 1_767_225_600 + second}, Sold: sold,
	}
}

func TestHasARowOfEachProductInEachCart(t *testing.T) {
	innkeepertest.View(t, Services[0]).Given(nil).
		When(added("ann", "tea", 2), added("bob", "tea", 1), added("ann", "cup", 1), added("ann", "tea", 3)).
		Then(innkeepertest.Rows{
			"ann/cup": row("ann", "cup", 1, 2, false),
			"ann/tea": row("ann", "tea", 5, 3, false),
			"bob/tea": row("bob", "tea", 1, 1, false),
		})
}

func TestSellsWhatIsInTheCartWhenItIsCheckedOut(t *testing.T) {
	removed := happened("ann", &gen.ItemRemoved{ProductId: "tea"})
	innkeepertest.View(t, Services[0]).Given(nil).
		When(added("ann", "tea", 2), added("ann", "cup", 1), removed, happened("ann", &gen.CheckedOut{})).
		Then(innkeepertest.Rows{"ann/cup": row("ann", "cup", 1, 1, true)})
}

func TestKeepsUsersApartWhoseNamesHaveASlash(t *testing.T) {
	innkeepertest.View(t, Services[0]).Given(nil).
		When(added("a", `b\/c`, 1), added("a/b", "c", 1)).
		Then(innkeepertest.Rows{`a/b\/c`: row("a", `b\/c`, 1, 0, false), `a\/b/c`: row("a/b", "c", 1, 1, false)})
}
