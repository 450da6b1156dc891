package profile

import (
	"testing"

	"innkeeper"
	"innkeeper/innkeepertest"
	"profile/gen"
)

// The rules of profiles, without a host. Run `inn build` first: it writes gen.

var (
	ann    = &gen.Profile{User: "ann", Name: "Ann", Email: "ann@example.com"}
	fetch  = gen.Profiles.Fetch(&gen.ProfileRequest{User: "ann"})
	delete = gen.Profiles.Delete(&gen.ProfileRequest{User: "ann"})
)

func given(t *testing.T, value innkeeper.Message) *innkeepertest.Keeping {
	return innkeepertest.Value(t, Services[0]).Given(value)
}

func TestWhatWasPutIsFetched(t *testing.T) {
	given(t, nil).
		When(gen.Profiles.Put(ann)).
		Then(innkeepertest.Updated(ann), ann).
		When(fetch).
		Then(innkeepertest.Unchanged(), ann)
}

func TestPuttingAgainReplacesTheWholeProfile(t *testing.T) {
	renamed := &gen.Profile{User: "ann", Name: "Ann Lee"}
	given(t, ann).
		When(gen.Profiles.Put(renamed)).
		Then(innkeepertest.Updated(renamed), renamed).
		When(fetch).
		Then(innkeepertest.Unchanged(), renamed)
}

func TestWhatNobodyPutIsNotFound(t *testing.T) {
	given(t, nil).When(fetch).Refuses(innkeeper.NotFound, "ann has no profile")
}

func TestWhatWasDeletedIsNotFoundMayBeDeletedAgainAndPutAgain(t *testing.T) {
	given(t, ann).
		When(delete).
		Then(innkeepertest.Removed(), &gen.Empty{}).
		When(fetch).
		Refuses(innkeeper.NotFound).
		When(delete).
		Then(innkeepertest.Removed(), &gen.Empty{}).
		When(gen.Profiles.Put(ann)).
		Then(innkeepertest.Updated(ann), ann)
}
