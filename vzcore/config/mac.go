package config

import (
	"crypto/rand"
	"net"
)

// MaxCards is how many cards a machine of NetworkCards may have.
const MaxCards = 8

// CardMAC is the address that card n of a NetworkCards machine is made with, the same
// in every machine. It tells the card from others; the guest gives it another one.
func CardMAC(n int) string { return net.HardwareAddr{0x02, 'v', 'z', 0, 0, byte(n)}.String() }

// RandomMAC returns an address that no maker of hardware uses.
func RandomMAC() string {
	mac := make(net.HardwareAddr, 6)
	_, _ = rand.Read(mac) // never fails
	mac[0] = mac[0]&^1 | 2
	return mac.String()
}
