// Package sandbox has the verbs of vz sandbox.
package sandbox
