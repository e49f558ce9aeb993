package provision

import "bytes"

// kcKey is the key of /etc/kcpassword, the same on every Mac: the file hides the password
// of the user who is logged in at boot from a look over the shoulder, and from no more.
var kcKey = [11]byte{0x7d, 0x89, 0x52, 0x23, 0xd2, 0xbc, 0xdd, 0xea, 0xa3, 0xb9, 0x1f}

// kcBlock is what the length is a multiple of.
const kcBlock = 12

// KCPassword encodes a password without zero bytes for /etc/kcpassword: with at least one
// zero behind it, filled with zeros to a multiple of 12 bytes, each byte with its place's
// of the key.
func KCPassword(password string) []byte {
	out := make([]byte, len(password)+kcBlock-len(password)%kcBlock)
	copy(out, password)
	for i := range out {
		out[i] ^= kcKey[i%len(kcKey)]
	}
	return out
}

// DecodeKCPassword is the reverse of [KCPassword].
func DecodeKCPassword(data []byte) string {
	out := bytes.Clone(data)
	for i := range out {
		out[i] ^= kcKey[i%len(kcKey)]
	}
	before, _, _ := bytes.Cut(out, []byte{0})
	return string(before)
}
