package innkeepertest

import (
	"slices"
	"strings"
	"testing"

	"innkeeper"
)

// What a host passes on to no function, whatever a service lists: a kit that did would test what cannot be. A copy of
// host/header-names.ts, since the SDK is a module of its own; test/sdk/kept-headers.test.ts compares them.
var (
	credentials = []string{"authorization", "cookie", "set-cookie"}
	ofTransport = []string{
		"connection", "content-length", "content-encoding", "content-type", "date", "expect", "host", "http2-settings",
		"idempotency-key", "keep-alive", "server", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
		"x-innkeeper-commit", "x-request-id",
	}
	ofTransportPrefixes = []string{"grpc-", ":"}
)

const (
	credentialsPrefix   = "proxy-"
	insteadOfCredential = "; callers send a token in x-token or x-api-key, which are not journaled (setting never-stored-headers); " +
		"to check who calls is the host's job, once it has access control"
	insteadOfTransport = ", since it belongs to the transport; " +
		"callers send what a function needs under another name, which begins with x-"
)

// checkReaches fails the test for a header that reaches no function.
func checkReaches(t testing.TB, headers []innkeeper.Header) {
	t.Helper()
	for _, header := range headers {
		name := strings.ToLower(header.Name)
		begins := func(start string) bool { return strings.HasPrefix(name, start) }
		switch {
		case slices.Contains(credentials, name) || begins(credentialsPrefix):
			t.Fatalf("the header %s never reaches a function%s", name, insteadOfCredential)
		case slices.Contains(ofTransport, name) || slices.ContainsFunc(ofTransportPrefixes, begins):
			t.Fatalf("the header %s never reaches a function%s", name, insteadOfTransport)
		}
	}
}
