package agentproto_test

import (
	"fmt"

	"vz.internal/vzlinux/agentproto"
)

// Host and agent agree on the newest revision that both speak, or say which side
// is to be updated.
func ExampleNegotiate() {
	revision, err := agentproto.Negotiate(agentproto.Hello{MinRevision: 1, MaxRevision: 3}, agentproto.Hello{MinRevision: 2, MaxRevision: 2})
	fmt.Println(revision, err)
	_, err = agentproto.Negotiate(agentproto.Hello{MinRevision: 4, MaxRevision: 5}, agentproto.Hello{MinRevision: 1, MaxRevision: 2})
	fmt.Println(err != nil)
	// Output:
	// 2 <nil>
	// true
}
