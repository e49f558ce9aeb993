// Package inspect words what vz knows in the JSON that docker inspect prints,
// so that templates written for docker work.
package inspect
