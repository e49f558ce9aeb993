// Package vzlinux will be the Linux guest: kernel bundle, guest agent and its protocol.
// It holds nothing yet.
package vzlinux
