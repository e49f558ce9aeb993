// Package agent is the guest's side of agentproto: it accepts the host's
// connections and does its requests with the packages below.
package agent
