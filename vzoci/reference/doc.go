// Package reference reads and prints image references as Docker does: a short
// name means docker.io, a name without a namespace there means library/, and a
// reference without tag and digest means the tag latest.
package reference
