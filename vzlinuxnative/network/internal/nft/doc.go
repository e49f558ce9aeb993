// Package nft holds vz's own nftables table: what leaves and enters bridges,
// which network may talk to which, and the published ports. A network or a
// port is an element of a set or map of the table, so the number of rules does
// not grow with them. Each exported call is one transaction. What containers with
// an egress policy may reach is in tables of its own; see [Endpoint].
package nft
