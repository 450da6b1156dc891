// Package profile is what a user says of herself: one value a user, put, fetched and deleted as a whole.
package profile

import (
	"innkeeper"
	"innkeeper/value"
	"profile/gen"
)

// Services is what inn build makes a component of.
var Services = []innkeeper.Service{value.New(gen.ProfilesValue[*gen.Profile](profiles{}))}

type profiles struct{}

type (
	toProfile = value.Command[*gen.Profile, *gen.Profile]
	toEmpty   = value.Command[*gen.Profile, *gen.Empty]
)

func (profiles) Put(_, request *gen.Profile, c *toProfile) value.Decision {
	return c.Update(request).Reply(request)
}

func (profiles) Fetch(current *gen.Profile, request *gen.ProfileRequest, c *toProfile) value.Decision {
	if current == nil {
		return c.Refuse(innkeeper.NotFound, request.User+" has no profile")
	}
	return c.Accept().Reply(current)
}

func (profiles) Delete(_ *gen.Profile, _ *gen.ProfileRequest, c *toEmpty) value.Decision {
	return c.Remove().Reply(&gen.Empty{})
}
