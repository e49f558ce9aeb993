//go:build !linux

package cli

// parts are none: containers on other systems run in virtual machines.
var parts = map[string]func(args []string) int{}
