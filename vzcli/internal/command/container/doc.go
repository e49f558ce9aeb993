// Package container has the verbs about containers.
package container
