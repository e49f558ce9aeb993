// Package vzf is the driver for Virtualization.framework: macOS 14 or newer on Apple
// Silicon, in a process that is signed with the entitlement
// com.apple.security.virtualization. On other systems [New] says so.
//
// What decides anything is portable and tested everywhere, on top of a small interface
// (framework, guest); the files for darwin translate that to Code-Hex/vz and do nothing
// else. They were type-checked and vetted on Linux, never run: see docs/macos.md.
//
// The framework cannot change a directory share of a running machine, nor add a device
// to it, so the driver has no hot plug: what AddEntry and Plug ask for is refused unless
// it is there already. A saved machine can be restored on the same Mac by the same user
// only, and its process ends after a save without tearing the machine down.
package vzf
