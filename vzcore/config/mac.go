package config

import (
	"crypto/rand"
	"net"
)

// RandomMAC returns an address that no maker of hardware uses.
func RandomMAC() string {
	mac := make(net.HardwareAddr, 6)
	_, _ = rand.Read(mac) // never fails
	mac[0] = mac[0]&^1 | 2
	return mac.String()
}
