// Package vzoci keeps OCI images: it pulls, pushes, stores and unpacks them.
//
//	store, err := vzoci.Open("/var/lib/vz/images")
//	root, err := store.RootFS(ctx, vzcontract.RootFSRequest{Ref: "debian:12", Owner: "my-container"})
//
// A [Store] is a directory that processes share without a daemon. Images in it
// are named by references, by ids (the digest of the config) or prefixes of
// those. Errors match the classes of package vzcontract.
package vzoci
