//go:build !linux

package poolsocket

// short runs use with the path of the socket, which must fit into an address.
func short(socket string, use func(name string) error) error { return use(socket) }
