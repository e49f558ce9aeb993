// Package inflate reads gzip streams (RFC 1951, RFC 1952) faster than the
// general packages: unpacking an image waits for this decoder more than for
// anything else. It follows the plan of libdeflate: a 64-bit bit buffer that is
// filled without branches, tables that give a symbol with its extra bits in one
// step, and a loop without any checks of ends as long as neither the input nor
// the output can run out.
//
// The bytes are not trusted. Whatever they are, the result is what the standard
// library makes of them, or an error; a fuzz test compares the two.
package inflate
