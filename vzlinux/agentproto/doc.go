// Package agentproto is the protocol between a host and the agent in its guest:
// frames, handshake, requests with cancellation, and streams.
//
// Everything arrives on one port of the guest ([Port]). The first four bytes of a
// connection say what it is: those of [streamMagic] begin a stream, anything else
// is the length of the first frame of a control connection.
//
// # Control connection
//
// A frame is a little-endian uint32 and as many bytes of JSON, at most
// [MaxFrame]. Each side sends one [Hello] first; the protocol revision is the
// lower of the two newest ([Negotiate]). After that the host sends requests, each
// with an id of its choice, and cancellations; the agent answers each request once,
// in any order. A [Client] is the host's side, a [Server] the agent's.
//
// # Streams
//
// Bulk data never travels in JSON. The answer to a request carries a [Token] per
// stream; the host opens a connection, sends the token once and, after the
// agent's acknowledgement, the connection is the stream: raw bytes, half-close,
// the transport's own flow control. See [Streams] and [OpenStream].
//
// Neither side trusts the other: sizes, counts and times are bounded, and a peer
// that breaks the rules loses its connection and nothing else happens.
package agentproto

// Port is where the agent listens, on AF_VSOCK.
const Port = 7424
