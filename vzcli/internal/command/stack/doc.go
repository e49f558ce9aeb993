// Package stack has the verbs of vz stack: docker compose's, over package
// vzstack.
package stack
