// Package vzlinux is a Linux guest as its host sees it: a [Bundle] holds what it is
// booted with, an [Agent] is the connection to the agent in it.
//
// The protocol is in agentproto; the agent itself is cmd/vz-guest-agent.
package vzlinux
