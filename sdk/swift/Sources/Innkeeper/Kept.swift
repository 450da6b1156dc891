// Kept headers: what a host passes on to no function, whatever a service lists. A kit that did would test what cannot be.
//
// A copy of host/header-names.ts, since the SDK is a package of its own; test/sdk/kept-headers.test.ts compares them.

private let credentials = ["authorization", "cookie", "set-cookie"]
private let credentialsPrefix = "proxy-"
private let ofTransport = [
  "connection", "content-length", "content-encoding", "content-type", "date", "expect", "host", "http2-settings",
  "idempotency-key", "keep-alive", "server", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
  "x-innkeeper-commit", "x-request-id",
]
private let ofTransportPrefixes = ["grpc-", ":"]

/// Ends the test for a header that reaches no function. `name`: in lower case.
func checkReaches(_ name: String, _ file: StaticString, _ line: UInt) {
  if isOne(of: credentials, name) || begins(name, credentialsPrefix) {
    failTest(
      "the header \(name) never reaches a function"
        + "; callers send a token in x-token or x-api-key, which are not journaled (setting never-stored-headers); "
        + "to check who calls is the host's job, once it has access control", file, line)
  }
  if isOne(of: ofTransport, name) || begins(name, ofTransportPrefixes[0]) || begins(name, ofTransportPrefixes[1]) {
    failTest(
      "the header \(name) never reaches a function"
        + ", since it belongs to the transport; "
        + "callers send what a function needs under another name, which begins with x-", file, line)
  }
}

private func isOne(of names: [String], _ name: String) -> Bool {
  for one in names where String.order(one, name) == 0 { return true }
  return false
}

private func begins(_ name: String, _ start: String) -> Bool { name.utf8.starts(with: start.utf8) }
