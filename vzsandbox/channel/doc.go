// Package channel carries typed requests and responses over one connection: a
// vsock port of a guest, a unix socket that is mounted into a container, any
// [net.Conn]. One side calls ([Client]), the other serves ([Serve]); a program that
// wants both directions uses two connections.
//
// # Wire
//
// A frame is a little-endian uint32 and as many bytes of JSON, at most [MaxFrame]:
// one object with a "kind".
//
//	{"kind":"hello","window":64}                     server, once, first
//	{"kind":"request","id":1,"body":…}               client
//	{"kind":"cancel","id":1}                         client
//	{"kind":"answer","id":1,"body":…}                server
//	{"kind":"answer","id":1,"error":{"code":…,"message":…}}
//
// Ids are the client's choice, from 1 on, and not in use twice at once. Each request
// is answered once, in any order, also when it was cancelled. A field that is not
// known is ignored, a kind that is not known ends the connection: so a later version
// may add hints as fields, and whatever must be understood is a new kind.
//
// # Window
//
// A request with a body of n bytes takes 1 + n/1 MiB slots of the server's window (all
// of them if the window is smaller) from when it is sent until it is answered. The
// client waits while there is no room; a request beyond the window is a violation.
// Therefore the server never has to stop reading: cancellations, and the end of the
// connection, arrive however busy it is. And what either side holds for the other is
// bounded, also for a client whose cancelled requests are never answered.
//
// # Trust
//
// Neither side trusts the other. What breaks the rules above ends the connection with
// an error that matches [ErrProtocol], and nothing else happens. A side that does not
// read holds up its own connection only.
//
// # Why not agentproto
//
// Package agentproto of vzlinux is how vz speaks with its own agent: two programs of
// maybe different releases, hence revisions and methods by name; bulk data, hence
// streams beside the control connection; it refuses requests beyond its limit and
// ignores an answer that it does not expect. This package is for the programs of
// others: one pair of types that both ends are compiled with, no methods, no streams,
// requests that wait instead of being refused, and every answer accounted for. It
// imports only the standard library and vzcontract, so that it fits into any guest.
package channel
