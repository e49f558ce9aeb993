// Package names answers a container's DNS questions: those for its networks'
// containers by itself, all others by asking the host's resolvers.
package names
