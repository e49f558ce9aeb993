// Package sparse reads and copies files with holes, such as a guest's memory, of which
// a fraction was ever used, in time that is proportional to what they hold.
package sparse
